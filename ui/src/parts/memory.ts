/** Choices that this browser remembers, per app address. Where it may not (a private window), they last as long as the page. */
const PREFIX = 'stormkite.';

export function recall(key: string): string | null {
  try {
    return localStorage.getItem(PREFIX + key);
  } catch {
    return null;
  }
}

export function remember(key: string, value: string): void {
  try {
    localStorage.setItem(PREFIX + key, value);
  } catch {
    // It lasts as long as the page.
  }
}
