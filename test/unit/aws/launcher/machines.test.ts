import { describe, test } from 'vitest';
import { appError } from '../../../../runtime/errors/index.ts';
import { until } from '../../../support/until.ts';
import { deploymentOf, specOf } from './deployment.ts';
import { openFlow } from './flow-rig.ts';
import { ScriptedAccount } from './scripted-account.ts';

const WORK = 'root.train';
const ref = { work: WORK, epoch: 1 };
const shared = { ...specOf(WORK).hardware, name: 'default', gpus: 0 };

const running = async (more: Parameters<typeof openFlow>[1] = {}) => {
  const account = new ScriptedAccount();
  const flow = await openFlow(account, more);
  await flow.launcher.launch(specOf(WORK));
  await flow.told(WORK, 'running');
  return { account, flow };
};

describe('stopping', () => {
  test('ends the task and says so; its machine goes with the release', async ({ expect }) => {
    const { account, flow } = await running({ quick: { idleMachineMs: 60_000 } });
    expect(await flow.launcher.stop(ref, 0)).toEqual({ forced: false });
    expect(flow.facts.at(-1)).toMatchObject({ state: 'exited', reason: 'stopped' });
    expect(account.live).toHaveLength(1);
    await flow.launcher.release(WORK);
    expect(account.live).toEqual([]);
    const { releasedAt, terminatedAt } = account.row('HW#')[0]!;
    expect(terminatedAt).toBeGreaterThanOrEqual(releasedAt);
    flow.launcher.leave();
  });

  test('gives a machine back in the order that ends its bill', async ({ expect }) => {
    const { account, flow } = await running();
    await flow.launcher.stop(ref, 0);
    await flow.launcher.release(WORK);
    const order = account.calls.filter((name) =>
      /^(StopTask|UpdateContainer|SetInstanceProtection|Terminate)/.test(name),
    );
    expect(order).toEqual([
      'StopTaskCommand',
      'UpdateContainerInstancesStateCommand',
      'SetInstanceProtectionCommand',
      'TerminateInstanceInAutoScalingGroupCommand',
    ]);
    flow.launcher.leave();
  });

  test('tells when SIGKILL was needed', async ({ expect }) => {
    const { account, flow } = await running();
    account.after = () => {
      for (const task of account.tasks) if (task.stopCode) task.exitCode = 137;
    };
    expect(await flow.launcher.stop(ref, 0)).toEqual({ forced: true });
    await flow.launcher.close();
  });

  test('asks first, and sends SIGTERM to what does not end by itself', async ({ expect }) => {
    const asked: string[] = [];
    const account = new ScriptedAccount();
    const askToStop = async ({ work }: { work: string }) => {
      asked.push(work);
      if (work !== WORK) return;
      Object.assign(account.tasks[0]!, {
        status: 'STOPPED',
        exitCode: 0,
        stopCode: 'EssentialContainerExited',
      });
    };
    const flow = await openFlow(account, { askToStop });
    await flow.launcher.launch(specOf(WORK));
    await flow.launcher.launch(specOf('root.deaf'));
    await flow.told(WORK, 'running');
    await flow.told('root.deaf', 'running');
    await flow.launcher.stop(ref, 60_000);
    expect(await flow.told(WORK, 'exited')).toMatchObject({ reason: 'stopped' });
    expect(account.calls).not.toContain('StopTaskCommand');
    await flow.launcher.stop({ work: 'root.deaf', epoch: 1 }, 4);
    expect(account.calls).toContain('StopTaskCommand');
    expect(asked).toEqual([WORK, 'root.deaf']);
    await flow.launcher.close();
  });

  test('while capacity is waited for ends at once and starts nothing more', async ({ expect }) => {
    const account = new ScriptedAccount();
    account.launches.push(...Array<string>(1_000).fill('InsufficientInstanceCapacity'));
    const flow = await openFlow(account);
    await flow.launcher.launch(specOf(WORK));
    await until('it waits', () => flow.pending(WORK).some((text) => text.includes('again')));
    expect(await flow.launcher.stop(ref, 5_000)).toEqual({ forced: false });
    expect(await flow.told(WORK, 'exited')).toMatchObject({ reason: 'stopped' });
    expect(account.instances).toEqual([]);
    expect(account.tasks).toEqual([]);
    flow.launcher.leave();
  });

  test('while its instance is being started waits for that answer, and gives it back', async ({
    expect,
  }) => {
    const account = new ScriptedAccount();
    let answer = (): void => undefined;
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const flow = await openFlow(account, {
      guard: async (name, take) => {
        const taken = await take();
        if (name === 'LaunchInstancesCommand') await answered;
        return taken;
      },
    });
    await flow.launcher.launch(specOf(WORK));
    await until('it is started', () => account.live.length === 1);
    const stopped = flow.launcher.stop(ref, 0);
    answer();
    await stopped;
    await flow.launcher.release(WORK);
    expect(account.live).toEqual([]);
    expect(account.tasks).toEqual([]);
    flow.launcher.leave();
  });

  test('during a boot gives the instance back, and no task is started', async ({ expect }) => {
    const account = new ScriptedAccount();
    account.after = () => {
      for (const instance of account.instances) instance.looks = 0;
    };
    const flow = await openFlow(account);
    await flow.launcher.launch(specOf(WORK));
    await until('it boots', () => flow.pending(WORK).some((text) => text.startsWith('boot: ')));
    await flow.launcher.stop(ref, 0);
    await flow.launcher.release(WORK);
    expect(account.live).toEqual([]);
    expect(account.tasks).toEqual([]);
    flow.launcher.leave();
  });
});

