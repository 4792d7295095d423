import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'vitest';
import { registry } from '../../../cli/registry.ts';
import {
  errorEventSchema,
  initSchema,
  manifestSchema,
  versionSchema,
} from '../../../cli/schemas.ts';
import { flowThat } from './apps.ts';
import { CliRig } from './cli-rig.ts';

const RICH = `import { App, BuildConfig, CloudCompute, Dict, Flow, Work } from 'stormkite';
console.log('loading');
export class Train extends Work {
  constructor() {
    super({
      parallel: true, timeout: '5 minutes', env: { MODE: 'hidden' }, secrets: { KEY: 'env:MY_KEY' }, port: 8123,
      cloudCompute: new CloudCompute('gpu', { interruptible: true }), cloudBuildConfig: new BuildConfig({ requirements: ['left-pad@1'] }),
    });
  }
  get ignorePatterns() { return ['*.bin']; }
  run() {}
}
class Other extends Work { run() {} }
class Root extends Flow { train = new Train(); all = new Dict<Train>(); run() {} }
export default new App(new Root(), { works: [Other], idleTurn: null });
setInterval(() => {}, 1000);
`;

describe('stormkite', () => {
  let rig: CliRig;
  beforeEach(async () => {
    rig = await CliRig.open();
  });
  afterEach(() => rig.close());

  test('--version and help tell what there is', async ({ expect }) => {
    expect(await rig.run('--version')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
    expect(() => versionSchema.parse(JSON.parse('{"version":"1"}'))).not.toThrow();
    const help = await rig.run('help');
    expect(help.code).toBe(0);
    for (const word of Object.keys(registry)) expect(help.stdout).toContain(`\n  ${word}`);
    expect((await rig.run()).stdout).toBe(help.stdout);
  });

  test('an app file that waits for ever while it loads is given up with one Ctrl-C', async ({
    expect,
  }) => {
    const file = await rig.write(
      'stuck.ts',
      `console.log('loading');\nawait new Promise((r) => setTimeout(r, 1e8));\n`,
    );
    const stuck = rig.app(file);
    await stuck.prints('loading');
    stuck.child.kill('SIGINT');
    expect((await stuck.done).code).toBe(130);
    expect(rig.isAnnounced('stuck')).toBe(false);
  });

  test('the logs are those of the latest run, and those of one before it are kept', async ({
    expect,
  }) => {
    for (const text of ['first', 'second', 'third']) {
      const file = await rig.write('talk.ts', flowThat(`console.log('${text}'); this.stop();`));
      expect((await rig.app(file).done).code).toBe(0);
    }
    const broken = await rig.write('talk.ts', 'throw new Error("broken");');
    expect((await rig.app(broken).done).code).toBe(2);
    await rig.app(await rig.write('talk.ts', flowThat(`console.log('fourth'); this.stop();`))).done;
    expect((await rig.run('logs', '--app', 'talk')).stdout).toBe('[flow] fourth\n');
    const kept = await readFile(join(rig.home, 'apps/talk/logs.previous/flow.log'), 'utf8');
    expect(kept).toMatch(/third\n$/);
    expect(kept).not.toContain('second');
  });

  test('the logs of a work of an ended app that printed nothing say so', async ({ expect }) => {
    const quiet = flowThat(
      'this.w.run(); if (this.w.hasSucceeded) this.stop();',
      'class W extends Work { run() {} }',
    );
    expect((await rig.app(await rig.write('quiet.ts', quiet)).done).code).toBe(0);
    expect(await rig.run('logs', 'w', '--app', 'quiet')).toMatchObject({
      code: 0,
      stdout: '',
      stderr: 'nothing was printed by root.w in the latest run of quiet\n',
    });
    const none = { code: 0, stdout: '', stderr: '' };
    expect(await rig.run('logs', 'w', '--app', 'quiet', '--tail', '0')).toEqual(none);
  });

  test('requests that come while the app loads wait, and are checked and answered', async ({
    expect,
  }) => {
    const text = `${flowThat('')}await new Promise((r) => setTimeout(r, 2000));\n`;
    const app = rig.app(await rig.write('slow.ts', text));
    await app.prints('slow at ');
    const [url = ''] = /http:\S+/.exec(app.stdout) ?? [];
    const foreign = fetch(`${url}/api/v1/status`, {
      headers: { origin: 'http://elsewhere.example' },
    });
    const [refused, stopped] = await Promise.all([foreign, rig.run('stop', '--all')]);
    expect(refused.status).toBe(403);
    expect(stopped).toMatchObject({ code: 0, stdout: 'slow has ended\n' });
    expect((await app.done).code).toBe(0);
  });

  test('an empty address is refused', async ({ expect }) => {
    expect(await rig.run('run', 'app.ts', '--host', '')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('CLI_OPTION_INVALID'),
    });
  });

  test('every command has help with examples and exit codes', async ({ expect }) => {
    for (const load of Object.values(registry)) {
      const found = await load();
      for (const { name, options } of 'commands' in found ? found.commands : [found]) {
        const { code, stdout } = await rig.run(...name.split(' '), '--help');
        expect({ name, code }).toEqual({ name, code: 0 });
        expect(stdout).toContain(`Usage: stormkite ${name}`);
        expect(stdout).toMatch(/Examples:\n {2}stormkite [^]*Exit codes:\n {2}0 /);
        expect(Object.keys(options)).toContain('json');
      }
    }
    expect((await rig.run('help', 'state', 'get')).stdout).toContain('Usage: stormkite state get');
  });

  test('what cannot be understood exits 2, with a suggestion', async ({ expect }) => {
    expect(await rig.run('rnu')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('did you mean `stormkite run`?'),
    });
    expect(await rig.run('state', 'gte')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('`stormkite state get`'),
    });
    expect(await rig.run('xyzzy')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('CLI_UNKNOWN_COMMAND'),
    });
    expect(await rig.run('run')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('CLI_USAGE'),
    });
    expect(await rig.run('ps', '--nothing')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("unknown option '--nothing'"),
    });
    expect(await rig.run('run', 'a.ts', '--port', 'x')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('CLI_OPTION_INVALID'),
    });
    const asJson = rig.start(['ps', 'too', 'many', '--json']);
    expect((await asJson.done).code).toBe(2);
    expect(errorEventSchema.parse(asJson.values[0])).toMatchObject({
      error: { code: 'CLI_USAGE' },
    });
  });

  test('init writes an app that runs without installing anything, and overwrites nothing', async ({
    expect,
  }) => {
    const { code, stdout } = await rig.run('init', 'my app');
    expect(code).toBe(0);
    expect(stdout).toContain('stormkite run app.ts');
    const folder = join(rig.directory, 'my app');
    expect((await readdir(folder)).toSorted()).toEqual([
      '.gitignore',
      'README.md',
      'app.ts',
      'package.json',
      'tsconfig.json',
    ]);
    expect(await rig.run('init', 'my app')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('CLI_FILE_EXISTS'),
    });
    const run = await rig.app(join(folder, 'app.ts'), ['--name', 'starter']).done;
    expect(run).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringMatching(/\[root\.count\] counted to 5\nthe work counted to 5\n$/),
    });
    const asJson = rig.start(['init', 'two', '--json']);
    await asJson.done;
    expect(initSchema.parse(asJson.values[0]).next).toEqual(['cd two', 'stormkite run app.ts']);
    const inFile = await rig.write('file', '');
    expect(await rig.run('init', join(inFile, 'x'))).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('CLI_WRITE_FAILED'),
    });
  });

  test('inspect tells what an app file contains, without values', async ({ expect }) => {
    const file = await rig.write('app.ts', RICH);
    const cli = rig.start(['inspect', file, '--json']);
    expect(await cli.done).toMatchObject({ code: 0, stderr: 'loading\n' });
    expect(cli.stdout).not.toContain('hidden');
    const manifest = manifestSchema.parse(cli.values[0]);
    expect(manifest.components.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      'flow root',
      'work root.train',
      'dict root.all',
    ]);
    expect(manifest.components[1]).toMatchObject({
      parallel: true,
      timeoutMs: 300_000,
      env: ['MODE'],
      secrets: { KEY: 'env:MY_KEY' },
      port: 8123,
      hardware: { name: 'gpu', gpus: 1, interruptible: true },
      ignorePatterns: ['*.bin'],
    });
    expect(manifest).toMatchObject({
      exportedWorks: { Train: 'Train' },
      listedWorks: ['Other'],
      images: { 'root.train': { requirements: ['left-pad@1'] } },
      options: { idleTurnMs: null },
    });
    expect(await rig.run('inspect', file)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/root\.train +work +Train +gpu +yes +KEY/),
    });
  });

  test('inspect of what cannot be loaded exits 2', async ({ expect }) => {
    const syntax = await rig.write('syntax.ts', 'const = 1;');
    expect(await rig.run('inspect', syntax)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('HOST_APP_SYNTAX'),
    });
    const exits = await rig.write('exits.ts', 'process.exit(0);');
    expect(await rig.run('inspect', exits)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('CLI_INSPECT_FAILED'),
    });
    expect(await rig.run('inspect', 'nothing.ts')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('HOST_APP_FILE_MISSING'),
    });
  });
});
