import { describe, test } from 'vitest';
import { endLeftovers } from '../../../../runtime/backends/aws/aws-backend.ts';
import { appError } from '../../../../runtime/errors/index.ts';
import { SystemClock } from '../../../../runtime/host/system-clock.ts';
import { until } from '../../../support/until.ts';
import { deploymentOf, specOf } from './deployment.ts';
import { openFlow, quickTimings } from './flow-rig.ts';
import { broken, ScriptedAccount, type Guard } from './scripted-account.ts';

const WORK = 'root.train';

/** An account where a flow was killed while its work ran. */
async function abandoned(): Promise<ScriptedAccount> {
  const account = new ScriptedAccount();
  const flow = await openFlow(account);
  await flow.launcher.launch(specOf(WORK));
  await flow.told(WORK, 'running');
  flow.launcher.leave();
  return account;
}

function ending(account: ScriptedAccount, guard?: Guard, over = new AbortController()) {
  const warnings: string[] = [];
  const done = endLeftovers(
    {
      deployment: deploymentOf(),
      clients: account.clients(guard) as never,
      lease: { items: account.records(2, guard) as never, fence: 2 },
      clock: new SystemClock(),
      logs: { write: () => undefined },
      timings: { launcher: { ...quickTimings, releaseWaitMs: 20 } },
      warn: (message) => warnings.push(message),
    },
    over.signal,
  );
  return { done, warnings };
}

describe('what an app that runs no more has left', () => {
  test('is ended, however often AWS fails meanwhile', async ({ expect }) => {
    const account = await abandoned();
    let failures = 40;
    account.before = (name) => {
      if (/^(Terminate|StopTask|DescribeAutoScaling)/.test(name) && (failures -= 1) >= 0)
        throw broken();
    };
    await ending(account).done;
    expect(failures).toBeLessThan(0);
    expect(account.running).toEqual([]);
    expect(account.live).toEqual([]);
  });

  test('is ended, also when its records cannot be read at first', async ({ expect }) => {
    const account = await abandoned();
    let failures = 3;
    const { done, warnings } = ending(account, (name, take) => {
      if (name !== 'QueryRows' || (failures -= 1) < 0) return take();
      const where = { where: 'the table State', problem: 'timed out', advice: 'wait' };
      throw appError('STORE_UNREACHABLE', where);
    });
    await done;
    expect(account.live).toEqual([]);
    expect(warnings.join('\n')).toContain('cannot be ended');
  });

  test('is left to the app when it is started again', async ({ expect }) => {
    const account = await abandoned();
    account.before = (name) => {
      if (name.startsWith('Terminate')) throw broken();
    };
    const over = new AbortController();
    const { done } = ending(account, undefined, over);
    await until('it was tried', () =>
      account.calls.includes('TerminateInstanceInAutoScalingGroupCommand'),
    );
    over.abort();
    await done;
    expect(account.live).toHaveLength(1);
  });
});
