import { existsSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'vitest';
import { appEventSchema } from '../../../cli/schemas.ts';
import { until } from '../../support/until.ts';
import { COUNTER, flowThat, GREETER } from './apps.ts';
import { CliRig } from './cli-rig.ts';

describe('stormkite run', () => {
  let rig: CliRig;
  beforeEach(async () => {
    rig = await CliRig.open();
  });
  afterEach(() => rig.close());

  test('prints the URL first, works with their names, the flow as it is, and the message of stop()', async ({
    expect,
  }) => {
    const { code, stdout, stderr } = await rig.app(await rig.write('greeter/app.ts', GREETER)).done;
    expect(stdout.split('\n')[0]).toMatch(/^greeter at http:\/\/127\.0\.0\.1:\d+\/view$/);
    expect(stdout).toContain('\n  a line\tof the flow  \n');
    expect(stdout).toContain('\n[root.greet] hello world\n');
    expect(stdout).toMatch(/\nthat is all\n$/);
    expect(stderr).toBe('[root.greet] to stderr\n');
    expect(code).toBe(0);
    expect(rig.isAnnounced('greeter')).toBe(false);
    expect(rig.processes()).toEqual([]);
  });

  test('fail() prints its message to standard error and exits 1', async ({ expect }) => {
    const done = await rig.app(await rig.write('a.ts', flowThat("this.fail('no good')"))).done;
    expect(done).toMatchObject({ code: 1, stderr: 'no good\n' });
  });

  test('the stack of a failed work is shown once', async ({ expect }) => {
    const work = "class W extends Work { run() { throw new RangeError('too far'); } }";
    const { code, stdout, stderr } = await rig.app(
      await rig.write('a.ts', flowThat('this.w.run();', work)),
    ).done;
    expect(code).toBe(1);
    expect(stderr).toContain('WORK_FAILED');
    expect((stdout + stderr).split('RangeError: too far').length - 1).toBe(1);
    expect(stderr).toMatch(/a\.ts:2/);
  });

  test('an error in the flow exits 1 with its stack, also from a timer', async ({ expect }) => {
    const inTurn = await rig.app(
      await rig.write('a.ts', flowThat("throw new RangeError('in a turn')")),
    ).done;
    expect(inTurn).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/RangeError: in a turn\n\s+at .*a\.ts:5/),
    });
    const later = await rig.app(
      await rig.write('b.ts', flowThat("setTimeout(() => { throw new RangeError('later'); }, 1)")),
    ).done;
    expect(later).toMatchObject({ code: 1, stderr: expect.stringMatching(/RangeError: later/) });
  });

  test('stop() and fail() outside of a turn end the app as in one', async ({ expect }) => {
    const inTimer = await rig.app(
      await rig.write('a.ts', flowThat("setTimeout(() => this.stop('bye'), 1)")),
    ).done;
    expect(inTimer).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^bye$/m),
      stderr: '',
    });
    const later = "new Promise((r) => setTimeout(r, 1)).then(() => this.fail('too bad'))";
    const inPromise = await rig.app(await rig.write('b.ts', flowThat(later))).done;
    expect(inPromise).toMatchObject({ code: 1, stderr: expect.stringMatching(/^.*too bad$/m) });
    expect(inPromise.stderr).not.toContain('EndSignal');
  });

  test.for([
    ['missing.ts', null, 'HOST_APP_FILE_MISSING'],
    ['folder', 'folder', 'HOST_APP_FILE_UNREADABLE'],
    ['syntax.ts', 'const = 1;', 'HOST_APP_SYNTAX'],
    ['import.ts', "import './nowhere.ts';", 'HOST_IMPORT_NOT_FOUND'],
    ['none.ts', 'export const a = 1;', 'HOST_APP_NO_DEFAULT'],
    ['throws.ts', "throw new Error('while loading');", 'HOST_APP_LOAD_FAILED'],
    [
      'norun.ts',
      "import { App, Flow } from 'stormkite';\nexport default new App(new (class Root extends (Flow as any) {})());",
      'APP_ROOT_NO_RUN',
    ],
    ['bad name.ts', GREETER, 'CLI_APP_NAME_INVALID'],
  ] as const)('%s exits 2', async ([name, text, code], { expect }) => {
    if (text === 'folder') await mkdir(join(rig.directory, name));
    else if (text !== null) await rig.write(name, text);
    const done = await rig.app(join(rig.directory, name)).done;
    expect(done.stderr).toContain(code);
    expect(done.code).toBe(2);
    if (code === 'HOST_APP_SYNTAX') expect(done.stderr).toContain('syntax.ts:1:7');
    expect(rig.isAnnounced(name)).toBe(false);
  });

  test('Ctrl-C ends every work and exits 130; --resume goes on', async ({ expect }) => {
    const file = await rig.write('count/app.ts', COUNTER);
    const first = rig.app(file);
    await first.prints('[root.count] counting from 0');
    await until('it has counted', async () => {
      const { stdout } = await rig.run('state', 'get', '/works/count/vars/counter');
      return Number(stdout) > 0;
    });
    first.child.kill('SIGINT');
    expect(await first.done).toMatchObject({
      code: 130,
      stderr: expect.stringContaining('stopping…'),
    });
    expect(rig.processes()).toEqual([]);
    const second = rig.app(file, ['--resume']);
    await second.prints('[root.count] counting from');
    expect(second.stdout).not.toContain('counting from 0');
    second.child.kill('SIGTERM');
    expect((await second.done).code).toBe(130);
    // A fresh run keeps what was there aside.
    const third = rig.app(file);
    await third.prints('[root.count] counting from 0');
    third.child.kill('SIGHUP');
    expect((await third.done).code).toBe(130);
    expect(existsSync(join(rig.home, 'apps/count/store.previous'))).toBe(true);
  });

  test('a second Ctrl-C kills a work that does not end', async ({ expect }) => {
    const work = `class W extends Work { run() { process.on('SIGTERM', () => {}); console.log('busy'); for (;;); } }`;
    const cli = rig.app(await rig.write('a.ts', flowThat('this.w.run();', work)));
    await cli.prints('[root.w] busy');
    cli.child.kill('SIGINT');
    await cli.prints('stopping…');
    const asked = performance.now();
    cli.child.kill('SIGINT');
    expect((await cli.done).code).toBe(130);
    expect(performance.now() - asked).toBeLessThan(4_000);
    expect(rig.processes()).toEqual([]);
  });

  test('a second run of the same name exits 3', async ({ expect }) => {
    const file = await rig.write('count/app.ts', COUNTER);
    await rig.app(file).prints('counting');
    expect(await rig.app(file).done).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('STORE_LOCKED'),
    });
    const other = rig.app(file, ['--name', 'other']);
    await other.prints('counting');
    expect(other.stdout).toMatch(/^other at /);
  });

  test('a port that is taken exits 3', async ({ expect, onTestFinished }) => {
    const server = createServer();
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const file = await rig.write('a.ts', GREETER);
    const done = await rig.start(['run', file, '--port', String(port)]).done;
    expect(done).toMatchObject({ code: 3, stderr: expect.stringContaining('PORT_TAKEN') });
    expect(await readdir(join(rig.home, 'apps'))).toEqual([]);
  });

  test('--json prints events, and what the flow prints is one', async ({ expect }) => {
    const cli = rig.app(await rig.write('greeter/app.ts', GREETER), ['--json']);
    const { code, stderr } = await cli.done;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const events = cli.values.map((value) => appEventSchema.parse(value));
    expect(new Set(events.map(({ type }) => type))).toEqual(
      new Set(['stage', 'turn', 'delta', 'status', 'log']),
    );
    expect(events.find(({ type }) => type === 'stage')).toMatchObject({
      stage: 'running',
      message: expect.stringMatching(/^http:/),
    });
    expect(events.at(-1)).toMatchObject({
      type: 'stage',
      stage: 'stopped',
      message: 'that is all',
    });
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'log', source: 'flow', line: '  a line\tof the flow  ' }),
    );
    expect(events).toContainEqual(
      expect.objectContaining({
        type: 'log',
        source: 'root.greet',
        stream: 'stderr',
        line: 'to stderr',
      }),
    );
    const failed = rig.app(await rig.write('b.ts', flowThat("throw new Error('x')")), ['--json']);
    expect((await failed.done).code).toBe(1);
    const errors = failed.values
      .map((value) => appEventSchema.parse(value))
      .filter(({ type }) => type === 'error');
    expect(errors).toMatchObject([{ error: { message: 'x' } }]);
  });

  test('a reader that goes away ends the app quietly', async ({ expect }) => {
    const work =
      'class W extends Work { async run() { for (;;) { console.log("on"); await new Promise((r) => setTimeout(r, 5)); } } }';
    const cli = rig.app(await rig.write('a.ts', flowThat('this.w.run();', work)));
    await cli.prints('[root.w] on');
    cli.child.stdout?.destroy();
    const left = performance.now();
    expect(await cli.done).toMatchObject({ code: 0, stderr: '' });
    expect(performance.now() - left).toBeLessThan(5_000);
    expect(rig.processes()).toEqual([]);
  });

  test('an address that others can reach gets a token', async ({ expect }) => {
    const cli = rig.app(await rig.write('a.ts', COUNTER), ['--host', '0.0.0.0']);
    await cli.prints('counting');
    const url = new URL(/http:\S+/.exec(cli.stdout)?.[0] ?? '');
    expect(url.searchParams.get('token')).toMatch(/^[\w-]{32}$/);
    expect((await fetch(`http://127.0.0.1:${url.port}/api/v1/status`)).status).toBe(401);
    expect(await rig.run('state', 'get', '/vars/limit')).toMatchObject({ code: 0, stdout: '0\n' });
  });

  test('a damaged store is kept aside, and --resume refuses it', async ({ expect }) => {
    const file = await rig.write('greeter/app.ts', GREETER);
    await rig.app(file).done;
    const store = join(rig.home, 'apps/greeter/store');
    for (const name of await readdir(store))
      if (name.startsWith('MANIFEST')) await writeFile(join(store, name), 'garbage');
    expect(await rig.app(file, ['--resume']).done).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('STORE_DAMAGED'),
    });
    const fresh = await rig.app(file).done;
    expect(fresh).toMatchObject({ code: 0, stderr: expect.stringContaining('store.damaged-1') });
  });

  test('it dies at the failpoint that the environment names, and goes on with --resume', async ({
    expect,
  }) => {
    const file = await rig.write('greeter/app.ts', GREETER);
    const killed = rig.app(file, [], { STORMKITE_FAILPOINT: 'call.after' });
    expect((await killed.done).code).toBe(null);
    await until('its works are gone', () => rig.processes().length === 0);
    expect(await rig.app(file, ['--resume']).done).toMatchObject({ code: 0 });
    const unknown = await rig.app(file, [], { STORMKITE_FAILPOINT: 'nowhere' }).done;
    expect(unknown).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('CLI_FAILPOINT_UNKNOWN'),
    });
  });

  test('--log-level debug shows turns and statuses', async ({ expect }) => {
    const { stderr } = await rig.app(await rig.write('greeter/app.ts', GREETER), [
      '--log-level',
      'debug',
    ]).done;
    expect(stderr).toContain('root.greet: pending');
    expect(stderr).toMatch(/turn 1: /);
  });
});
