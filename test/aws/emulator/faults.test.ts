import {
  AutoScalingClient,
  DescribeAutoScalingGroupsCommand,
  LaunchInstancesCommand,
} from '@aws-sdk/client-auto-scaling';
import { DescribeInstancesCommand, EC2Client } from '@aws-sdk/client-ec2';
import {
  DescribeContainerInstancesCommand,
  ListTasksCommand,
  RunTaskCommand,
  StopTaskCommand,
  ECSClient,
} from '@aws-sdk/client-ecs';
import { describe } from 'vitest';
import { clientConfig } from '../../../runtime/backends/aws/clients.ts';
import { Faults } from '../../../runtime/backends/aws/emulator/faults.ts';
import { isAlive } from '../../support/local-rig.ts';
import { REGION, test } from '../../support/emulator.ts';
import { until } from '../../support/until.ts';
import { boot, describeTask, poolOf, programs, reaches, runTask, spec } from './app.ts';

describe('faults of the emulator', () => {
  test('an operation fails as often as it is told to, others do not', async ({ rig, expect }) => {
    const { cluster } = await rig.emulator.provision(spec());
    rig.emulator.addFault({
      kind: 'error',
      operation: 'ecs:ListTasks',
      code: 'ServerException',
      status: 500,
      count: 2,
    });
    const client = new ECSClient({ ...clientConfig(REGION), maxAttempts: 1 });
    const list = () => client.send(new ListTasksCommand({ cluster }));
    await expect(list()).rejects.toMatchObject({
      name: 'ServerException',
      $metadata: { httpStatusCode: 500 },
    });
    await rig.clients.autoScaling.send(new DescribeAutoScalingGroupsCommand({}));
    await expect(list()).rejects.toMatchObject({ name: 'ServerException' });
    expect((await list()).taskArns).toEqual([]);
    client.destroy();
  });

  test('throttling is said in each service’s way, and its SDK tries again', async ({
    rig,
    expect,
  }) => {
    const { cluster } = await rig.emulator.provision(spec());
    rig.emulator.addFault({ kind: 'throttle', operation: '*', count: 4 });
    const listed = await rig.clients.ecs.send(new ListTasksCommand({ cluster }));
    expect(listed.$metadata.attempts).toBe(5);
    const once = { ...clientConfig(REGION), maxAttempts: 1 };
    const ec2 = new EC2Client(once);
    const autoScaling = new AutoScalingClient(once);
    rig.emulator.addFault({ kind: 'throttle', operation: '*', count: 2 });
    await expect(ec2.send(new DescribeInstancesCommand({}))).rejects.toMatchObject({
      name: 'RequestLimitExceeded',
    });
    await expect(autoScaling.send(new DescribeAutoScalingGroupsCommand({}))).rejects.toMatchObject({
      name: 'Throttling',
    });
    ec2.destroy();
    autoScaling.destroy();
  });

  test('a lost answer comes after the effect; the same token finds the task', async ({
    rig,
    expect,
  }) => {
    const deployment = await rig.emulator.provision(spec());
    rig.emulator.addFault({ kind: 'lost-answer', operation: 'ecs:RunTask', count: 1 });
    const client = new ECSClient({ ...clientConfig(REGION), maxAttempts: 1 });
    const input = {
      cluster: deployment.cluster,
      taskDefinition: deployment.taskDefinitions['W']?.['default'] ?? '',
      capacityProviderStrategy: [
        { capacityProvider: poolOf(deployment, 'small').capacityProvider },
      ],
      clientToken: 'once',
    };
    await expect(client.send(new RunTaskCommand(input))).rejects.toThrow();
    expect(rig.emulator.state().tasks).toHaveLength(1);
    const { tasks } = await client.send(new RunTaskCommand(input));
    expect(tasks?.map(({ taskArn }) => taskArn)).toEqual([rig.emulator.state().tasks[0]?.arn]);
    client.destroy();
  });

  test('a delay holds the request back', async ({ rig, expect }) => {
    const { cluster } = await rig.emulator.provision(spec());
    rig.emulator.addFault({ kind: 'delay', operation: 'ecs:ListTasks', ms: 200 });
    const from = performance.now();
    await rig.clients.ecs.send(new ListTasksCommand({ cluster }));
    expect(performance.now() - from).toBeGreaterThanOrEqual(190);
  });

  test.for(['PROVISIONING', 'PENDING'] as const)(
    'a task can be stuck in %s until it is stopped',
    async (at, { rig, expect }) => {
      const deployment = await rig.emulator.provision(spec());
      rig.emulator.addFault({ kind: 'stuck-task', at, count: 1 });
      await boot(rig, deployment, 'shared');
      const stuck = await runTask(rig, deployment, { hardware: 'shared' });
      const other = await runTask(rig, deployment, { hardware: 'shared' });
      await reaches(rig, deployment, other.taskArn, 'RUNNING');
      expect((await describeTask(rig, deployment, stuck.taskArn))?.lastStatus).toBe(at);
      await rig.clients.ecs.send(
        new StopTaskCommand({ cluster: deployment.cluster, task: stuck.taskArn }),
      );
      await reaches(rig, deployment, stuck.taskArn, 'STOPPED');
    },
  );

  test('an image that cannot be pulled stops the task', async ({ rig, expect }) => {
    const deployment = await rig.emulator.provision(spec());
    rig.emulator.addFault({ kind: 'no-image', count: 1 });
    await boot(rig, deployment);
    const { taskArn } = await runTask(rig, deployment);
    expect(await reaches(rig, deployment, taskArn, 'STOPPED')).toMatchObject({
      stopCode: 'TaskFailedToStart',
      stoppedReason: expect.stringMatching(/^CannotPullContainerError: .*node:22-slim: not found/),
    });
  });

  test('a hidden task is seen later', async ({ rig, expect }) => {
    const deployment = await rig.emulator.provision(spec());
    rig.emulator.addFault({ kind: 'hidden-task', ms: 150, count: 1 });
    const { taskArn } = await runTask(rig, deployment);
    expect(await describeTask(rig, deployment, taskArn)).toBeUndefined();
    await until('it is seen', () => describeTask(rig, deployment, taskArn));
  });

  test('a spot instance drains at its warning and is gone after it; its group starts another', async ({
    rig,
    expect,
  }) => {
    const deployment = await rig.emulator.provision(spec());
    const { id, arn } = await boot(rig, deployment, 'gpu-spot');
    const { taskArn } = await runTask(rig, deployment, { hardware: 'gpu-spot' });
    await reaches(rig, deployment, taskArn, 'RUNNING');
    expect(rig.emulator.billing().lines).toMatchObject([
      { market: 'spot', dollarsPerHour: expect.closeTo(0.2104) },
    ]);
    rig.emulator.addFault({ kind: 'spot-interruption', instance: id, noticeMs: 100 });
    const { containerInstances } = await rig.clients.ecs.send(
      new DescribeContainerInstancesCommand({
        cluster: deployment.cluster,
        containerInstances: [arn],
      }),
    );
    expect(containerInstances?.[0]?.status).toBe('DRAINING');
    expect((await describeTask(rig, deployment, taskArn))?.lastStatus).toBe('RUNNING');
    expect(await reaches(rig, deployment, taskArn, 'STOPPED')).toMatchObject({
      stopCode: 'SpotInterruption',
      stoppedReason: `Host EC2 (instance ${id}) terminated.`,
    });
    await until('another one runs', () =>
      rig.emulator.state().instances.some((each) => each.id !== id && each.agent !== null),
    );
  });

  test('a host that dies takes its processes at once; AWS finds out later', async ({
    rig,
    expect,
  }) => {
    const deployment = await rig.emulator.provision(spec(programs.ignoresTerm));
    const { id, arn } = await boot(rig, deployment);
    const { taskArn } = await runTask(rig, deployment);
    await reaches(rig, deployment, taskArn, 'RUNNING');
    const [pid = 0] = rig.emulator.state().tasks[0]?.pids ?? [];
    rig.emulator.addFault({ kind: 'instance-death', instance: id });
    const { containerInstances } = await rig.clients.ecs.send(
      new DescribeContainerInstancesCommand({
        cluster: deployment.cluster,
        containerInstances: [arn],
      }),
    );
    expect(containerInstances?.[0]?.agentConnected).toBe(false);
    expect((await describeTask(rig, deployment, taskArn))?.lastStatus).toBe('RUNNING');
    await until('its process is gone', () => !isAlive(pid));
    const stopped = await reaches(rig, deployment, taskArn, 'STOPPED');
    expect(stopped.stoppedReason).toBe(`Host EC2 (instance ${id}) terminated.`);
    expect(stopped.containers?.[0]?.exitCode).toBeUndefined();
  });

  test('what happens under a lost agent is told when it is back', async ({ rig, expect }) => {
    const deployment = await rig.emulator.provision(spec(programs.endsOnTerm));
    const { id } = await boot(rig, deployment);
    const { taskArn } = await runTask(rig, deployment);
    await until('it is up', () => rig.lines.includes('up'));
    rig.emulator.addFault({ kind: 'agent-lost', instance: id });
    await rig.clients.ecs.send(new StopTaskCommand({ cluster: deployment.cluster, task: taskArn }));
    const [pid = 0] = rig.emulator.state().tasks[0]?.pids ?? [];
    expect(await describeTask(rig, deployment, taskArn)).toMatchObject({
      lastStatus: 'RUNNING',
      desiredStatus: 'STOPPED',
    });
    expect(isAlive(pid)).toBe(true);
    rig.emulator.addFault({ kind: 'agent-lost', instance: id, connected: true });
    expect(await reaches(rig, deployment, taskArn, 'STOPPED')).toMatchObject({
      containers: [{ exitCode: 0 }],
    });
  });

  test('a container that runs out of memory is killed and says so', async ({ rig, expect }) => {
    const deployment = await rig.emulator.provision(spec());
    await boot(rig, deployment);
    const { taskArn = '' } = await runTask(rig, deployment);
    expect(() => rig.emulator.addFault({ kind: 'out-of-memory', task: taskArn })).toThrow(
      expect.objectContaining({ code: 'EMULATOR_FAULT_TARGET_UNKNOWN' }),
    );
    await reaches(rig, deployment, taskArn, 'RUNNING');
    rig.emulator.addFault({ kind: 'out-of-memory', task: taskArn });
    expect(await reaches(rig, deployment, taskArn, 'STOPPED')).toMatchObject({
      stopCode: 'EssentialContainerExited',
      containers: [{ exitCode: 137, reason: expect.stringMatching(/^OutOfMemoryError/) }],
    });
  });

  test('a slow boot keeps tasks waiting for another instance, and null never registers', async ({
    rig,
    expect,
  }) => {
    const deployment = await rig.emulator.provision(spec());
    rig.emulator.addFault({ kind: 'slow-boot', ms: null, count: 1 });
    const { taskArn } = await runTask(rig, deployment);
    const { Instances = [] } = await rig.clients.autoScaling.send(
      new LaunchInstancesCommand({
        AutoScalingGroupName: poolOf(deployment, 'small').autoScalingGroup,
        RequestedCapacity: 1,
        SubnetIds: deployment.subnets.slice(0, 1),
      }),
    );
    const { id } = await boot(rig, deployment);
    await reaches(rig, deployment, taskArn, 'RUNNING');
    expect(rig.emulator.state().instances).toMatchObject([
      { id: Instances[0]?.InstanceIds?.[0], agent: null },
      { id, agent: { connected: true } },
    ]);
  });

  test('faults are set, listed and cleared over HTTP', async ({ rig, expect }) => {
    const { cluster } = await rig.emulator.provision(spec());
    const url = `${rig.emulator.endpoint}/_emulator/faults`;
    const post = (fault: object) => fetch(url, { method: 'POST', body: JSON.stringify(fault) });
    const fault = { kind: 'error', operation: 'ecs:*', code: 'AccessDeniedException' };
    const { id } = (await (await post(fault)).json()) as { id: string };
    expect(await (await fetch(url)).json()).toEqual({ faults: [{ id, fault }] });
    await expect(rig.clients.ecs.send(new ListTasksCommand({ cluster }))).rejects.toMatchObject({
      name: 'AccessDeniedException',
    });
    await fetch(`${url}/${id}`, { method: 'DELETE' });
    await rig.clients.ecs.send(new ListTasksCommand({ cluster }));
    const wrong = await post({ kind: 'error', operation: 'ecs:*' });
    expect([wrong.status, await wrong.json()]).toMatchObject([
      400,
      { error: { message: expect.stringContaining('code') } },
    ]);
    const unknown = await post({ kind: 'instance-death', instance: 'i-x' });
    expect(await unknown.json()).toMatchObject({
      error: { message: expect.stringContaining('i-x') },
    });
    expect(() => rig.emulator.addFault({ kind: 'nothing' } as never)).toThrow(
      expect.objectContaining({ code: 'EMULATOR_SPEC_INVALID' }),
    );
  });

  test('decisions by probability are the same for the same seed', ({ expect }) => {
    const decide = (seed: number) => {
      const faults = new Faults(seed);
      faults.add({ kind: 'throttle', operation: '*', probability: 0.5 });
      return Array.from(
        { length: 64 },
        () => faults.takeFor('throttle', 'ecs', 'RunTask') !== null,
      );
    };
    expect(decide(7)).toEqual(decide(7));
    expect(decide(7)).not.toEqual(decide(8));
    expect(decide(7).filter(Boolean).length).toBeGreaterThan(16);
  });
});
