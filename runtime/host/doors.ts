/** Where the doors of the running package are, so that an app and the runtime share one instance. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const PACKAGE = 'stormkite';
/** `.ts` from source, `.js` from `dist`. */
const EXTENSION = import.meta.url.slice(import.meta.url.lastIndexOf('.'));

/** Doors to modules, without extension, seen from here. */
const DOORS: Readonly<Record<string, string>> = {
  stormkite: '../index',
  'stormkite/client': '../client/index',
  'stormkite/client/react': '../client/react',
  'stormkite/testing': '../testing',
  'stormkite/infra': '../../infra/index',
};

/** Whether an import names this package. */
export function isDoor(specifier: string): boolean {
  return specifier === PACKAGE || specifier.startsWith(`${PACKAGE}/`);
}

/** The file URL of a door; `null` when there is no such door. */
export function doorUrl(specifier: string): string | null {
  const module = Object.hasOwn(DOORS, specifier) ? DOORS[specifier] : undefined;
  if (module === undefined) return null;
  const url = new URL(module + EXTENSION, import.meta.url);
  return existsSync(fileURLToPath(url)) ? url.href : null;
}
