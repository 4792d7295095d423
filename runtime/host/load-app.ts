import { pathToFileURL } from 'node:url';
import { sep } from 'node:path';
import type { App } from '../component/app.ts';
import { appError, isAppError } from '../errors/index.ts';
import { PROJECT_ROOT_KEY } from './bundle-meta.ts';

const appBrand = Symbol.for('stormkite.app');
const projectRootKey = Symbol.for(PROJECT_ROOT_KEY);

/** An app file that was loaded. */
export interface LoadedApp {
  readonly app: App;
  /** Everything that the app file exports. */
  readonly exports: Record<string, unknown>;
}

/**
 * Imports a bundle that `bundleApp` made. A second call with the same bundle gives the same objects.
 *
 * @param projectRoot - absolute; where the app's files are on this machine
 * @param appFile - the file as the user wrote it, for messages
 * @throws `HOST_APP_LOAD_FAILED` with the cause, `HOST_APP_NO_DEFAULT`; our own errors that user code raised pass as they are
 */
export async function loadApp(
  bundlePath: string,
  projectRoot: string,
  appFile = 'the app file',
): Promise<LoadedApp> {
  // Stacks name the user's files and lines.
  process.setSourceMapsEnabled(true);
  const root = projectRoot.endsWith(sep) ? projectRoot : projectRoot + sep;
  Object.assign(globalThis, { [projectRootKey]: pathToFileURL(root).href });
  const exports = await importBundle(pathToFileURL(bundlePath).href, appFile);
  const app = exports['default'];
  if (!isApp(app)) {
    const named = Object.keys(exports).find((name) => isApp(exports[name])) ?? null;
    throw appError('HOST_APP_NO_DEFAULT', { file: appFile, got: describe(app), named });
  }
  return { app, exports };
}

async function importBundle(url: string, file: string): Promise<Record<string, unknown>> {
  try {
    const loaded: unknown = await import(/* @vite-ignore */ url);
    return { ...(typeof loaded === 'object' ? loaded : {}) };
  } catch (cause) {
    if (isAppError(cause)) throw cause;
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw appError('HOST_APP_LOAD_FAILED', { file, problem }, { cause });
  }
}

/** By its brand: another copy of the class may have made it. */
function isApp(value: unknown): value is App {
  return (
    typeof value === 'object' && value !== null && appBrand in value && value[appBrand] === true
  );
}

function describe(value: unknown): string {
  if (value === undefined) return 'missing';
  if (typeof value === 'function') return `the class or function ${value.name}`;
  if (value === null) return 'null';
  if (typeof value !== 'object') return `a ${typeof value}`;
  const name: unknown = value.constructor?.name;
  return typeof name === 'string' && name !== 'Object' ? `a ${name}` : 'an object';
}
