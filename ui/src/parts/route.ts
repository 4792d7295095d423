import { useSyncExternalStore } from 'react';
import { formatRoute, parseRoute, type Page, type Route } from '../logic/route.ts';

let current = parseRoute(location.hash);

function subscribe(listener: () => void): () => void {
  const changed = (): void => {
    current = parseRoute(location.hash);
    listener();
  };
  addEventListener('hashchange', changed);
  return () => removeEventListener('hashchange', changed);
}

/** `null` while the URL names no page. */
export function useRoute(): Route | null {
  return useSyncExternalStore(subscribe, () => current);
}

/** The page may have a base that is not its own address, so a fragment alone would lead elsewhere. */
export function hrefOf(page: Page, item: string | null = null): string {
  return location.pathname + location.search + formatRoute({ page, item });
}

export function go(page: Page, item: string | null = null): void {
  location.hash = formatRoute({ page, item });
}

/** Like {@link go}, without a step for the back button: the item follows what is selected. */
export function follow(page: Page, item: string | null): void {
  const hash = formatRoute({ page, item });
  if (hash === location.hash) return;
  history.replaceState(null, '', location.pathname + location.search + hash);
  dispatchEvent(new Event('hashchange'));
}
