/** Hours of waiting, on a clock that the test moves. */
import { describe, test } from 'vitest';
import { defaultLauncherTimings } from '../../../../runtime/backends/aws/launcher/timings.ts';
import { ManualClock } from '../../../../runtime/backends/memory/manual-clock.ts';
import type { WorkFact } from '../../../../runtime/ports/launcher.ts';
import { specOf } from './deployment.ts';
import { openFlow, type Flow } from './flow-rig.ts';
import { broken, ScriptedAccount } from './scripted-account.ts';

const WORK = 'root.train';
const HOUR_MS = 3_600_000;

async function settled(): Promise<void> {
  for (let turn = 0; turn < 12; turn += 1) await new Promise(setImmediate);
}

/** Lets time pass until a fact of this state is told, or so much of it has passed. */
async function pass(
  clock: ManualClock,
  flow: Flow,
  ms: number,
  state?: WorkFact['state'],
): Promise<WorkFact | undefined> {
  const end = clock.monotonic() + ms;
  const found = (): WorkFact | undefined => flow.facts.find((fact) => fact.state === state);
  while (clock.monotonic() < end && found() === undefined) {
    for (let round = 0; round < 4; round += 1) {
      while (clock.runNext());
      await settled();
    }
    clock.runTimerWithin(10_000);
  }
  return found();
}

async function launched(account: ScriptedAccount, clients = account.clients()) {
  const clock = new ManualClock();
  const flow = await openFlow(account, { clock, clients, quick: defaultLauncherTimings });
  await flow.launcher.launch(specOf(WORK));
  return { clock, flow };
}

describe('a launch', () => {
  test('is given up when as many machines as there are places, and three at least, never registered', async ({
    expect,
  }) => {
    const account = new ScriptedAccount();
    account.after = () => {
      for (const instance of account.instances) instance.looks = 0;
    };
    const { clock, flow } = await launched(account);
    expect(await pass(clock, flow, 4 * HOUR_MS, 'exited')).toMatchObject({
      message: expect.stringContaining(
        'boot: 3 machines in a row: it did not register with the cluster in time',
      ),
    });
    await pass(clock, flow, HOUR_MS);
    expect(account.instances).toHaveLength(3);
    expect(account.live).toEqual([]);
    expect(account.calls).not.toContain('RunTaskCommand');
    flow.launcher.leave();
  });

  test('waits longer each time while EC2 ends every machine that is started for it', async ({
    expect,
  }) => {
    const account = new ScriptedAccount();
    account.after = () => {
      for (const instance of account.instances) instance.state = 'shutting-down';
    };
    const { clock, flow } = await launched(account);
    await pass(clock, flow, 2 * HOUR_MS, 'exited');
    // Every five minutes, once that is reached.
    expect(account.instances.length).toBeGreaterThan(10);
    expect(account.instances.length).toBeLessThan(40);
    const pending = flow.pending(WORK).join('\n');
    expect(pending).toContain(
      'BootFailed (it ended without being asked to); trying again in 300 s',
    );
    expect(pending).not.toContain('as many machines as allowed');
    flow.launcher.leave();
  });

  test('is not lost because ECS, which did not know its task yet, does not answer for a minute', async ({
    expect,
  }) => {
    const account = new ScriptedAccount();
    const clients = account.clients();
    let looks = 0;
    const send = async (command: {
      constructor: { name: string };
      input: { tasks?: unknown[] };
    }) => {
      const { constructor, input } = command;
      if (constructor.name === 'DescribeTasksCommand' && (input.tasks ?? []).length > 0) {
        looks += 1;
        if (looks === 1) return { tasks: [], failures: [{ reason: 'MISSING' }] };
        if (looks < 40) throw broken();
      }
      return await clients.ecs.send(command as never);
    };
    const { clock, flow } = await launched(account, { ...clients, ecs: { send } as never });
    expect(await pass(clock, flow, HOUR_MS, 'running')).toMatchObject({ epoch: 1 });
    expect(flow.facts.map(({ state }) => state)).not.toContain('lost');
    expect(account.tasks).toHaveLength(1);
    flow.launcher.leave();
  });
});
