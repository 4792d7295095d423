import { describe, test } from 'vitest';
import { until } from '../../../support/until.ts';
import { deploymentOf, specOf } from './deployment.ts';
import { openFlow } from './flow-rig.ts';
import { broken, epochsOf, refusal, ScriptedAccount } from './scripted-account.ts';

const WORK = 'root.train';

const started = async (
  account = new ScriptedAccount(),
  more: Parameters<typeof openFlow>[1] = {},
) => {
  const flow = await openFlow(account, more);
  expectOk(await flow.launcher.launch(specOf(WORK)));
  return { account, flow };
};

function expectOk(result: { readonly ok: boolean }): void {
  if (!result.ok) throw new Error(JSON.stringify(result));
}

describe('what a launch is started with', () => {
  test('expires, whatever becomes of its work', async ({ expect }) => {
    const account = new ScriptedAccount();
    const flow = await openFlow(account);
    const before = Date.now() / 1_000;
    await flow.launcher.launch(specOf(WORK));
    const [input] = account.items.values();
    const days = (Number(input?.['ttl'].N) - before) / 86_400;
    expect(days).toBeGreaterThan(29);
    expect(days).toBeLessThan(31);
    await flow.launcher.close();
  });
});

describe('a launch', () => {
  test('starts one instance and one task, tells why it waits, and where the work is reached', async ({
    expect,
  }) => {
    const account = new ScriptedAccount();
    // Two looks may come right after one another: what lies between would not be told.
    account.before = () => {
      for (const task of account.tasks) task.stuck = task.status === 'PENDING';
    };
    const { flow } = await started(account);
    await until('its image is fetched', () => flow.pending(WORK).join('\n').includes('image: '));
    account.before = () => {
      for (const task of account.tasks) task.stuck = false;
    };
    const fact = await flow.told(WORK, 'running');
    expect(fact).toMatchObject({
      address: { internalIp: '10.0.0.7', publicIp: '203.0.113.7', ports: { 8080: 32_768 } },
    });
    expect(account.instances).toHaveLength(1);
    expect(epochsOf(account, WORK)).toEqual([1]);
    const told = flow.pending(WORK).join('\n');
    expect(told).toContain('capacity: starting a g4dn.xlarge in subnet-a');
    expect(told).toContain('boot: waiting for i-1 (g4dn.xlarge) to register');
    const row = account.row('HW#i-1')[0]!;
    expect(row).toMatchObject({ work: WORK, type: 'g4dn.xlarge', market: 'on-demand' });
    expect(row['registeredAt']).toBeGreaterThan(0);
    await flow.launcher.close();
    expect(account.live).toEqual([]);
  });

  test('is recorded, and its input is written, before anything is paid for', async ({ expect }) => {
    const { account, flow } = await started();
    await flow.told(WORK, 'running');
    const { calls } = account;
    expect(calls.indexOf('PutItemCommand')).toBeLessThan(calls.indexOf('PutRow'));
    expect(calls.indexOf('PutRow')).toBeLessThan(calls.indexOf('LaunchInstancesCommand'));
    expect(calls.indexOf('LaunchInstancesCommand')).toBeLessThan(calls.indexOf('RunTaskCommand'));
    expect([...account.items.values()][0]).toMatchObject({
      sk: { S: 'I#0000000000000001' },
      v: { S: JSON.stringify(specOf(WORK)) },
    });
    await flow.launcher.close();
  });

  test('throttled after its answers were lost makes no second instance and no second task', async ({
    expect,
  }) => {
    const account = new ScriptedAccount();
    const throttled = new Set(['LaunchInstancesCommand', 'RunTaskCommand']);
    account.after = (name) => {
      // What the SDK throws when it repeated a call by itself, and the repetition was one too many.
      if (throttled.delete(name)) throw refusal('ThrottlingException', 'Rate exceeded');
    };
    account.lateLists = 20;
    const flow = await openFlow(account);
    const hardware = { ...specOf(WORK).hardware, name: 'default', gpus: 0 };
    expectOk(await flow.launcher.launch(specOf(WORK, { hardware })));
    await flow.told(WORK, 'running');
    expect(account.instances).toHaveLength(1);
    expect(epochsOf(account, WORK)).toEqual([1]);
    await flow.launcher.close();
  });

  test('falls back to the next subnet, and waits and begins again after the last', async ({
    expect,
  }) => {
    const account = new ScriptedAccount();
    account.launches.push(...Array<string>(5).fill('InsufficientInstanceCapacity'));
    const { flow } = await started(account);
    await flow.told(WORK, 'running');
    expect(account.instances).toMatchObject([{ subnet: 'subnet-b' }]);
    expect(flow.pending(WORK).join('\n')).toContain(
      'capacity: AWS has no g4dn.xlarge free in subnet-a, subnet-b; trying again',
    );
    await flow.launcher.close();
  });

  test('tells which quota is used up, and goes on when it was raised', async ({ expect }) => {
    const account = new ScriptedAccount();
    account.launches.push('VcpuLimitExceeded', 'VcpuLimitExceeded');
    const { flow } = await started(account);
    await flow.told(WORK, 'running');
    const told = flow.pending(WORK).find((text) => text.startsWith('quota: '));
    expect(told).toContain('L-DB2E81BA');
    const tries = account.calls.filter((name) => name === 'LaunchInstancesCommand');
    expect(tries, 'a quota is the same in every subnet').toHaveLength(3);
    await flow.launcher.close();
  });

  test('without a permission ends with the permission that lacks', async ({ expect }) => {
    const account = new ScriptedAccount();
    account.before = (name) => {
      if (name === 'LaunchInstancesCommand')
        throw refusal('AccessDenied', 'not authorized to perform autoscaling:LaunchInstances');
    };
    const { flow } = await started(account);
    expect(await flow.told(WORK, 'exited')).toMatchObject({
      reason: 'exited',
      message: expect.stringMatching(/^iam: .*autoscaling:LaunchInstances/),
    });
    expect(account.instances).toEqual([]);
    flow.launcher.leave();
  });

  test('whose RunTask is refused for good ends with the words of ECS', async ({ expect }) => {
    const account = new ScriptedAccount();
    account.before = (name) => {
      if (name === 'RunTaskCommand')
        throw refusal('InvalidParameterException', 'TaskDefinition not found.');
    };
    const { flow } = await started(account);
    expect(await flow.told(WORK, 'exited')).toMatchObject({
      message: expect.stringContaining('TaskDefinition not found.'),
    });
    await until('its machine is given back', () => account.live.length === 0);
    flow.launcher.leave();
  });

  test('whose task is not placed at first is placed with another token', async ({ expect }) => {
    const account = new ScriptedAccount();
    const tokens: string[] = [];
    const flow = await openFlow(account, {
      clients: {
        ...account.clients(),
        ecs: {
          send: async (command: { constructor: { name: string }; input: any }) => {
            if (command.constructor.name === 'RunTaskCommand') {
              tokens.push(command.input.clientToken);
              if (tokens.length < 3)
                return { tasks: [], failures: [{ arn: 'ci/i-1', reason: 'AGENT' }] };
            }
            return await account.clients().ecs.send(command as never);
          },
        } as never,
      },
    });
    await flow.launcher.launch(specOf(WORK));
    await flow.told(WORK, 'running');
    expect(new Set(tokens).size).toBe(3);
    expect(account.tasks).toHaveLength(1);
    expect(flow.pending(WORK).join('\n')).toContain('ECS did not place the task on i-1: AGENT');
    await flow.launcher.close();
  });

  test.for(['LaunchInstancesCommand', 'RunTaskCommand'])(
    'whose %s took effect, but was not answered, is repeated with the same token',
    async (operation, { expect }) => {
      const account = new ScriptedAccount();
      // Nothing but the answer tells of what is new.
      account.lateLists = Number.POSITIVE_INFINITY;
      let lost = 3;
      account.after = (name) => {
        if (name === operation && (lost -= 1) >= 0) throw broken();
      };
      const { flow } = await started(account);
      await flow.told(WORK, 'running');
      expect(lost).toBeLessThan(0);
      expect(account.instances).toHaveLength(1);
      expect(account.tasks).toHaveLength(1);
      await flow.launcher.close();
    },
  );

  test('whose token was used with other parameters takes the task that exists', async ({
    expect,
  }) => {
    const account = new ScriptedAccount();
    account.after = (name) => {
      if (name === 'RunTaskCommand')
        throw refusal('ConflictException', 'other parameters', { resourceIds: ['arn:task/1'] });
    };
    const { flow } = await started(account);
    await flow.told(WORK, 'running');
    expect(account.tasks).toHaveLength(1);
    await flow.launcher.close();
  });

  test('that cannot be recorded pays for nothing and may be repeated', async ({ expect }) => {
    const account = new ScriptedAccount();
    const flow = await openFlow(account);
    account.before = (name) => {
      if (name === 'PutItemCommand') throw broken();
    };
    expect(await flow.launcher.launch(specOf(WORK))).toMatchObject({
      ok: false,
      reason: 'store',
      retryAfterMs: 1,
    });
    expect(account.calls).not.toContain('LaunchInstancesCommand');
    flow.launcher.leave();
  });

  test('too large for its machine says so and gives the machine back', async ({ expect }) => {
    const account = new ScriptedAccount();
    account.gpus = 0;
    const { flow } = await started(account);
    expect(await flow.told(WORK, 'exited')).toMatchObject({
      message: expect.stringContaining(
        'too large: it does not fit on an empty i-1: it needs 1 GPUs',
      ),
    });
    await until('the machine is gone', () => account.live.length === 0);
    flow.launcher.leave();
  });

  test('gets another machine when the first does not register in time', async ({ expect }) => {
    const account = new ScriptedAccount();
    account.after = (name) => {
      // The first instance never registers.
      const [first] = account.instances;
      if (name === 'ListContainerInstancesCommand' && first) first.looks = 0;
    };
    const { flow } = await started(account, { quick: { bootTimeoutMs: 20 } });
    await flow.told(WORK, 'running');
    expect(account.instances).toMatchObject([
      { state: 'shutting-down', subnet: 'subnet-a' },
      { state: 'running', subnet: 'subnet-b' },
    ]);
    expect(flow.pending(WORK).join('\n')).toContain('it did not register with the cluster in time');
    await flow.launcher.close();
  });

  test('that takes long is explained by the failed activities of its group', async ({ expect }) => {
    const account = new ScriptedAccount();
    account.after = () => {
      for (const instance of account.instances) instance.looks = 0;
    };
    account.activities = [
      {
        StatusCode: 'Failed',
        StartTime: new Date(Date.now() + 60_000),
        StatusMessage: 'You have requested more vCPU capacity than your current vCPU limit of 0',
      },
    ];
    const { flow } = await started(account, { quick: { explainAfterMs: 1 } });
    await until('the quota is told', () =>
      flow.pending(WORK).some((text) => text.startsWith('quota: ')),
    );
    await flow.launcher.close();
    expect(account.live).toEqual([]);
  });

  test('of a group that has all its machines waits until one is gone', async ({ expect }) => {
    const account = new ScriptedAccount();
    const deployment = deploymentOf();
    for (const pool of deployment.hardware['gpu']!.pools) Object.assign(pool, { maxInstances: 1 });
    const { flow } = await started(account, { deployment });
    await flow.told(WORK, 'running');
    await flow.launcher.launch(specOf('root.other'));
    await until('it waits', () =>
      flow.pending('root.other').some((text) => text.includes('as many machines as allowed')),
    );
    await flow.launcher.stop({ work: WORK, epoch: 1 }, 0);
    await flow.launcher.release(WORK);
    await flow.told('root.other', 'running');
    expect(account.live).toHaveLength(1);
    await flow.launcher.close();
  });
});

