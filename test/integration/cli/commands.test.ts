import { afterAll, beforeAll, describe, test } from 'vitest';
import {
  appEventSchema,
  commandSchema,
  errorEventSchema,
  logLineSchema,
  psSchema,
  stateSchema,
  stateSetSchema,
} from '../../../cli/schemas.ts';
import { until } from '../../support/until.ts';
import { COUNTER } from './apps.ts';
import { CliRig, type Cli } from './cli-rig.ts';

describe('commands about a running app', () => {
  let rig: CliRig;
  let app: Cli;
  beforeAll(async () => {
    rig = await CliRig.open();
    app = rig.app(await rig.write('count/app.ts', COUNTER));
    await app.prints('[root.count] counting from 0');
  });
  afterAll(() => rig.close());

  const json = async (...args: string[]): Promise<unknown[]> => {
    const cli = rig.start([...args, '--json']);
    await cli.done;
    return cli.values;
  };

  test('ps lists apps and works', async ({ expect }) => {
    const text = await rig.run('ps');
    expect(text.code).toBe(0);
    expect(text.stdout).toMatch(/^count {2}running {2}http/);
    expect(text.stdout).toMatch(/root\.count +running +Count +default +\d+/);
    const [value] = await json('ps', '--app', 'count');
    const [found] = psSchema.parse(value).apps;
    expect(found).toMatchObject({
      name: 'count',
      stage: 'running',
      pid: app.child.pid,
      works: [{ name: 'root.count' }],
    });
  });

  test('state get reads one place; an unknown one exits 2', async ({ expect }) => {
    expect(await rig.run('state', 'get', '/works/count/vars')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('"counter": '),
    });
    const [document] = await json('state', 'get');
    expect(stateSchema.parse(document)).toMatchObject({ app_state: { stage: 'running' } });
    expect(await rig.run('state', 'get', '/nothing')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('SERVER_POINTER_UNKNOWN'),
    });
    expect(await rig.run('state', 'get', 'vars')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('STATE_POINTER_INVALID'),
    });
  });

  test('state set changes, adds what is optional, and refuses the rest', async ({ expect }) => {
    expect(await rig.run('state', 'set', '/vars/limit', '7')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('set /vars/limit'),
    });
    const [set] = await json('state', 'set', '/vars/note', '"hello"');
    expect(stateSetSchema.parse(set)).toMatchObject({ app: 'count', pointer: '/vars/note' });
    expect(await json('state', 'get', '/vars')).toMatchObject([{ limit: 7, note: 'hello' }]);
    expect(await rig.run('state', 'set', '/vars/limit', 'seven')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('CLI_VALUE_NOT_JSON'),
    });
    expect(await rig.run('state', 'set', '/vars/limit', '1e400')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('CLI_VALUE_NOT_JSON'),
    });
    expect(await rig.run('state', 'set', '/vars/nothing', '1')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('SERVER_PATCH_TARGET_UNKNOWN'),
    });
  });

  test('state watch prints changes below its pointer until Ctrl-C', async ({ expect }) => {
    const watch = rig.start(['state', 'watch', '/works/count/vars', '--json']);
    await watch.prints('"type":"delta"');
    watch.child.kill('SIGINT');
    expect(await watch.done).toMatchObject({ code: 130, stderr: '' });
    const deltas = watch.values.map((value) => appEventSchema.parse(value));
    const counter = expect.objectContaining({ op: 'replace', path: '/works/count/vars/counter' });
    expect(deltas[0]).toMatchObject({ type: 'delta', ops: expect.arrayContaining([counter]) });
  });

  test('logs prints the last lines, and -f goes on', async ({ expect }) => {
    expect(await rig.run('logs', 'count')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('counting from 0\n'),
    });
    const [line] = await json('logs', '--tail', '1');
    expect(logLineSchema.parse(line)).toMatchObject({ source: 'root.count' });
    expect(await rig.run('logs', 'nothing')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('WORK_UNKNOWN'),
    });
    expect(await rig.run('logs', '--tail', 'x')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('CLI_OPTION_INVALID'),
    });
    const follow = rig.start(['logs', 'root.count', '-f', '--tail', '0']);
    // It may not be connected yet when the work is started for the first time.
    await until('a new line is followed', async () => {
      await rig.run('stop', 'count');
      await until('it is stopped', async () => (await rig.run('ps')).stdout.includes('stopped'));
      await rig.run('start', 'count');
      return await until(
        'it counts again',
        () => follow.stdout.includes('counting from'),
        5_000,
      ).catch(() => false);
    });
    follow.child.kill('SIGTERM');
    expect((await follow.done).code).toBe(130);
  });

  test('stop, start and delete name a work, with or without root', async ({ expect }) => {
    const [stopped] = await json('stop', 'root.count');
    expect(commandSchema.parse(stopped)).toEqual({
      app: 'count',
      work: 'root.count',
      command: 'stop',
    });
    await until('it is stopped', async () => (await rig.run('ps')).stdout.includes('stopped'));
    expect(await rig.run('start', 'count')).toMatchObject({
      code: 0,
      stdout: 'starting root.count of count; see `stormkite ps`\n',
    });
    expect(await rig.run('start', 'nothing')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('WORK_UNKNOWN'),
    });
    expect(await rig.run('delete', 'nothing')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('WORK_UNKNOWN'),
    });
    expect(await rig.run('stop')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--all'),
    });
  });

  test('an app must be named when several run, and must run', async ({ expect }) => {
    const other = rig.app(await rig.write('other.ts', COUNTER));
    await other.prints('counting');
    expect(await rig.run('state', 'get')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/CLI_APP_AMBIGUOUS.*count, other/),
    });
    const [error] = await json('state', 'get', '--app', 'nobody');
    expect(errorEventSchema.parse(error)).toMatchObject({
      error: { code: 'CLI_APP_UNKNOWN', hint: expect.stringContaining('count, other') },
    });
    expect(await rig.run('stop', '--all', '--app', 'other', '--message', 'good bye')).toMatchObject(
      { code: 0, stdout: 'other has ended\n' },
    );
    // Its name is free at once.
    expect(rig.isAnnounced('other')).toBe(false);
    expect(await other.done).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/good bye\n$/),
    });
    expect(await rig.run('logs', '--app', 'other')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('[root.count] counting'),
    });
  });
});

describe('commands without a running app', () => {
  test('say so', async ({ expect, onTestFinished }) => {
    const rig = await CliRig.open();
    onTestFinished(() => rig.close());
    expect(await rig.run('ps')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('no app is running'),
    });
    expect(await rig.run('state', 'get')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('CLI_NO_APP_RUNNING'),
    });
    const app = rig.app(await rig.write('count/app.ts', COUNTER));
    await app.prints('counting');
    app.child.kill('SIGKILL');
    await app.done;
    // Its run.json is stale.
    expect(rig.isAnnounced('count')).toBe(true);
    expect(await rig.run('ps', '--json')).toMatchObject({ code: 0, stdout: '{"apps":[]}\n' });
  });
});
