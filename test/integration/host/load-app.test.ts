import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { describe, test, type TestContext } from 'vitest';
import { bundleApp } from '../../../runtime/host/bundle.ts';
import { loadApp } from '../../../runtime/host/load-app.ts';

const runner = fileURLToPath(new URL('../../fixtures/load-app/run-app.ts', import.meta.url));
const tsx = import.meta.resolve('tsx');
const APP = `import { App, Flow } from 'stormkite';\nclass Root extends Flow { run() {} }\nexport default new App(new Root());\n`;
/** Does without the package, so that the test process can load it. */
const BRANDED = `export default { [Symbol.for('stormkite.app')]: true };\n`;

/** A project with these files in a folder of its own, without node_modules of ours above it. */
const projectOf = async (
  { onTestFinished }: TestContext,
  files: Record<string, string>,
): Promise<string> => {
  const base = await realpath(await mkdtemp(join(tmpdir(), 'stormkite-app-')));
  onTestFinished(() => rm(base, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(base, name)), { recursive: true });
    await writeFile(join(base, name), text);
  }
  return base;
};

const bundled = (folder: string, file = 'app.ts'): ReturnType<typeof bundleApp> =>
  bundleApp({ appFile: join(folder, file), outDirectory: join(folder, 'out') });

const load = async (folder: string, file = 'app.ts'): Promise<Record<string, unknown>> => {
  const { bundlePath, projectRoot } = await bundled(folder, file);
  return (await loadApp(bundlePath, projectRoot, file)).exports;
};

interface Report {
  readonly ok: boolean;
  readonly isOurs?: boolean;
  readonly value?: unknown;
  readonly code?: string;
  readonly message?: string;
  readonly hint?: string;
  readonly cause?: string;
}

/** Loads in a Node process of its own, as a host does. */
const loadInChild = async (folder: string, file = 'app.ts'): Promise<Report> => {
  const args = ['--import', tsx, runner, join(folder, file), join(folder, 'out')];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder });
  return JSON.parse(stdout) as Report;
};

const PACKAGE = {
  'node_modules/dual/package.json': JSON.stringify({
    name: 'dual',
    exports: { '.': { module: './module.js', import: './import.mjs', require: './require.cjs' } },
  }),
  'node_modules/dual/module.js': `export const kind = 'module';`,
  'node_modules/dual/import.mjs': `export const kind = 'import'; export const url = import.meta.url;`,
  'node_modules/dual/require.cjs': `exports.kind = 'require';`,
};