describe('a machine', () => {
  test('of a work that ended by itself goes after a while', async ({ expect }) => {
    const { account, flow } = await running();
    Object.assign(account.tasks[0]!, {
      status: 'STOPPED',
      exitCode: 1,
      stopCode: 'EssentialContainerExited',
    });
    expect(await flow.told(WORK, 'exited')).toMatchObject({ message: 'exited with code 1' });
    await until('it is gone', () => account.live.length === 0);
    flow.launcher.leave();
  });

  test('is kept although the table does not take that at once', async ({ expect }) => {
    let failures = 0;
    let isOut = false;
    const { account, flow } = await running({
      guard: async (name, take) => {
        if (!isOut || name !== 'PutRow') return await take();
        failures += 1;
        throw appError('STORE_UNREACHABLE', { where: 'state', problem: 'out', advice: 'wait' });
      },
    });
    await flow.launcher.stop(ref, 0);
    isOut = true;
    await flow.launcher.keep(WORK);
    await until('it was tried', () => failures > 1);
    isOut = false;
    await until('it is recorded', () => account.row('HW#i-1')[0]?.['kept'] === true);
    expect(account.live).toHaveLength(1);
    await flow.launcher.close();
  });

  test('that is kept is used by the next launch of its work, and goes when it is released', async ({
    expect,
  }) => {
    const { account, flow } = await running();
    await flow.launcher.stop(ref, 0);
    await flow.launcher.keep(WORK);
    await until('it is recorded', () => account.row('HW#i-1')[0]?.['kept'] === true);
    const looks = account.calls.length;
    await until('it was looked at for a while', () => account.calls.length > looks + 40);
    expect(account.live).toHaveLength(1);
    await flow.launcher.launch(specOf(WORK, { epoch: 2 }));
    await flow.told(WORK, 'running', 2);
    expect(account.instances).toHaveLength(1);
    expect(account.row('HW#i-1')).toMatchObject([{ kept: false }]);
    await flow.launcher.stop({ work: WORK, epoch: 2 }, 0);
    await flow.launcher.release(WORK);
    expect(account.live).toEqual([]);
    flow.launcher.leave();
  });

  test('that is shared is started once for several works, and goes after the last', async ({
    expect,
  }) => {
    const account = new ScriptedAccount();
    const flow = await openFlow(account);
    const works = ['root.a', 'root.b', 'root.c', 'root.d', 'root.e'];
    for (const work of works) await flow.launcher.launch(specOf(work, { hardware: shared }));
    for (const work of works) await flow.told(work, 'running');
    // Four fit on one.
    expect(account.instances).toHaveLength(2);
    for (const work of works.slice(0, 4)) {
      await flow.launcher.stop({ work, epoch: 1 }, 0);
      await flow.launcher.release(work);
    }
    expect(account.running).toHaveLength(1);
    await until('the empty one is gone', () => account.live.length === 1);
    await flow.launcher.stop({ work: 'root.e', epoch: 1 }, 0);
    await until('the last one is gone', () => account.live.length === 0);
    flow.launcher.leave();
  });

  test('of a colocation group is shared by its works, and by no others', async ({ expect }) => {
    const account = new ScriptedAccount();
    const flow = await openFlow(account);
    for (const work of ['root.a', 'root.b'])
      await flow.launcher.launch(specOf(work, { colocationGroupId: 'pair' }));
    await flow.launcher.launch(specOf(WORK));
    for (const work of ['root.a', 'root.b', WORK]) await flow.told(work, 'running');
    const [a, b, alone] = ['root.a', 'root.b', WORK].map(
      (work) => account.row(`R#${work}#`)[0]!['instanceId'],
    );
    expect(a).toBe(b);
    expect(alone).not.toBe(a);
    await flow.launcher.close();
    expect(account.live).toEqual([]);
  });

  test('that no work started is recorded and goes', async ({ expect }) => {
    const { account, flow } = await running();
    account.instances.push({ ...account.instances[0]!, id: 'i-stray', token: '', looks: 9 });
    await until('it is recorded', () => account.row('HW#i-stray').length === 1);
    await until('it is gone', () => account.live.length === 1);
    await until(
      'its record is closed',
      () => account.row('HW#i-stray')[0]!['terminatedAt'] !== null,
    );
    expect(account.row('HW#i-stray')).toMatchObject([{ owner: 'nobody', state: 'terminated' }]);
    await flow.launcher.close();
  });

  test('that no work started is used by a work that needs one', async ({ expect }) => {
    const account = new ScriptedAccount();
    account.instances.push({
      id: 'i-stray',
      group: deploymentOf().hardware['gpu']!.pools[0]!.autoScalingGroup,
      subnet: 'subnet-a',
      token: '',
      state: 'running',
      protected: true,
      looks: 9,
      listed: 9,
      status: 'ACTIVE',
      connected: true,
    });
    const flow = await openFlow(account, { quick: { idleMachineMs: 60_000 } });
    await flow.launcher.launch(specOf(WORK));
    await flow.told(WORK, 'running');
    expect(account.instances).toHaveLength(1);
    expect(account.row('HW#i-stray')).toMatchObject([{ owner: `work:${WORK}`, work: WORK }]);
    await flow.launcher.close();
  });

  test('that a task runs on is not ended, though it was released', async ({ expect }) => {
    const { account, flow } = await running({ quick: { releaseWaitMs: 20 } });
    await flow.launcher.release(WORK);
    await until('it is open again', () => account.instances[0]!.status === 'ACTIVE');
    expect(account.live).toHaveLength(1);
    expect(account.running).toHaveLength(1);
    await flow.launcher.close();
  });

  test('whose agent is not connected is waited for, not replaced', async ({ expect }) => {
    const { account, flow } = await running();
    await flow.launcher.stop(ref, 0);
    await flow.launcher.keep(WORK);
    account.instances[0]!.connected = false;
    const calls = account.calls.length;
    await until('it was looked at', () => account.calls.length > calls + 20);
    await flow.launcher.launch(specOf(WORK, { epoch: 2 }));
    await until('it waits', () => flow.pending(WORK).some((text) => text.includes('no room yet')));
    account.instances[0]!.connected = true;
    await flow.told(WORK, 'running', 2);
    expect(account.instances).toHaveLength(1);
    await flow.launcher.close();
  });

  test('whose agent is gone for good is ended though ECS counts a task, once its work is stopped', async ({
    expect,
  }) => {
    const { account, flow } = await running({ quick: { bootTimeoutMs: 60 } });
    account.tasks[0]!.stuck = true;
    account.instances[0]!.connected = false;
    const looks = account.calls.length;
    await until('it was looked at for a while', () => account.calls.length > looks + 100);
    expect(account.live).toHaveLength(1);
    expect(await flow.launcher.stop(ref, 0)).toEqual({ forced: true });
    expect(await flow.told(WORK, 'exited')).toMatchObject({
      reason: 'stopped',
      message: expect.stringContaining('the agent of its machine i-1 does not answer'),
    });
    await flow.launcher.release(WORK);
    expect(account.live).toEqual([]);
    flow.launcher.leave();
  });

  test('whose end AWS refuses for now is ended later', async ({ expect }) => {
    const { account, flow } = await running({ quick: { stopAgainMs: 5 } });
    let refusals = 2;
    account.before = (name) => {
      if (name === 'TerminateInstanceInAutoScalingGroupCommand' && (refusals -= 1) >= 0)
        throw Object.assign(new Error('an activity is in progress'), {
          name: 'ScalingActivityInProgress',
          $metadata: { httpStatusCode: 400 },
        });
    };
    await flow.launcher.stop(ref, 0);
    await flow.launcher.release(WORK);
    expect(account.live).toEqual([]);
    expect(flow.lines.join('\n')).toContain('could not be ended yet: ScalingActivityInProgress');
    flow.launcher.leave();
  });
});
