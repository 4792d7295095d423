import { isBuiltin } from 'node:module';
import { sep } from 'node:path';
import type { OnResolveArgs, OnResolveResult, Plugin, PluginBuild } from 'esbuild';
import { isDoor } from './doors.ts';

/** How packages go into a bundle. */
export interface PackagesIn {
  /** Names of packages that the other machine installs itself. */
  readonly installed: ReadonlySet<string>;
}

/** Detail of the error for a package with a native part. */
export interface NativePackage {
  readonly nativePackage: string;
}

/** Marks what this plugin itself asks esbuild to resolve. */
const ASKED = Symbol('asked');

/**
 * Takes packages into the bundle. What stays outside by its name: Node's own modules, this package, and what is installed
 * where the bundle runs. A native part cannot be taken in: it belongs to one platform.
 */
export function packagedImportsPlugin(projectRoot: string, packages: PackagesIn): Plugin {
  return {
    name: 'stormkite-packages',
    setup(build) {
      build.onResolve({ filter: /^[^./]/ }, (args) => resolveImport(build, packages, args));
      build.onResolve({ filter: /\.node$/ }, (args) => native(projectRoot, args));
    },
  };
}

async function resolveImport(
  build: PluginBuild,
  { installed }: PackagesIn,
  { path, kind, importer, resolveDir, pluginData, with: attributes }: OnResolveArgs,
): Promise<OnResolveResult | undefined> {
  if (pluginData === ASKED || kind === 'entry-point') return undefined;
  if (isBuiltin(path) || /^(?:https?|data|file):/.test(path)) return { path, external: true };
  if (isDoor(path) || installed.has(packageOf(path))) return { path, external: true };
  const found = await build.resolve(path, {
    kind,
    importer,
    resolveDir,
    pluginData: ASKED,
    with: attributes,
  });
  if (found.errors.length === 0) return undefined;
  // A missing package is only an error once such an import is reached; it may be inside a `try`.
  if (kind !== 'import-statement') return { path, external: true };
  return { errors: [{ text: `"${path}" cannot be found`, detail: { missingImport: path } }] };
}

function native(projectRoot: string, { path, importer }: OnResolveArgs): OnResolveResult {
  const name = owningPackage(importer) ?? importer.slice(projectRoot.length + 1);
  const detail: NativePackage = { nativePackage: name };
  return { errors: [{ text: `${path} is native`, detail }] };
}

/** `@scope/name/file` is of `@scope/name`. */
export function packageOf(specifier: string): string {
  const [first = '', second = ''] = specifier.split('/');
  return first.startsWith('@') ? `${first}/${second}` : first;
}

/** The package that a file belongs to; `undefined` for the user's own. */
function owningPackage(file: string): string | undefined {
  const parts = file.split(sep);
  const at = parts.lastIndexOf('node_modules');
  return at < 0 ? undefined : packageOf(parts.slice(at + 1).join('/'));
}
