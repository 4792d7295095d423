/**
 * The runtime as it travels to a container: this package and what it depends on, as a small `node_modules/stormkite`.
 *
 * P1 Entry points share their chunks, so that an app and the hosts have one instance of everything.
 * P2 `runtime/state` and `runtime/errors` stay files of their own: the reporter thread tells by their folder whether user code
 *    is in the middle of a change (`reporter-stack.ts`).
 * P3 The dashboard and the clients go with it: the flow serves them.
 */
import { readdir } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type BuildOptions, type Plugin } from 'esbuild';
import { stormkiteVersion } from './package-version.ts';
import { webFiles } from './web-files.ts';

/** Entry points, seen from `runtime/`, without extension. */
const ENTRIES = [
  'index',
  'client/index',
  'host/task-main',
  'host/reporter-main',
  'host/frontend-main',
  'host/turn-watch-main',
];
const OWN_FOLDERS = ['state', 'errors'];
const EXTENSION = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
const RUNTIME = dirname(dirname(fileURLToPath(import.meta.url)));
/** Where the package's `exports` lead to files that stay on their own. */
const INTERNAL = 'stormkite/internal';

/** Files by path below the artifact's root. */
export async function bundleRuntime(): Promise<ReadonlyMap<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  const [hosts, own, web] = await Promise.all([
    build(hostOptions()),
    build(await ownOptions()),
    webFiles(),
  ]);
  for (const { path, contents } of [...(hosts.outputFiles ?? []), ...(own.outputFiles ?? [])])
    files.set(join('node_modules/stormkite/dist/runtime', relative('/out', path)), contents);
  for (const [path, bytes] of web) files.set(`node_modules/stormkite/dist/${path}`, bytes);
  files.set('node_modules/stormkite/package.json', Buffer.from(packageJson()));
  return files;
}

const SHARED = {
  write: false,
  outdir: '/out',
  outbase: RUNTIME,
  absWorkingDir: RUNTIME,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  bundle: true,
  charset: 'utf8',
  logLevel: 'silent',
  outExtension: { '.js': '.js' },
  tsconfigRaw: { compilerOptions: { useDefineForClassFields: true } },
} satisfies BuildOptions;

function hostOptions(): BuildOptions {
  return {
    ...SHARED,
    entryPoints: ENTRIES.map((entry) => join(RUNTIME, entry + EXTENSION)),
    splitting: true,
    // Beside the hosts: what they find by `import.meta.url` is found from their chunks too.
    chunkNames: 'host/chunk-[hash]',
    keepNames: true,
    // As ES modules, packages such as the SDK's clients lose what nobody imports.
    mainFields: ['module', 'main'],
    plugins: [ownFilesPlugin()],
    // Modules of the local backend and of development, which no container loads.
    external: ['classic-level', 'esbuild', 'tsx', 'tar', 'ignore'],
    banner: {
      js: "import { createRequire as __stormkiteRequire } from 'node:module'; const require = __stormkiteRequire(import.meta.url);",
    },
  };
}

/** Imports of `state/` and `errors/` from elsewhere name the package's own files (P2). */
function ownFilesPlugin(): Plugin {
  return {
    name: 'stormkite-own-files',
    setup(build) {
      build.onResolve({ filter: /^\.{1,2}\// }, ({ path, resolveDir }) => {
        const file = relative(RUNTIME, resolve(resolveDir, path)).split(sep).join('/');
        const isOwn = OWN_FOLDERS.some((folder) => file.startsWith(`${folder}/`));
        return isOwn
          ? { path: `${INTERNAL}/${file.replace(/\.ts$/, '.js')}`, external: true }
          : undefined;
      });
    },
  };
}

/** The files of `state/` and `errors/` one by one. */
async function ownOptions(): Promise<BuildOptions> {
  const lists = await Promise.all(OWN_FOLDERS.map(modulesBelow));
  return {
    ...SHARED,
    entryPoints: lists.flat(),
    plugins: [
      {
        name: 'stormkite-as-they-are',
        setup(build) {
          build.onResolve({ filter: /.*/ }, ({ path, kind }) =>
            kind === 'entry-point'
              ? undefined
              : { path: path.replace(/\.ts$/, '.js'), external: true },
          );
        },
      },
    ],
  };
}

async function modulesBelow(folder: string): Promise<string[]> {
  const names = await readdir(join(RUNTIME, folder), { recursive: true });
  return names
    .filter((name) => name.endsWith(EXTENSION) && !name.endsWith('.d.ts'))
    .map((name) => join(RUNTIME, folder, name));
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
