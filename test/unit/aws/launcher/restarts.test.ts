import { describe, test } from 'vitest';
import { appError, background } from '../../../../runtime/errors/index.ts';
import { SystemClock } from '../../../../runtime/host/system-clock.ts';
import type { ClockTimer } from '../../../../runtime/ports/clock.ts';
import type { WorkFact } from '../../../../runtime/ports/launcher.ts';
import { until } from '../../../support/until.ts';
import { deploymentOf, specOf } from './deployment.ts';
import { openFlow, openLauncher } from './flow-rig.ts';
import { broken, epochsOf, refusal, ScriptedAccount } from './scripted-account.ts';

const WORK = 'root.train';

/** How ECS shows a task whose process exited with code 3. */
const ENDED = { status: 'STOPPED', exitCode: 3, stopCode: 'EssentialContainerExited' };

const left = async () => {
  const account = new ScriptedAccount();
  const flow = await openFlow(account);
  await flow.launcher.launch(specOf(WORK));
  await flow.told(WORK, 'running');
  flow.launcher.leave();
  account.fence += 1;
  return account;
};

/** Its process has ended; a second flow recorded that, and left too. */
const leftRecorded = async () => {
  const account = await left();
  Object.assign(account.tasks[0]!, ENDED);
  const second = await openFlow(account);
  await until('it is recorded', () => account.row('R#')[0]!['end'] !== null);
  second.launcher.leave();
  account.fence += 1;
  return account;
};

const deployedAgain = deploymentOf({ taskDefinitions: { Train: { default: 'demo-Train:2' } } });

/** As CloudFormation does with what a deployment replaced. */
function deregister(
  account: ScriptedAccount,
  definition: string,
  called: (input: Record<string, unknown>) => void = () => undefined,
): void {
  account.before = (name, input) => {
    if (name !== 'RunTaskCommand') return;
    called(input);
    if (input['taskDefinition'] === definition)
      throw refusal('ClientException', 'TaskDefinition is inactive');
  };
}

/** A clock that somebody set. */
class SetClock extends SystemClock {
  ahead = 0;
  /** Milliseconds that went by unseen. */
  passed = 0;

  override now(): number {
    return super.now() + this.ahead + this.passed;
  }

  override monotonic(): number {
    return super.monotonic() + this.passed;
  }
}

/** A clock that knows which timers run. */
class WatchedClock extends SystemClock {
  readonly timers = new Set<object>();

  override after(ms: number, call: () => void): ClockTimer {
    const token = {};
    this.timers.add(token);
    const timer = super.after(ms, () => {
      this.timers.delete(token);
      call();
    });
    return {
      cancel: () => {
        this.timers.delete(token);
        timer.cancel();
      },
    };
  }
}

describe('a flow that stood still', () => {
  test('leaves what the flow after it started alone', async ({ expect }) => {
    const account = new ScriptedAccount();
    const hardware = { ...specOf(WORK).hardware, name: 'default', gpus: 0 };
    const late = await openFlow(account);
    await late.launcher.launch(specOf(WORK, { hardware }));
    await late.told(WORK, 'running');
    await until('it is recorded', () => account.row('R#')[0]?.['state'] === 'running');
    account.fence += 1;
    const flow = await openFlow(account, { fence: account.fence });
    // On the same machine, so that the late flow finds nothing new but a task.
    await flow.launcher.launch(specOf('root.next', { hardware }));
    await flow.told('root.next', 'running');
    const calls = account.calls.length;
    await until('both have looked', () => account.calls.length > calls + 200);
    expect(account.calls).not.toContain('StopTaskCommand');
    expect(account.running).toHaveLength(2);
    expect(await late.launcher.launch(specOf('root.other'))).toMatchObject({ ok: false });
    await flow.launcher.close();
  });
});

