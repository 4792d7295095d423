/** What AWS may do to a launch, on the emulator's wire. */
import { afterAll, describe, test as base } from 'vitest';
import { openLocal } from '../../support/dynamodb.ts';
import { until } from '../../support/until.ts';
import { LauncherRig, type LauncherFlow, type OpenFlowOptions } from './launcher-rig.ts';

const WORK = 'root.train';
const ref = { work: WORK, epoch: 1 };

const local = await openLocal();
afterAll(async () => {
  if ('close' in local) await local.close();
});

const test = base.extend<{ rig: LauncherRig; flow: LauncherFlow; quick: OpenFlowOptions['quick'] }>(
  {
    quick: {},
    // eslint-disable-next-line no-empty-pattern -- vitest finds out by destructuring what a fixture needs
    rig: async ({}, use) => {
      if ('missing' in local) throw new Error(local.missing);
      const rig = await LauncherRig.open(local);
      await use(rig);
      await rig.close();
    },
    flow: async ({ rig, quick }, use) => {
      const flow = await rig.flow(quick === undefined ? {} : { quick });
      await use(flow);
      rig.emulator.clearFaults();
      await flow.launcher.close();
    },
  },
);

const skipped = 'missing' in local ? ` (skipped: ${local.missing})` : '';

describe.skipIf('missing' in local)(`a launch on ECS${skipped}`, () => {
  test('starts one machine when it is needed, and its bill ends with the release', async ({
    rig,
    flow,
    expect,
  }) => {
    await flow.launcher.launch(rig.spec(WORK));
    expect(await flow.told(WORK, 'running')).toHaveProperty('address.ports', {
      8080: expect.any(Number),
    });
    expect(rig.live).toMatchObject([{ type: 'g4dn.xlarge', market: 'on-demand' }]);
    expect(rig.emulator.billing().dollarsPerHour).toBeCloseTo(0.526);
    await flow.launcher.stop(ref, 0);
    await flow.launcher.release(WORK);
    expect(rig.emulator.billing().dollarsPerHour).toBe(0);
    const [row] = await rig.machineRows();
    const [line] = rig.emulator.billing().lines;
    expect(row).toMatchObject({ type: 'g4dn.xlarge', work: WORK, state: 'terminated' });
    // EC2 tells whole seconds.
    expect(Math.abs((row?.launchedAt ?? 0) - (line?.launchedAt ?? 0))).toBeLessThan(1_000);
    expect(row?.terminatedAt).toBeGreaterThanOrEqual(line?.endedAt ?? Number.POSITIVE_INFINITY);
  });

  test('tells that SIGKILL ended a work that does not hear SIGTERM', async ({
    rig,
    flow,
    expect,
  }) => {
    const lines: string[] = [];
    rig.emulator.onLog(({ line }) => void lines.push(line));
    await flow.launcher.launch(rig.spec(WORK, { ref: { by: 'export', name: 'Deaf' } }));
    await flow.told(WORK, 'running');
    // ECS says RUNNING before its program has come to say that it hears nothing.
    await until('it is deaf', () => lines.includes('deaf'));
    expect(await flow.launcher.stop(ref, 0)).toEqual({ forced: true });
    expect(flow.facts.at(-1)).toMatchObject({
      reason: 'stopped',
      message: 'killed by SIGKILL after its grace',
    });
  });

  test.for(['ecs:RunTask', 'autoscaling:LaunchInstances', 'ecs:*', 'autoscaling:*'])(
    'whose answers to %s are lost starts one task on one machine',
    async (operation, { rig, flow, expect }) => {
      rig.emulator.addFault({ kind: 'lost-answer', operation, count: 6 });
      await flow.launcher.launch(rig.spec(WORK));
      await flow.told(WORK, 'running');
      expect(await rig.epochsOf(WORK)).toEqual([1]);
      expect(rig.live).toHaveLength(1);
    },
  );

  test('survives throttling of everything', async ({ rig, flow, expect }) => {
    rig.emulator.addFault({ kind: 'throttle', operation: '*', probability: 0.2, count: 20 });
    await flow.launcher.launch(rig.spec(WORK));
    await flow.told(WORK, 'running');
    expect(await rig.epochsOf(WORK)).toEqual([1]);
    expect(rig.live).toHaveLength(1);
  });

  test('waits for capacity in all subnets, and takes what comes', async ({ rig, flow, expect }) => {
    const id = rig.emulator.addFault({ kind: 'no-capacity', instanceType: 'g4dn.xlarge' });
    await flow.launcher.launch(rig.spec(WORK));
    await until('it says so', () =>
      flow
        .pending(WORK)
        .some((text) => text.startsWith('capacity: AWS has no g4dn.xlarge free in')),
    );
    expect(rig.live).toEqual([]);
    rig.emulator.clearFaults(id ?? '');
    await flow.told(WORK, 'running');
    expect(rig.live).toHaveLength(1);
  });

  test('takes the next subnet where one has none left', async ({ rig, flow, expect }) => {
    const [first = '', second] = rig.deployment.subnets;
    rig.emulator.addFault({ kind: 'no-capacity', subnet: first });
    await flow.launcher.launch(rig.spec(WORK));
    await flow.told(WORK, 'running');
    expect(rig.live).toMatchObject([{ subnet: second }]);
  });

  test('names the quota that is 0, can be stopped meanwhile, and leaves nothing', async ({
    rig,
    flow,
    expect,
  }) => {
    rig.emulator.addFault({ kind: 'quota', family: 'g', vcpus: 0 });
    await flow.launcher.launch(rig.spec(WORK));
    const told = await until('it says so', () =>
      flow.pending(WORK).find((text) => text.startsWith('quota: ')),
    );
    expect(told).toContain('L-DB2E81BA');
    expect(await flow.launcher.stop(ref, 5_000)).toEqual({ forced: false });
    await flow.launcher.release(WORK);
    expect(rig.live).toEqual([]);
    expect(rig.tasks).toEqual([]);
  });

  test('whose image does not exist ends with the words of ECS', async ({ rig, flow, expect }) => {
    rig.emulator.addFault({ kind: 'no-image' });
    await flow.launcher.launch(rig.spec(WORK));
    expect(await flow.told(WORK, 'exited')).toMatchObject({
      reason: 'exited',
      message: expect.stringMatching(/^image: .*CannotPullContainerError/),
    });
    await until('its machine goes', () => rig.live.length === 0);
  });

  test('whose task ECS does not show for a while is waited for', async ({ rig, flow, expect }) => {
    rig.emulator.addFault({ kind: 'hidden-task', ms: 300 });
    await flow.launcher.launch(rig.spec(WORK));
    await flow.told(WORK, 'running');
    expect(flow.facts.map(({ state }) => state)).not.toContain('lost');
    expect(await rig.epochsOf(WORK)).toEqual([1]);
  });

  describe('with a short start time-out', () => {
    test.override({ quick: { startTimeoutMs: 200 } });

    test.for(['PROVISIONING', 'PENDING'] as const)(
      'and a task that stays %s is stopped, and says why',
      async (at, { rig, flow, expect }) => {
        rig.emulator.addFault({ kind: 'stuck-task', at });
        await flow.launcher.launch(rig.spec(WORK));
        expect(await flow.told(WORK, 'exited')).toMatchObject({
          reason: 'exited',
          message: expect.stringContaining('it did not start in time'),
        });
        await until('nothing is left', () => rig.tasks.length === 0 && rig.live.length === 0);
      },
    );
  });

  describe('with a short boot time-out', () => {
    test.override({ quick: { bootTimeoutMs: 1_000 } });

    test('and an instance that never registers is given back, and another one tried', async ({
      rig,
      flow,
      expect,
    }) => {
      rig.emulator.addFault({ kind: 'slow-boot', ms: null, count: 1 });
      await flow.launcher.launch(rig.spec(WORK));
      await flow.told(WORK, 'running');
      await until('the first is gone', () => rig.live.length === 1);
      expect(rig.emulator.billing().lines.length).toBeGreaterThanOrEqual(2);
      expect(flow.pending(WORK).join('\n')).toContain('it did not register with the cluster');
    });
  });

  test('on a spot instance that is taken back hears SIGTERM, and is interrupted', async ({
    rig,
    flow,
    expect,
  }) => {
    await flow.launcher.launch(rig.spec(WORK, { on: 'gpu-spot' }));
    await flow.told(WORK, 'running');
    const instance = rig.live[0]?.id ?? '';
    rig.emulator.addFault({ kind: 'spot-interruption', instance, noticeMs: 10_000 });
    expect(await flow.told(WORK, 'exited')).toMatchObject({
      reason: 'interrupted',
      message: expect.stringContaining('its spot instance is being taken back'),
    });
    await flow.launcher.launch(rig.spec(WORK, { on: 'gpu-spot', epoch: 2 }));
    await flow.told(WORK, 'running', 2);
  });

  test('on a machine that dies is interrupted, and goes on on another one', async ({
    rig,
    flow,
    expect,
  }) => {
    await flow.launcher.launch(rig.spec(WORK));
    await flow.told(WORK, 'running');
    rig.emulator.addFault({ kind: 'instance-death', instance: rig.live[0]?.id ?? '' });
    expect(await flow.told(WORK, 'exited')).toMatchObject({ reason: 'interrupted' });
    await flow.launcher.launch(rig.spec(WORK, { epoch: 2 }));
    await flow.told(WORK, 'running', 2);
    await until('one machine is left', () => rig.live.length === 1);
    expect(await rig.epochsOf(WORK)).toEqual(expect.arrayContaining([1, 2]));
  });

  test('whose memory is used up is told so', async ({ rig, flow, expect }) => {
    await flow.launcher.launch(rig.spec(WORK));
    await flow.told(WORK, 'running');
    rig.emulator.addFault({ kind: 'out-of-memory', task: rig.tasks[0]?.arn ?? '' });
    expect(await flow.told(WORK, 'exited')).toMatchObject({ reason: 'oom' });
  });

  test('of ten works on shared machines starts as many machines as they need', async ({
    rig,
    flow,
    expect,
  }) => {
    const works = Array.from({ length: 10 }, (_, index) => `root.w${index}`);
    await Promise.all(works.map((work) => flow.launcher.launch(rig.spec(work, { on: 'default' }))));
    for (const work of works) await flow.told(work, 'running');
    const { vcpus, workCpuUnits } = rig.deployment.hardware['default']!;
    expect(rig.live).toHaveLength(Math.ceil(10 / Math.floor((vcpus * 1_024) / workCpuUnits)));
  });
});
