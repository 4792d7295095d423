/**
 * The runtime as it travels to a container: this package and what it depends on, as few files that need no installation.
 *
 * P1 Entry points share their chunks, so that an app and the hosts have one instance of everything.
 * P2 `runtime/state` and `runtime/errors` stay files of their own: the reporter thread tells by their folder whether user code
 *    is in the middle of a change (`reporter-stack.ts`).
 */
import { readdirSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { build } from 'esbuild';

/** Entry points below `runtime/`. */
const ENTRIES = [
  'index.js',
  'client/index.js',
  'host/task-main.js',
  'host/reporter-main.js',
  'host/frontend-main.js',
  'host/turn-watch-main.js',
];
const OWN_FOLDERS = ['state', 'errors'];
/** Where the package's `exports` lead to files that stay on their own. */
const INTERNAL = 'stormkite/internal';
const BANNER =
  "import { createRequire as __stormkiteRequire } from 'node:module'; const require = __stormkiteRequire(import.meta.url);";

/** Writes `container/runtime/` beside the compiled `runtime/` of a folder. */
export async function buildContainerRuntime(folder) {
  const runtime = resolve(folder, 'runtime');
  const shared = {
    outdir: resolve(folder, 'container/runtime'),
    outbase: runtime,
    absWorkingDir: runtime,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    bundle: true,
    charset: 'utf8',
    logLevel: 'warning',
    tsconfigRaw: {},
  };
  await build({
    ...shared,
    entryPoints: ENTRIES.map((entry) => join(runtime, entry)),
    splitting: true,
    // Beside the hosts: what they find by `import.meta.url` is found from their chunks too.
    chunkNames: 'host/chunk-[hash]',
    keepNames: true,
    // As ES modules, packages such as the SDK's clients lose what nobody imports.
    mainFields: ['module', 'main'],
    plugins: [ownFilesPlugin(runtime)],
    // Modules of the local backend and of development, which no container loads.
    external: ['classic-level', 'esbuild', 'tsx', 'tar', 'ignore'],
    banner: { js: BANNER },
  });
  await build({
    ...shared,
    entryPoints: OWN_FOLDERS.flatMap((name) => modulesBelow(join(runtime, name))),
    plugins: [{ name: 'stormkite-as-they-are', setup: leaveImports }],
  });
}

/** Imports of `state/` and `errors/` from elsewhere name the package's own files (P2). */
function ownFilesPlugin(runtime) {
  return {
    name: 'stormkite-own-files',
    setup({ onResolve }) {
      onResolve({ filter: /^\.{1,2}\// }, ({ path, resolveDir }) => {
        const file = relative(runtime, resolve(resolveDir, path)).split(sep).join('/');
        const isOwn = OWN_FOLDERS.some((folder) => file.startsWith(`${folder}/`));
        return isOwn ? { path: `${INTERNAL}/${file}`, external: true } : undefined;
      });
    },
  };
}

function leaveImports({ onResolve }) {
  onResolve({ filter: /.*/ }, ({ path, kind }) =>
    kind === 'entry-point' ? undefined : { path, external: true },
  );
}

function modulesBelow(folder) {
  return readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith('.js'))
    .map((name) => join(folder, name));
}