describe('a flow that comes back', () => {
  test('finds what runs, with its address, and starts nothing', async ({ expect }) => {
    const account = await left();
    const flow = await openFlow(account);
    expect(await flow.launcher.observe()).toMatchObject([
      { work: WORK, epoch: 1, state: 'running' },
    ]);
    await until('its address is told', () =>
      flow.facts.some((fact) => fact.state === 'running' && fact.address !== undefined),
    );
    expect(await flow.launcher.launch(specOf(WORK))).toMatchObject({ ok: true });
    expect(epochsOf(account, WORK)).toEqual([1]);
    await flow.launcher.close();
    expect(account.live).toEqual([]);
  });

  test('hears how a task ended meanwhile, after what it wrote', async ({ expect }) => {
    const account = await left();
    Object.assign(account.tasks[0]!, ENDED);
    const settled: string[] = [];
    const flow = await openFlow(account, {
      settle: async ({ work }) => {
        settled.push(work);
        return null;
      },
    });
    const facts = [...(await flow.launcher.observe()), ...flow.facts];
    const heard =
      facts.find(({ state }) => state === 'exited') ?? (await flow.told(WORK, 'exited'));
    expect(heard).toMatchObject({ reason: 'exited', message: 'exited with code 3' });
    expect(settled).toContain(WORK);
    await flow.launcher.close();
  });

  test('finds the work there until what it wrote was handed on, then hears of its end', async ({
    expect,
  }) => {
    const account = await left();
    Object.assign(account.tasks[0]!, ENDED);
    let handOn = (): void => undefined;
    const handedOn = new Promise<null>((resolve) => (handOn = () => resolve(null)));
    const flow = await openFlow(account, { settle: () => handedOn });
    await until('it is recorded', () => account.row('R#')[0]!['end'] !== null);
    expect(await flow.launcher.observe()).toMatchObject([{ epoch: 1, state: 'running' }]);
    expect(flow.facts).toEqual([]);
    handOn();
    await flow.told(WORK, 'exited', 1);
    expect(await flow.launcher.observe()).toEqual([]);
    await flow.launcher.close();
  });

  test('hears of an end that came before it listened, although it was noted', async ({
    expect,
  }) => {
    const account = await left();
    Object.assign(account.tasks[0]!, ENDED);
    const noted: WorkFact[] = [];
    const launcher = await openLauncher(account, { note: (fact) => noted.push(fact) });
    await until('its end is noted', () => noted.some(({ state }) => state === 'exited'));
    expect(await launcher.observe()).toMatchObject([{ epoch: 1, state: 'exited' }]);
    expect(await launcher.observe()).toEqual([]);
    await launcher.close();
  });

  test('knows of a process that the flow before it asked to end', async ({ expect }) => {
    const account = await left();
    const task = account.tasks[0]!;
    task.stuck = true;
    const first = await openFlow(account);
    background(first.launcher.stop({ work: WORK, epoch: 1 }, 0), 'stopping it');
    await until('it is asked', () => account.calls.includes('StopTaskCommand'));
    first.launcher.leave();
    account.fence += 1;
    const flow = await openFlow(account);
    expect(await flow.launcher.observe()).toMatchObject([
      { epoch: 1, state: 'running', asked: true },
    ]);
    task.stuck = false;
    await flow.launcher.close();
  });

  test('hears what its process said of its end, also when that was not recorded with it', async ({
    expect,
  }) => {
    const account = await leftRecorded();
    const said = { reason: 'tree', message: 'it has other works' } as const;
    const third = await openFlow(account, { settle: async () => said });
    expect(await third.launcher.observe()).toMatchObject([{ state: 'exited', ...said }]);
    third.launcher.leave();
  });

  test('ends a process that writes where nobody reads: its class has another name now', async ({
    expect,
  }) => {
    const account = await left();
    const flow = await openFlow(account, { keyOf: (work) => `Renamed/${work}` });
    const facts = [...(await flow.launcher.observe()), await flow.told(WORK, 'exited')];
    expect(facts[0]).toMatchObject({ state: 'running', asked: true });
    expect(facts.at(-1)).toMatchObject({ reason: 'stopped', asked: true });
    await flow.launcher.close();
  });

  test('hears that somebody stopped a task meanwhile', async ({ expect }) => {
    const account = await left();
    Object.assign(account.tasks[0]!, { status: 'STOPPED', stopCode: 'UserInitiated' });
    const flow = await openFlow(account);
    await until('it is recorded', () => account.row('R#')[0]!['end'] !== null);
    const facts = [...(await flow.launcher.observe()), ...flow.facts];
    expect(facts.find(({ state }) => state === 'exited')).toMatchObject({
      reason: 'stopped',
      message: expect.stringContaining('from outside'),
    });
    await flow.launcher.close();
  });

  test('never starts a launch whose record was not known to be written, beside the one after it', async ({
    expect,
  }) => {
    const account = new ScriptedAccount();
    let isLost = true;
    const first = await openFlow(account, {
      guard: async (name, take) => {
        const answer = await take();
        if (name !== 'PutRow' || !isLost) return answer;
        isLost = false;
        throw appError('STORE_UNREACHABLE', { where: 'state', problem: 'lost', advice: 'wait' });
      },
    });
    expect(await first.launcher.launch(specOf(WORK))).toMatchObject({ ok: false, reason: 'store' });
    await first.launcher.launch(specOf(WORK, { epoch: 2 }));
    await first.told(WORK, 'running', 2);
    first.launcher.leave();
    account.fence += 1;
    const second = await openFlow(account);
    await until('it has ended', () => account.row('R#')[0]?.['end'] !== null);
    expect(epochsOf(account, WORK)).toEqual([2]);
    expect(account.running).toHaveLength(1);
    await second.launcher.close();
  });

  test('is told again of an end that was recorded, until the work is launched anew', async ({
    expect,
  }) => {
    const account = await leftRecorded();
    const third = await openFlow(account);
    expect(await third.launcher.observe()).toMatchObject([{ state: 'exited', epoch: 1 }]);
    expect(await third.launcher.observe()).toEqual([]);
    await third.launcher.launch(specOf(WORK, { epoch: 2 }));
    await third.told(WORK, 'running', 2);
    await until('the old run is forgotten', () => account.row('R#').length === 1);
    expect([...account.items.keys()]).toEqual([expect.stringMatching(/I#0+2$/)]);
    await third.launcher.close();
  });

  test('after so long that ECS has forgotten its task knows that it is lost', async ({
    expect,
  }) => {
    const account = await left();
    account.tasks.splice(0);
    const clock = new SetClock();
    clock.ahead = 7_200_000;
    const flow = await openFlow(account, { clock, quick: { missingMs: 60_000 } });
    const facts = [...(await flow.launcher.observe()), ...flow.facts];
    const heard = facts.find(({ state }) => state === 'lost') ?? (await flow.told(WORK, 'lost'));
    expect(heard).toMatchObject({ epoch: 1 });
    await flow.launcher.close();
  });

  test('soon after a RunTask whose task ECS does not know waits only for what is left of that time, and says so once', async ({
    expect,
  }) => {
    const account = await left();
    account.tasks.splice(0);
    const clock = new SetClock();
    clock.ahead = 600_000;
    const flow = await openFlow(account, { clock, quick: { missingMs: 1_800_000 } });
    const told = () => flow.lines.filter((line) => line.startsWith('ECS does not know the task'));
    await until('it is said', () => told().length > 0);
    clock.passed = 600_000;
    await flow.launcher.observe();
    expect(flow.facts).toEqual([]);
    clock.passed = 1_200_000;
    expect(await flow.told(WORK, 'lost')).toMatchObject({ epoch: 1 });
    expect(told()).toEqual([expect.stringMatching(/ of root\.train; waiting up to 1[12]\d\d s$/u)]);
    await flow.launcher.close();
  });

  test('a task that ECS does not know right after its start is not told of', async ({ expect }) => {
    const account = new ScriptedAccount();
    let looks = 0;
    const flow = await openFlow(account, {
      quick: { missingMs: 1_800_000 },
      guard: async (name, take) => {
        if (name === 'DescribeTasksCommand') looks += 1;
        return await take();
      },
    });
    await flow.launcher.launch(specOf(WORK));
    await until('its task is there', () => account.tasks.length === 1);
    account.tasks.splice(0);
    const before = looks;
    await until('ECS was asked of it again and again', () => looks > before + 3);
    expect(flow.lines.filter((line) => line.startsWith('ECS does not know'))).toEqual([]);
    flow.launcher.leave();
  });

  test.for([
    ['is there', true],
    ['is gone', false],
  ] as const)(
    'long after a RunTask that was never answered, whose task %s, does not start it twice',
    async ([, isThere], { expect }) => {
      const account = new ScriptedAccount();
      const first = await openFlow(account, {
        guard: async (name, take) => {
          const answer = await take();
          return name === 'RunTaskCommand' ? await new Promise<never>(() => undefined) : answer;
        },
      });
      await first.launcher.launch(specOf(WORK));
      await until('the task is made', () => account.tasks.length === 1);
      first.launcher.leave();
      account.fence += 1;
      if (!isThere) account.tasks.splice(0);
      else account.lateLists = 1;

      const clock = new SetClock();
      clock.ahead = 7_200_000;
      const second = await openFlow(account, { clock, quick: { reconcileMs: 60_000 } });
      const fact = await second.told(WORK, isThere ? 'running' : 'lost');
      expect(fact).toMatchObject({ epoch: 1 });
      expect(account.tasks).toHaveLength(isThere ? 1 : 0);
      await second.launcher.close();
    },
  );

  test('after a deployment starts what still waited as it is deployed now', async ({ expect }) => {
    const account = new ScriptedAccount();
    account.launches.push(...Array.from({ length: 50 }, () => 'InsufficientInstanceCapacity'));
    const old = await openFlow(account);
    await old.launcher.launch(specOf(WORK));
    await until('it waits', () =>
      old.pending(WORK).some((text) => text.startsWith('capacity: AWS has no')),
    );
    old.launcher.leave();
    account.fence += 1;
    account.launches.splice(0);
    deregister(account, 'demo-Train:1');

    const flow = await openFlow(account, { deployment: deployedAgain });
    await flow.told(WORK, 'running', 1);
    expect(account.tasks.map(({ input }) => input['taskDefinition'])).toEqual(['demo-Train:2']);
    await flow.launcher.close();
  });

  test('after a deployment repeats a call without an answer word for word before it makes another', async ({
    expect,
  }) => {
    const account = new ScriptedAccount();
    const requests: unknown[] = [];
    account.before = (name, input) => {
      if (name !== 'RunTaskCommand') return;
      requests.push(structuredClone(input));
      throw broken();
    };
    const old = await openFlow(account, { quick: { callRetryMs: 60_000 } });
    await old.launcher.launch(specOf(WORK));
    await until('it was called', () => requests.length === 1);
    old.launcher.leave();
    account.fence += 1;
    deregister(account, 'demo-Train:1', (input) => requests.push(structuredClone(input)));

    const deployment = { ...deployedAgain, allowExec: true };
    const flow = await openFlow(account, { deployment });
    await flow.told(WORK, 'running', 1);
    expect(requests[1]).toEqual(requests[0]);
    expect(account.tasks.map(({ input }) => input['taskDefinition'])).toEqual(['demo-Train:2']);
    expect(account.tasks[0]?.input).toMatchObject({ enableExecuteCommand: true });
    await flow.launcher.close();
  });

  test('after a deployment without the class of what waited says so', async ({ expect }) => {
    const account = new ScriptedAccount();
    const old = await openFlow(account, {
      guard: (name, take) =>
        name === 'RunTaskCommand' ? Promise.reject(refusal('ServerException', 'later')) : take(),
      quick: { capacityRetryMaxMs: 60_000, callRetryMs: 60_000 },
    });
    await old.launcher.launch(specOf(WORK));
    await until('it waits', () => account.row('R#')[0]?.['taskTry']?.['answered'] === true);
    old.launcher.leave();
    account.fence += 1;
    const flow = await openFlow(account, { deployment: deploymentOf({ taskDefinitions: {} }) });
    const fact = await flow.told(WORK, 'exited');
    expect(fact).toMatchObject({ message: expect.stringContaining('not_declared') });
    await flow.launcher.close();
  });

  test('reads rows of a flow that did not keep the class', async ({ expect }) => {
    const account = await left();
    for (const [sk, row] of account.rows) {
      const { classId: _, variantId: __, ...old } = JSON.parse(row['v'].S);
      if (sk.startsWith('R#')) account.rows.set(sk, { ...row, v: { S: JSON.stringify(old) } });
    }
    const flow = await openFlow(account);
    expect(await flow.launcher.observe()).toMatchObject([{ work: WORK, state: 'running' }]);
    await flow.launcher.close();
  });

  test('whose clock jumps by an hour goes on as before', async ({ expect }) => {
    const account = new ScriptedAccount();
    const clock = new SetClock();
    const flow = await openFlow(account, { clock });
    await flow.launcher.launch(specOf(WORK));
    clock.ahead = 3_600_000;
    await flow.told(WORK, 'running');
    clock.ahead = -3_600_000;
    expect(await flow.launcher.stop({ work: WORK, epoch: 1 }, 0)).toEqual({ forced: false });
    await flow.launcher.release(WORK);
    expect(account.live).toEqual([]);
    expect(epochsOf(account, WORK)).toEqual([1]);
    flow.launcher.leave();
  });

  test('ends a machine whose release had begun', async ({ expect }) => {
    const account = await left();
    const second = await openFlow(account, {
      guard: async (name, take) =>
        name.startsWith('Terminate') ? await new Promise<never>(() => undefined) : await take(),
      quick: { releaseWaitMs: 1 },
    });
    await second.launcher.stop({ work: WORK, epoch: 1 }, 0);
    await second.launcher.release(WORK);
    second.launcher.leave();
    account.fence += 1;
    const third = await openFlow(account);
    await until('it is gone', () => account.live.length === 0);
    // Which of two reasons is told depends on what the third flow looks at first.
    expect(account.row('HW#')).toHaveLength(1);
    third.launcher.leave();
  });
});

describe('a flow that was replaced', () => {
  test('pays for nothing more', async ({ expect }) => {
    const account = new ScriptedAccount();
    const old = await openFlow(account);
    account.records(account.fence + 1);
    await old.launcher.launch(specOf(WORK));
    await old.launcher.launch(specOf('root.other'));
    expect(account.instances).toEqual([]);
    expect(account.tasks).toEqual([]);
    expect(await old.launcher.launch(specOf('root.third'))).toMatchObject({
      ok: false,
      reason: 'fenced',
    });
    await old.launcher.close();
  });

  test('in the middle of a launch stops before the next paid call', async ({ expect }) => {
    const account = new ScriptedAccount();
    account.after = () => {
      for (const instance of account.instances) instance.looks = 0;
    };
    const old = await openFlow(account);
    await old.launcher.launch(specOf(WORK));
    await until('its machine boots', () =>
      old.pending(WORK).some((text) => text.startsWith('boot')),
    );
    account.records(account.fence + 1);
    account.after = () => undefined;
    await until('it noticed', async () => {
      const result = await old.launcher.launch(specOf('root.other'));
      return !result.ok;
    });
    expect(account.tasks).toEqual([]);
    old.launcher.leave();
  });
});

describe('a flow', () => {
  test('in which nothing runs makes no calls', async ({ expect }) => {
    const account = new ScriptedAccount();
    const clock = new WatchedClock();
    const flow = await openFlow(account, { clock, quick: { quietMs: 10 } });
    await flow.launcher.launch(specOf(WORK));
    await flow.told(WORK, 'running');
    expect(clock.timers.size).toBeGreaterThan(0);
    await flow.launcher.stop({ work: WORK, epoch: 1 }, 0);
    await flow.launcher.release(WORK);
    await until('nothing ticks', () => clock.timers.size === 0);
    const calls = account.calls.length;
    await flow.launcher.launch(specOf(WORK));
    expect(account.calls.slice(calls), 'a repeated launch does not wake it').toEqual([]);
    expect(clock.timers.size).toBe(0);
    flow.launcher.leave();
  });

  test('survives that AWS does not answer for a while, and says so once', async ({ expect }) => {
    const account = new ScriptedAccount();
    const flow = await openFlow(account);
    await flow.launcher.launch(specOf(WORK));
    await flow.told(WORK, 'running');
    let left = 30;
    account.before = () => {
      if ((left -= 1) >= 0) throw broken();
    };
    await until('AWS answers again', () => left < 0);
    account.before = () => undefined;
    expect(await flow.launcher.observe()).toMatchObject([{ state: 'running' }]);
    const told = flow.lines.filter((line) => line.includes('socket hang up'));
    expect(told.length).toBeGreaterThan(0);
    expect(told.length).toBeLessThan(5);
    await flow.launcher.close();
    expect(account.live).toEqual([]);
  });
});
