import type { Json } from '../state/json.ts';

/**
 * JSON text that is the same for equal values: object keys sorted, order of arrays kept.
 *
 * Follows the key order of RFC 8785 (UTF-16 code units); numbers and text as `JSON.stringify` writes them, which RFC 8785 prescribes.
 */
export function canonicalJson(value: Json): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const members = Object.keys(value)
    .toSorted()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key] ?? null)}`);
  return `{${members.join(',')}}`;
}