describe('a task', () => {
  test('that does not start in time is stopped, and that is told', async ({ expect }) => {
    const account = new ScriptedAccount();
    account.after = () => {
      for (const task of account.tasks) task.stuck = task.status === 'PROVISIONING';
    };
    const { flow } = await started(account, { quick: { startTimeoutMs: 20 } });
    expect(await flow.told(WORK, 'exited')).toMatchObject({
      reason: 'exited',
      message: expect.stringContaining('it did not start in time'),
    });
    expect(account.running).toEqual([]);
    await until('its machine is given back', () => account.live.length === 0);
    flow.launcher.leave();
  });

  test('that ECS no longer knows is lost', async ({ expect }) => {
    const { account, flow } = await started();
    await flow.told(WORK, 'running');
    account.tasks.splice(0);
    expect(await flow.told(WORK, 'lost')).toMatchObject({
      message: expect.stringContaining('no longer knows'),
    });
    await flow.launcher.close();
  });

  test('that ECS does not know yet is starting, not lost', async ({ expect }) => {
    const account = new ScriptedAccount();
    let hidden = 10;
    const flow = await openFlow(account, {
      clients: {
        ...account.clients(),
        ecs: {
          send: async (command: { constructor: { name: string } }) => {
            const isLook = command.constructor.name === 'DescribeTasksCommand';
            if (isLook && account.tasks.length > 0 && (hidden -= 1) >= 0)
              return { tasks: [], failures: [{ reason: 'MISSING' }] };
            return await account.clients().ecs.send(command as never);
          },
        } as never,
      },
      quick: { missingMs: 60_000 },
    });
    await flow.launcher.launch(specOf(WORK));
    await flow.told(WORK, 'running');
    expect(hidden).toBeLessThan(0);
    expect(flow.facts.map(({ state }) => state)).not.toContain('lost');
    await flow.launcher.close();
  });

  test('whose spot instance is taken back is stopped, and interrupted', async ({ expect }) => {
    const account = new ScriptedAccount();
    const flow = await openFlow(account, { quick: { reconcileMs: 60_000 } });
    const hardware = { ...specOf(WORK).hardware, interruptible: true };
    await flow.launcher.launch(specOf(WORK, { hardware }));
    await flow.told(WORK, 'running');
    account.instances[0]!.status = 'DRAINING';
    expect(await flow.told(WORK, 'exited')).toMatchObject({ reason: 'interrupted' });
    expect(account.tasks).toMatchObject([{ stopCode: 'UserInitiated', exitCode: 0 }]);
    await flow.launcher.close();
  });

  test('whose host dies is interrupted, and the host is billed no longer', async ({ expect }) => {
    const { account, flow } = await started();
    await flow.told(WORK, 'running');
    account.die(account.instances[0]!, 'Host EC2 (instance i-1) terminated.');
    expect(await flow.told(WORK, 'exited')).toMatchObject({
      reason: 'interrupted',
      message: expect.stringContaining('Host EC2 (instance i-1) terminated.'),
    });
    await until('the record is closed', () => account.row('HW#i-1')[0]!['terminatedAt'] !== null);
    flow.launcher.leave();
  });

  test('whose host dies before it was placed there waits for no other one, and is interrupted', async ({
    expect,
  }) => {
    const account = new ScriptedAccount();
    const flow = await openFlow(account);
    account.after = (name) => {
      if (name !== 'RunTaskCommand') return;
      account.tasks[0]!.stuck = true;
      account.instances[0]!.state = 'shutting-down';
    };
    await flow.launcher.launch(specOf(WORK));
    expect(await flow.told(WORK, 'exited')).toMatchObject({
      reason: 'interrupted',
      message: 'its machine is gone',
    });
    expect(account.running).toEqual([]);
    await flow.launcher.close();
  });

  test('that still seems to run on a host that is gone is interrupted', async ({ expect }) => {
    const { account, flow } = await started();
    await flow.told(WORK, 'running');
    account.instances[0]!.state = 'shutting-down';
    expect(await flow.told(WORK, 'exited')).toMatchObject({ reason: 'interrupted' });
    flow.launcher.leave();
  });

  test('that no run wants is stopped', async ({ expect }) => {
    const { account, flow } = await started();
    await flow.told(WORK, 'running');
    const { input } = account.tasks[0]!;
    account.tasks.push({
      arn: 'arn:task/stray',
      token: 'another',
      instance: 'i-1',
      input,
      status: 'RUNNING',
      listed: 0,
    });
    await until('it is stopped', () => account.tasks[1]!.status === 'STOPPED');
    expect(account.tasks[0]!.status).toBe('RUNNING');
    await flow.launcher.close();
  });

  test("is told to have ended after everything it wrote was handed on, in its process's own words", async ({
    expect,
  }) => {
    const order: string[] = [];
    const account = new ScriptedAccount();
    const flow = await openFlow(account, {
      settle: async ({ work, epoch }) => {
        order.push(`settled ${work}#${epoch}`);
        return { reason: 'tree', message: 'another tree' };
      },
    });
    flow.launcher.subscribe(({ state }) => order.push(state));
    await flow.launcher.launch(specOf(WORK));
    await flow.told(WORK, 'running');
    Object.assign(account.tasks[0]!, { status: 'STOPPED', exitCode: 1 });
    Object.assign(account.tasks[0]!, { stopCode: 'EssentialContainerExited' });
    expect(await flow.told(WORK, 'exited')).toMatchObject({ reason: 'tree' });
    expect(order.slice(-2)).toEqual([`settled ${WORK}#1`, 'exited']);
    await flow.launcher.close();
  });
});