describe('bundleApp', () => {
  for (const file of ['app.ts', 'app.mts', 'app.js', 'app.mjs', 'app.tsx']) {
    test(`bundles ${file}`, async (context) => {
      const exports = await load(
        await projectOf(context, { [file]: `${BRANDED}export class Train {}` }),
        file,
      );
      context.expect(exports['Train']).toHaveProperty('name', 'Train');
    });
  }

  test('names the file by its content and writes it once', async (context) => {
    const folder = await projectOf(context, { 'app.ts': BRANDED });
    const first = await bundled(folder);
    const { mtimeMs, ino } = await stat(first.bundlePath);
    const again = await bundled(folder);
    context.expect(again).toEqual(first);
    context.expect(await stat(first.bundlePath)).toMatchObject({ mtimeMs, ino });
    context.expect(first.bundlePath).toContain(first.hash);
    await writeFile(join(folder, 'app.ts'), `${BRANDED}export const n = 1;`);
    context.expect((await bundled(folder)).hash).not.toBe(first.hash);
    context.expect(await readdir(join(folder, 'out'))).toHaveLength(2);
  });

  test('takes the nearest folder with a package.json as the project', async (context) => {
    const folder = await projectOf(context, { 'package.json': '{}', 'src/app.ts': BRANDED });
    const { projectRoot } = await bundleApp({
      appFile: join(folder, 'src/app.ts'),
      outDirectory: join(folder, 'out'),
    });
    context.expect(projectRoot).toBe(folder);
  });

  test('takes packages as Node would, from the file that imports them, wherever the bundle lies', async (context) => {
    const folder = await projectOf(context, {
      ...PACKAGE,
      'package.json': '{}',
      'app.ts': `${BRANDED}export { kind, url } from 'dual';\nexport { kind as inner } from './lib/inner.ts';\nexport { sep } from 'path';`,
      'lib/inner.ts': `export { kind } from 'dual';`,
      'lib/node_modules/dual/package.json': '{"main": "index.js", "type": "module"}',
      'lib/node_modules/dual/index.js': `export const kind = 'nested';`,
    });
    const outDirectory = join(await projectOf(context, {}), 'elsewhere');
    const { bundlePath, projectRoot } = await bundleApp({
      appFile: join(folder, 'app.ts'),
      outDirectory,
    });
    const { exports } = await loadApp(bundlePath, projectRoot);
    const url = pathToFileURL(join(folder, 'node_modules/dual/import.mjs')).href;
    context.expect(exports).toMatchObject({ kind: 'import', inner: 'nested', url, sep: '/' });
  });

  test('honours paths of the tsconfig, but always defines class fields', async (context) => {
    const folder = await projectOf(context, {
      'tsconfig.json': `{ /* ours */ "compilerOptions": { "target": "ES2018", "useDefineForClassFields": false, "paths": { "@/*": ["./lib/*"] } } }`,
      'app.ts': `${BRANDED}import { n } from '@/n.ts';\nclass A { declared?: number; }\nexport const fields = Object.keys(new A());\nexport { n };`,
      'lib/n.ts': 'export const n: number = 7;',
    });
    context.expect(await load(folder)).toMatchObject({ n: 7, fields: ['declared'] });
  });

  test('bundles JSON, TSX, imports written as .js, and files imported for their effect', async (context) => {
    const folder = await projectOf(context, {
      'package.json': '{ "sideEffects": false, "imports": { "#data": "./data.json" } }',
      'app.ts': `import './effect.js';\nimport data from './data.json' with { type: 'json' };\nimport same from '#data';\n${BRANDED}export { data, same };\nexport const effect = Reflect.get(globalThis, 'effect');`,
      'effect.ts': `Reflect.set(globalThis, 'effect', 'seen');`,
      'data.json': '{ "a": 1 }',
    });
    context
      .expect(await load(folder))
      .toMatchObject({ data: { a: 1 }, same: { a: 1 }, effect: 'seen' });
  });

  test('lets a missing optional package be caught', async (context) => {
    const folder = await projectOf(context, {
      'app.ts': `${BRANDED}export const caught = await import('not-installed').catch((e) => e.code);`,
    });
    context.expect(await load(folder)).toHaveProperty('caught');
  });

  test('keeps import.meta and __dirname those of the source, also when unpacked elsewhere', async (context) => {
    const report = `export const report = [import.meta.url, import.meta.dirname, import.meta.filename, 'import.meta.url', import.meta.resolve('./x.txt')];`;
    const folder = await projectOf(context, {
      'package.json': '{}',
      'app.ts': `#!/usr/bin/env node\n${BRANDED}${report}\nexport { inner } from './lib/ü #.mjs';`,
      'lib/ü #.mjs': `import { dirname } from 'node:path';\nimport { fileURLToPath } from 'node:url';\nconst __dirname = dirname(fileURLToPath(import.meta.url));\nexport const inner = [__dirname, __filename];`,
    });
    const expected = (root: string): unknown => ({
      report: [
        pathToFileURL(join(root, 'app.ts')).href,
        root,
        join(root, 'app.ts'),
        'import.meta.url',
        pathToFileURL(join(root, 'x.txt')).href,
      ],
      inner: [join(root, 'lib'), join(root, 'lib/ü #.mjs')],
    });
    const { bundlePath, projectRoot } = await bundled(folder);
    context
      .expect((await loadApp(bundlePath, projectRoot)).exports)
      .toMatchObject(expected(folder) as object);
    const elsewhere = await projectOf(context, {});
    await cp(bundlePath, join(elsewhere, 'moved.mjs'));
    context
      .expect((await loadApp(join(elsewhere, 'moved.mjs'), elsewhere)).exports)
      .toMatchObject(expected(elsewhere) as object);
  });
});

