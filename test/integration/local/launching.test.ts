import { afterEach, beforeEach, describe, test } from 'vitest';
import { cleanEnvironment, LocalRig } from '../../support/local-rig.ts';
import { until } from '../../support/until.ts';
import { plainHardware } from '../../support/plain-hardware.ts';

const GPU = { hardware: { ...plainHardware.hardware, name: 'gpu', gpus: 1, interruptible: false } };

describe('launching', () => {
  let rig: LocalRig;

  beforeEach(async () => {
    rig = await LocalRig.open({
      gpus: [3, 5],
      timings: { capacityRetryMs: 77 },
      environment: { ...cleanEnvironment(), MY_TOKEN: 'hunter2', CUDA_VISIBLE_DEVICES: '3,5' },
    });
  });
  afterEach(() => rig.close());

  const environmentOf = async (name: string): Promise<Record<string, string>> => {
    await rig.call(name);
    return (await rig.value(name, 'env')) as Record<string, string>;
  };

  test('a work sees its own environment and its secrets, and nothing of how it is reached', async ({
    expect,
  }) => {
    await rig.up('teller', { env: { OWN: 'x' }, secrets: { TOKEN: 'env:MY_TOKEN' } });
    const env = await environmentOf('teller');
    expect(env).toMatchObject({ OWN: 'x', TOKEN: 'hunter2' });
    const ours = Object.keys(env).filter((name) => name.startsWith('STORMKITE'));
    expect(ours).toEqual(['STORMKITE_ROOT_PATH']);
  });

  test('a process that the system refuses to spawn is told as one that ended', async ({
    expect,
  }) => {
    const spec = rig.spec('teller', { env: { BIG: 'x'.repeat(200_000) } });
    await rig.backend.launcher.launch(spec);
    expect(await rig.exit('teller')).toMatchObject({
      reason: 'exited',
      message: expect.stringContaining('could not be started'),
    });
    expect(await rig.backend.launcher.observe()).toEqual([]);
    await rig.up('counter');
  });

  test('a secret of the cloud is refused for good', async ({ expect }) => {
    const result = await rig.backend.launcher.launch(
      rig.spec('teller', { secrets: { TOKEN: 'ssm:/token' } }),
    );
    expect(result).toMatchObject({ ok: false, reason: 'secret' });
    expect(result).not.toHaveProperty('retryAfterMs');
  });

  test('GPU works get devices of their own, and wait when none is free', async ({ expect }) => {
    await rig.up('teller', GPU);
    await rig.up('counter', GPU);
    expect((await environmentOf('teller'))['CUDA_VISIBLE_DEVICES']).toBe('3');
    const third = rig.spec('ticker', GPU);
    expect(await rig.backend.launcher.launch(third)).toMatchObject({
      ok: false,
      reason: 'capacity',
      retryAfterMs: 77,
    });
    await rig.backend.launcher.stop(rig.spec('teller'), 5_000);
    expect(await rig.backend.launcher.launch(third)).toMatchObject({ ok: true });
  });

  test('without any GPU a GPU work runs on the CPU, with one warning', async ({ expect }) => {
    await rig.close();
    rig = await LocalRig.open({ gpus: [] });
    await Promise.all([rig.up('teller', GPU), rig.up('counter', GPU)]);
    expect(await environmentOf('teller')).not.toHaveProperty('CUDA_VISIBLE_DEVICES');
    expect(rig.lines.filter(({ source }) => source === 'flow')).toHaveLength(1);
  });

  test('a spare takes a work over at once, is never told of, and is replaced', async ({
    expect,
  }) => {
    rig.backend.wantSpare(true);
    await rig.up('ticker', { env: { NOT: 'the spare' } });
    const pids = new Set<number>();
    for (const name of ['counter', 'teller']) {
      await rig.spareLoaded();
      expect((await rig.backend.launcher.observe()).map(({ work }) => work)).not.toContain(
        `root.${name}`,
      );
      const launchedAt = performance.now();
      await rig.up(name);
      // Far less than a process needs to boot, however busy the machine is.
      expect(performance.now() - launchedAt).toBeLessThan(200);
      pids.add(rig.backend.pidOf(`root.${name}`) ?? 0);
      expect(
        rig.lines.filter(
          ({ source, line }) => source === `root.${name}` && line === 'module loaded',
        ),
      ).toHaveLength(1);
    }
    expect(pids.size).toBe(2);
  });

  test('of many works a few boot at a time, and all come up', async ({ expect }) => {
    const names = [
      'counter',
      'ticker',
      'teller',
      'flood',
      'printer',
      'listener',
      'blocker',
      'spinner',
    ];
    await Promise.all(names.map((name) => rig.backend.launcher.launch(rig.spec(name))));
    const starting = await rig.backend.launcher.observe();
    expect(starting).toHaveLength(names.length);
    expect(starting.filter(({ pid }) => pid !== null)).toHaveLength(4);
    await until('all run', async () =>
      (await rig.backend.launcher.observe()).every(({ state }) => state === 'running'),
    );
  });

  test('a work that waits for its turn to boot can be stopped', async ({ expect }) => {
    const names = ['counter', 'ticker', 'teller', 'flood', 'printer'];
    await Promise.all(names.map((name) => rig.backend.launcher.launch(rig.spec(name))));
    expect(await rig.backend.launcher.stop(rig.spec('printer'), 1_000)).toEqual({ forced: false });
    expect(await rig.exit('printer')).toMatchObject({ reason: 'stopped', pid: null });
  });
});
