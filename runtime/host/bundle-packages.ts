import { isBuiltin } from 'node:module';
import { relative } from 'node:path';
import type { OnResolveArgs, OnResolveResult, Plugin, PluginBuild } from 'esbuild';
import { NativePackages, owningPackage, packageOf } from './bundle-native.ts';
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
 * where the bundle runs. A native part cannot be taken in: it belongs to one platform. So a package that has one is refused, unless
 * who asks for it can do without.
 */
export function packagedImportsPlugin(projectRoot: string, packages: PackagesIn): Plugin {
  return {
    name: 'stormkite-packages',
    setup(build) {
      const natives = new NativePackages(projectRoot);
      build.onResolve({ filter: /^[^./]/ }, (args) =>
        resolveImport(build, packages, natives, args),
      );
      const refuseOf = (path: string, file: string) =>
        refuse(path, owningPackage(file)?.name ?? relative(projectRoot, file));
      build.onResolve({ filter: /\.node$/ }, ({ path, importer }) => refuseOf(path, importer));
      // By a path with a variable in it, or as the main file of a package.
      build.onLoad({ filter: /\.node$/ }, ({ path }) => refuseOf(path, path));
    },
  };
}

async function resolveImport(
  build: PluginBuild,
  { installed }: PackagesIn,
  natives: NativePackages,
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
  const isReachedLater = kind !== 'import-statement';
  if (found.errors.length === 0) {
    const native = await natives.nativePackageOf(found.path);
    if (native === null) return undefined;
    const isOptional = isReachedLater && (await natives.isOptional(native, importer));
    return isOptional ? { path, external: true } : refuse(path, native);
  }
  // A missing package is only an error once such an import is reached; it may be inside a `try`.
  if (isReachedLater) return { path, external: true };
  return { errors: [{ text: `"${path}" cannot be found`, detail: { missingImport: path } }] };
}

function refuse(path: string, name: string) {
  const detail: NativePackage = { nativePackage: name };
  return { errors: [{ text: `${path} is native`, detail }] };
}
