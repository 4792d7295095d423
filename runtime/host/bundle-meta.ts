/**
 * Keeps `import.meta.url` and its like true: they name the source file, not the bundle, on whatever machine it runs.
 *
 * Every file that uses one gets a variable in front, on its first line so that line numbers stay; esbuild's `define`
 * replaces the expressions by it. The variable is made from the project root at run time, which the loader tells.
 */
import { readFile } from 'node:fs/promises';
import { extname, relative, sep } from 'node:path';
import type { Loader, Plugin } from 'esbuild';

/** `globalThis[Symbol.for(…)]` is the URL of the project root, with a slash at its end. */
export const PROJECT_ROOT_KEY = 'stormkite.projectRoot';

const META = '__stormkiteMeta';

/** For esbuild's `define`. */
export const metaDefines: Readonly<Record<string, string>> = {
  'import.meta': META,
  __dirname: `${META}.dirname`,
  __filename: `${META}.filename`,
};

const USES_META = /\bimport\s*\.\s*meta\b|\b__dirname\b|\b__filename\b/;
const LOADERS: Readonly<Record<string, Loader>> = {
  '.ts': 'ts',
  '.mts': 'ts',
  '.cts': 'ts',
  '.tsx': 'tsx',
  '.js': 'js',
  '.mjs': 'js',
  '.cjs': 'js',
  '.jsx': 'jsx',
};

export function metaPlugin(projectRoot: string): Plugin {
  return {
    name: 'stormkite-meta',
    setup(build) {
      build.onLoad({ filter: /\.[mc]?[jt]sx?$/, namespace: 'file' }, async ({ path }) => {
        const text = await readFile(path, 'utf8');
        const loader = LOADERS[extname(path)];
        if (loader === undefined || !USES_META.test(text)) return undefined;
        const prefix = metaOf(relative(projectRoot, path));
        // A first line `#!…` must stay the first.
        const start = text.startsWith('#!') ? text.indexOf('\n') + 1 : 0;
        return { contents: text.slice(0, start) + prefix + text.slice(start), loader };
      });
    },
  };
}

/** The declaration for one file, without a line end. `resolve` knows files and what `require.resolve` knows. */
function metaOf(relativePath: string): string {
  const path = relativePath.split(sep).map(encodeURIComponent).join('/');
  return [
    `var ${META} = ((root) => {`,
    `const url = new URL(${JSON.stringify(path)}, root).href;`,
    `const get = (name) => process.getBuiltinModule(name);`,
    `const filename = get('node:url').fileURLToPath(url);`,
    `const dirname = get('node:path').dirname(filename);`,
    `const resolve = (id) => /^(\\.{0,2}\\/|[a-z]+:)/.test(id) ? new URL(id, url).href`,
    `: get('node:url').pathToFileURL(get('node:module').createRequire(url).resolve(id)).href;`,
    `return { url, filename, dirname, resolve };`,
    `})(globalThis[Symbol.for('${PROJECT_ROOT_KEY}')]);`,
  ].join(' ');
}
