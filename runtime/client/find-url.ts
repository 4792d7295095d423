/** Where the app of a page, or of a program that the app started, is. */
import { appError } from '../errors/index.ts';

/** What the one-file build is called; it lies at the root of the app. */
const OWN_FILE = '/client.js';
/** Below these the app serves pages. */
const PAGES = /\/(?:frontends|works|view)(?:\/.*)?$/;

/**
 * The address of the app that this code belongs to: the one that served this file or the page, else what
 * `STORMKITE_STATE_URL` says.
 *
 * @throws `CLIENT_URL_MISSING`
 */
export function findUrl(): string {
  const self: string | undefined = import.meta.url;
  if (self?.startsWith('http') && new URL(self).pathname.endsWith(OWN_FILE))
    return self.slice(0, self.lastIndexOf(OWN_FILE) + 1);
  const page = memberOf(globalThis, 'location');
  const href = memberOf(page, 'href');
  if (typeof href === 'string' && href.startsWith('http')) {
    const { origin, pathname } = new URL(href);
    return origin + pathname.replace(PAGES, '/');
  }
  const url = fromEnvironment('STORMKITE_STATE_URL');
  if (url === undefined) throw appError('CLIENT_URL_MISSING', {});
  return url;
}

/** A variable of the process's environment; undefined in a page, and when it is empty. */
export function fromEnvironment(name: string): string | undefined {
  const value = memberOf(memberOf(memberOf(globalThis, 'process'), 'env'), name);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
