import { isBuiltin } from 'node:module';
import { relative, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { OnResolveArgs, OnResolveResult, Plugin, PluginBuild } from 'esbuild';
import { doorUrl, isDoor } from './doors.ts';

/** Files that Node loads as they are, when they belong to a package. */
const LOADABLE = /\.(?:[mc]?js|node)$/;
/** Marks what this plugin itself asks esbuild to resolve. */
const ASKED = Symbol('asked');

/** Detail of the error for an import that cannot be found. */
export interface ImportNotFound {
  readonly missingImport: string;
}

/**
 * Decides what goes into the bundle: the user's own files. Packages stay outside, found from the file that imports them
 * and named by absolute URL, so that the bundle may lie anywhere; the doors of this package are the running ones.
 */
export function importsPlugin(projectRoot: string): Plugin {
  return {
    name: 'stormkite-imports',
    setup(build) {
      // Everything that is neither relative nor absolute.
      build.onResolve({ filter: /^[^./]/ }, (args) => resolveImport(build, projectRoot, args));
    },
  };
}

async function resolveImport(
  build: PluginBuild,
  projectRoot: string,
  args: OnResolveArgs,
): Promise<OnResolveResult | undefined> {
  const { path, kind, importer, resolveDir, pluginData } = args;
  if (pluginData === ASKED || kind === 'entry-point') return undefined;
  if (isBuiltin(path) || /^(?:https?|data|file):/.test(path)) return { path, external: true };
  if (isDoor(path)) {
    const url = doorUrl(path);
    return url === null ? notFound(path) : { path: url, external: true };
  }
  const found = await build.resolve(path, {
    kind,
    importer,
    resolveDir,
    pluginData: ASKED,
    ...(args.with === undefined ? {} : { with: args.with }),
  });
  if (found.errors.length > 0) return isOptional(kind) ? { path, external: true } : notFound(path);
  if (found.external) return { path: found.path, external: true };
  if (!isPackageFile(found.path, projectRoot))
    return { path: found.path, namespace: found.namespace };
  return {
    path: kind.startsWith('require') ? found.path : pathToFileURL(found.path).href,
    external: true,
  };
}

/** Whether a file is left to Node: it is not the user's own source, and Node can load it. */
function isPackageFile(file: string, projectRoot: string): boolean {
  if (!LOADABLE.test(file)) return false;
  const isOutside = relative(projectRoot, file).startsWith('..');
  return isOutside || file.split(sep).includes('node_modules');
}

/** A missing package is only an error once such an import is reached; it may be inside a `try`. */
function isOptional(kind: OnResolveArgs['kind']): boolean {
  return kind === 'dynamic-import' || kind === 'require-call' || kind === 'require-resolve';
}

function notFound(specifier: string): OnResolveResult {
  const detail: ImportNotFound = { missingImport: specifier };
  return { errors: [{ text: `"${specifier}" cannot be found`, detail }] };
}