describe('an app that imports stormkite', () => {
  test(
    'gets the running package without having installed it',
    { timeout: 30_000 },
    async (context) => {
      const folder = await projectOf(context, { 'app.ts': APP });
      context.expect(await loadInChild(folder)).toMatchObject({ ok: true, isOurs: true });
    },
  );

  test(
    'gets the running package also when another copy is installed',
    { timeout: 30_000 },
    async (context) => {
      const folder = await projectOf(context, {
        'app.ts': APP,
        'node_modules/stormkite/package.json': '{ "main": "index.js" }',
        'node_modules/stormkite/index.js': `throw new Error('another copy');`,
      });
      context.expect(await loadInChild(folder)).toMatchObject({ ok: true, isOurs: true });
    },
  );

  test('has stacks that name its own files and lines', { timeout: 30_000 }, async (context) => {
    const folder = await projectOf(context, {
      'app.ts': `${APP}import { where } from './lib/where.ts';\nexport const report = where;`,
      'lib/where.ts': `type Unused = {\n  a: number;\n};\nexport function where(): string | undefined {\n  return new Error('here', { cause: import.meta.url }).stack;\n}\n`,
    });
    const { value } = await loadInChild(folder);
    context.expect(value).toContain(`${join(folder, 'lib/where.ts')}:5:`);
  });

  test('may require packages and files', { timeout: 30_000 }, async (context) => {
    const folder = await projectOf(context, {
      ...PACKAGE,
      'package.json': '{}',
      'app.ts': `${APP}import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);\nimport { old } from './old.cjs';\nexport const report = [require('./data.json').a, require('dual').kind, old];`,
      'old.cjs': `exports.old = [require('dual').kind, require('node:path').basename(__filename)];`,
      'data.json': '{ "a": 1 }',
    });
    context
      .expect(await loadInChild(folder))
      .toMatchObject({ ok: true, value: [1, 'require', ['require', 'old.cjs']] });
  });
});

describe('an app that cannot be loaded', () => {
  const codeOf = (code: string, message: string): object => ({
    code,
    kind: 'user',
    message: message,
  });

  test('because its file is missing', async (context) => {
    const folder = await projectOf(context, {});
    await context.expect(bundled(folder)).rejects.toMatchObject({ code: 'HOST_APP_FILE_MISSING' });
  });

  test('because it is a folder', async (context) => {
    const folder = await projectOf(context, { 'app.ts/x': '' });
    await context
      .expect(bundled(folder))
      .rejects.toMatchObject({ code: 'HOST_APP_FILE_UNREADABLE' });
  });

  test('because of a syntax error, with its place and line', async (context) => {
    const folder = await projectOf(context, {
      'app.ts': `import './b.ts';\n`,
      'b.ts': `const a = 1;\n  const = 2;\n`,
    });
    const message = context.expect.stringMatching(/b\.ts:2:9: [^]*const = 2;/);
    await context.expect(bundled(folder)).rejects.toMatchObject(codeOf('HOST_APP_SYNTAX', message));
  });

  for (const specifier of ['not-installed/sub', './missing.ts', 'stormkite/nothing', '#nothing']) {
    test(`because it imports ${specifier}`, async (context) => {
      const folder = await projectOf(context, {
        'app.ts': `\nimport x from '${specifier}';\nexport default x;`,
      });
      const message = context.expect.stringContaining(
        `${join(folder, 'app.ts')}:2:15 imports "${specifier}"`,
      );
      await context
        .expect(bundled(folder))
        .rejects.toMatchObject(codeOf('HOST_IMPORT_NOT_FOUND', message));
    });
  }

  test('because it throws, with the cause', async (context) => {
    const folder = await projectOf(context, { 'app.ts': `throw new RangeError('boom');` });
    const cause = context.expect.objectContaining({ message: 'boom', name: 'RangeError' });
    await context
      .expect(load(folder))
      .rejects.toMatchObject({ code: 'HOST_APP_LOAD_FAILED', cause });
  });

  test(
    'because our own constructors refuse it: their error passes as it is',
    { timeout: 30_000 },
    async (context) => {
      const folder = await projectOf(context, {
        'app.ts': `import { App } from 'stormkite';\nexport default new App({} as never);`,
      });
      context
        .expect(await loadInChild(folder))
        .toMatchObject({ ok: false, code: 'APP_ROOT_INVALID' });
    },
  );

  test('because its default export is missing or no App', async (context) => {
    const none = await projectOf(context, { 'app.ts': 'export const n = 1;' });
    await context.expect(load(none)).rejects.toMatchObject({
      code: 'HOST_APP_NO_DEFAULT',
      hint: context.expect.stringContaining('new App(new Root())'),
    });
    const named = await projectOf(context, {
      'app.ts': `export const main = { [Symbol.for('stormkite.app')]: true };\nexport default class Root {}`,
    });
    await context.expect(load(named)).rejects.toMatchObject({
      code: 'HOST_APP_NO_DEFAULT',
      message: context.expect.stringContaining('class or function Root'),
      hint: context.expect.stringContaining('export default main'),
    });
  });
});
