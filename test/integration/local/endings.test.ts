import { createServer, type AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, test } from 'vitest';
import { isAlive, LocalRig } from '../../support/local-rig.ts';
import { until } from '../../support/until.ts';

/** Milliseconds of grace that a stop gives to works that use all of it. */
const SHORT_GRACE_MS = 400;

describe('how calls end', () => {
  let rig: LocalRig;

  beforeEach(async () => {
    rig = await LocalRig.open();
  });
  afterEach(() => rig.close());

  const call = async (how: string) => {
    await rig.up('dying');
    await rig.call('dying', [how]);
    return rig.end('dying');
  };

  test('an exception ends the call with the stack, and the process lives on', async ({
    expect,
  }) => {
    const end = await call('throw');
    expect(end).toMatchObject({
      outcome: 'failed',
      reason: 'user_exception',
      error: { name: 'TypeError' },
    });
    expect(end.message).toContain('TypeError: bad data');
    expect(end.message).toContain('test/fixtures/works/app.ts');
    await rig.call('dying', ['throw'], { call: 'c2' });
    expect(await rig.outcome('dying', 'c2')).toBe('failed');
  });

  test('a returned value fails the call', async ({ expect }) => {
    expect(await call('value')).toMatchObject({
      outcome: 'failed',
      reason: 'invalid_return_value',
      error: { code: 'WORK_RETURNED_VALUE' },
    });
  });

  test('a rejection that nothing caught fails the running call', async ({ expect }) => {
    expect(await call('reject')).toMatchObject({
      outcome: 'failed',
      error: { name: 'RangeError' },
    });
  });

  test('a port that another program holds fails the first call', async ({ expect }) => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    try {
      await rig.up('fixed', { env: { FIXED_PORT: String(port) } });
      await rig.call('fixed');
      expect(await rig.end('fixed')).toMatchObject({
        outcome: 'failed',
        reason: 'port_taken',
        error: { code: 'PORT_TAKEN' },
      });
    } finally {
      other.close();
    }
  });

  test.for([
    ['read in the loop', false],
    ['kept from before', true],
  ] as const)('a busy loop sees signal.aborted %s', async ([, cached], { expect }) => {
    await rig.up('spinner');
    await rig.call('spinner', [cached]);
    await until('it spins', () => rig.values('spinner', 'spinning').at(-1));
    expect(await rig.backend.launcher.stop(rig.spec('spinner'), 10_000)).toEqual({ forced: false });
    expect(rig.values('spinner', 'sawAbort')).toEqual([true]);
    expect(await rig.end('spinner')).toMatchObject({ outcome: 'stopped' });
    expect(await rig.exit('spinner')).toMatchObject({ reason: 'stopped' });
  });

  test('onExit runs once, and what it changes and prints arrives', async ({ expect }) => {
    await rig.up('spinner');
    await rig.backend.launcher.stop(rig.spec('spinner'), 10_000);
    expect(rig.values('spinner', 'exits')).toEqual([1]);
    expect(rig.lines.filter(({ line }) => line === 'leaving')).toHaveLength(1);
  });

  test('onExit runs beside a call that goes on, and may be what ends it', async ({ expect }) => {
    await rig.up('closer');
    await rig.call('closer', [true]);
    await rig.value('closer', 'serving');
    expect(await rig.backend.launcher.stop(rig.spec('closer'), 10_000)).toEqual({ forced: false });
    expect(rig.values('closer', 'exits')).toEqual([1]);
    expect(await rig.end('closer')).toMatchObject({ outcome: 'stopped' });
    expect(await rig.exit('closer')).toMatchObject({ reason: 'stopped' });
  });

  test('onExit runs also when nothing ends the call', async ({ expect }) => {
    await rig.up('closer');
    await rig.call('closer', [false]);
    await rig.value('closer', 'serving');
    expect(await rig.backend.launcher.stop(rig.spec('closer'), 4_000)).toEqual({ forced: true });
    expect(rig.values('closer', 'exits')).toEqual([1]);
    expect(await rig.exit('closer')).toMatchObject({ reason: 'stopped' });
  });

  test('a work that ignores SIGTERM is killed after its grace, with all of its group', async ({
    expect,
  }) => {
    await rig.up('stubborn');
    await rig.call('stubborn');
    const grandchild = Number(await rig.value('stubborn', 'grandchild'));
    const pid = rig.backend.pidOf('root.stubborn') ?? 0;
    expect(isAlive(grandchild)).toBe(true);
    expect(await rig.backend.launcher.stop(rig.spec('stubborn'), SHORT_GRACE_MS)).toEqual({
      forced: true,
    });
    expect(isAlive(pid)).toBe(false);
    await until('the grandchild is gone', () => !isAlive(grandchild));
  });

  test('a work killed from outside names the signal', async ({ expect }) => {
    await rig.up('stubborn');
    await rig.call('stubborn');
    const grandchild = Number(await rig.value('stubborn', 'grandchild'));
    process.kill(rig.backend.pidOf('root.stubborn') ?? 0, 'SIGKILL');
    const fact = await rig.exit('stubborn');
    expect(fact.reason).toBe('exited');
    expect(fact.message).toContain('SIGKILL');
    await until('the grandchild is gone', () => !isAlive(grandchild));
  });

  test('a full heap is told as such', async ({ expect }) => {
    await rig.up('dying', { env: { NODE_OPTIONS: '--max-old-space-size=60' } });
    await rig.call('dying', ['heap']);
    expect(await rig.exit('dying')).toMatchObject({ reason: 'oom' });
  });

  test('a work that exits with 0 in its call did not finish it, and its last change arrives', async ({
    expect,
  }) => {
    await rig.up('dying');
    await rig.call('dying', ['exit']);
    const fact = await rig.exit('dying');
    expect(fact).toMatchObject({
      reason: 'exited',
      message: 'exited with code 0 before its call finished',
    });
    expect(rig.values('dying', 'begun')).toEqual([true]);
  });

  test('a work that dies before it is ready is exited', async ({ expect }) => {
    await rig.backend.launcher.launch(rig.spec('dying', { env: { DIE_AT_START: '1' } }));
    expect(await rig.exit('dying')).toMatchObject({
      reason: 'exited',
      message: 'exited with code 3',
    });
  });

  test('an app that does not load says why', async ({ expect }) => {
    await rig.backend.launcher.launch(rig.spec('dying', { env: { FAIL_TO_LOAD: '1' } }));
    const fact = await rig.exit('dying');
    expect(fact.reason).toBe('load');
    expect(fact.message).toContain('this app cannot load');
  });

  test('a tree that comes out differently is told as such', async ({ expect }) => {
    await rig.backend.launcher.launch(rig.spec('dying', { tree: ['root', 'root.other'] }));
    const fact = await rig.exit('dying');
    expect(fact.reason).toBe('tree');
    expect(fact.message).toContain('WORK_TREE_DIFFERS');
  });

  test('a process that never connects is killed', async ({ expect }) => {
    await rig.close();
    rig = await LocalRig.open({ timings: { startTimeoutMs: 1 } });
    await rig.backend.launcher.launch(rig.spec('dying'));
    expect(await rig.exit('dying')).toMatchObject({
      reason: 'exited',
      message: 'did not connect within 1 ms',
    });
  });
});
