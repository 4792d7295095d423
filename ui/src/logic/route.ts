/** Which page a URL's fragment names: `#/works/root.train`. */
export const pages = ['app', 'works', 'state', 'timeline', 'logs', 'commands'] as const;
export type Page = (typeof pages)[number];

export interface Route {
  readonly page: Page;
  /** What of the page: a tab, a work, a pointer, a version, a source, a command. */
  readonly item: string | null;
}

/** `null` when it names no page. */
export function parseRoute(hash: string): Route | null {
  const match = /^#\/([a-z]+)(?:\/(.*))?$/s.exec(hash);
  const page = pages.find((each) => each === match?.[1]);
  if (page === undefined) return null;
  const item = match?.[2];
  return { page, item: item === undefined || item === '' ? null : decode(item) };
}

export function formatRoute({ page, item }: Route): string {
  // Slashes stay readable: they separate nothing here.
  const text = item === null ? '' : `/${encodeURIComponent(item).replaceAll('%2F', '/')}`;
  return `#/${page}${text}`;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
