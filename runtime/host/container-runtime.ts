/**
 * The runtime as containers get it, a small `node_modules/stormkite`: built with the package, so that a release runs the same
 * code everywhere.
 *
 * The dashboard and the clients go with it: the flow serves them.
 */
import { appError } from '../errors/index.ts';
import { builtFiles } from './built-files.ts';
import { stormkiteVersion } from './package-version.ts';
import { webFiles } from './web-files.ts';

const BUILT = 'container';
const ROOT = 'node_modules/stormkite';

/**
 * Files by path below the artifact's root.
 *
 * @param dist - what was built; by default that of this package
 * @throws `HOST_NOT_BUILT`
 */
export async function containerRuntime(dist?: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const [modules, web] = await Promise.all([builtFiles(BUILT, dist), webFiles()]);
  if (modules.size === 0) throw appError('HOST_NOT_BUILT', {});
  const files = new Map<string, Uint8Array>();
  for (const [path, bytes] of modules)
    files.set(`${ROOT}/dist/${path.slice(BUILT.length + 1)}`, bytes);
  for (const [path, bytes] of web) files.set(`${ROOT}/dist/${path}`, bytes);
  files.set(`${ROOT}/package.json`, Buffer.from(packageJson()));
  return files;
}

function packageJson(): string {
  return JSON.stringify({
    name: 'stormkite',
    version: stormkiteVersion(),
    type: 'module',
    exports: {
      '.': './dist/runtime/index.js',
      './client': './dist/runtime/client/index.js',
      './internal/*': './dist/runtime/*',
      './package.json': './package.json',
    },
  });
}
