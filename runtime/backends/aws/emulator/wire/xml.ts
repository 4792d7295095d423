/** XML as the Query protocols and S3 write it: elements only, no attributes but the namespace. */

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\r': '&#xD;',
};

export function escapeXml(text: string): string {
  return text.replace(/[&<>"\r]/g, (character) => ESCAPES[character] ?? character);
}

/** Name of the elements of a list: EC2 says `item`, the others `member`; S3 repeats the list's own name. */
export type ListStyle = 'item' | 'member' | 'flat';

/** One element with its content; what is undefined is left out. */
export function toXml(name: string, value: unknown, style: ListStyle): string {
  if (value === undefined || value === null) return '';
  if (Array.isArray(value)) {
    if (style === 'flat') return value.map((each) => toXml(name, each, style)).join('');
    return element(name, value.map((each) => toXml(style, each, style)).join(''));
  }
  if (value instanceof Date) return element(name, value.toISOString());
  if (typeof value === 'object')
    return element(
      name,
      Object.entries(value)
        .map(([key, each]) => toXml(key, each, style))
        .join(''),
    );
  return element(name, escapeXml(typeof value === 'string' ? value : JSON.stringify(value)));
}

function element(name: string, content: string): string {
  return `<${name}>${content}</${name}>`;
}
