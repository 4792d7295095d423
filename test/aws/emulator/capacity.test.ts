import {
  CreateAutoScalingGroupCommand,
  DeleteAutoScalingGroupCommand,
  DescribeAutoScalingGroupsCommand,
  DescribeScalingActivitiesCommand,
  LaunchInstancesCommand,
  SetDesiredCapacityCommand,
  SetInstanceProtectionCommand,
  TerminateInstanceInAutoScalingGroupCommand,
  UpdateAutoScalingGroupCommand,
} from '@aws-sdk/client-auto-scaling';
import {
  DescribeInstancesCommand,
  DescribeSpotPriceHistoryCommand,
  DescribeSubnetsCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { describe } from 'vitest';
import type { Deployment } from '../../../runtime/backends/aws/contract.ts';
import { Billing } from '../../../runtime/backends/aws/emulator/ec2/billing.ts';
import { quick, test, type EmulatorRig } from '../../support/emulator.ts';
import { until } from '../../support/until.ts';
import { boot, containerInstances, poolOf, programs, reaches, runTask, spec } from './app.ts';

async function groupOf({ clients }: EmulatorRig, deployment: Deployment, hardware = 'small') {
  const name = poolOf(deployment, hardware).autoScalingGroup;
  const { AutoScalingGroups = [] } = await clients.autoScaling.send(
    new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [name] }),
  );
  const [group] = AutoScalingGroups;
  if (group === undefined) throw new Error(`no group ${name}`);
  return group;
}

function launch({ clients }: EmulatorRig, deployment: Deployment, more: object = {}) {
  return clients.autoScaling.send(
    new LaunchInstancesCommand({
      AutoScalingGroupName: poolOf(deployment, 'small').autoScalingGroup,
      RequestedCapacity: 1,
      SubnetIds: deployment.subnets.slice(0, 1),
      RetryStrategy: 'none',
      ClientToken: 'token',
      ...more,
    }),
  );
}

async function stateOf({ clients }: EmulatorRig, id: string): Promise<string | undefined> {
  const { Reservations = [] } = await clients.ec2.send(
    new DescribeInstancesCommand({ InstanceIds: [id] }),
  );
  return Reservations[0]?.Instances?.[0]?.State?.Name;
}

describe('instances of the emulator', () => {
  test('LaunchInstances starts exactly one, which boots, registers and is protected', async ({
    rig,
    expect,
  }) => {
    const deployment = await rig.emulator.provision(spec());
    const launched = await launch(rig, deployment);
    expect(launched).toMatchObject({
      Instances: [
        {
          InstanceType: 'm7i.large',
          MarketType: 'on-demand',
          SubnetId: deployment.subnets[0],
          AvailabilityZone: 'us-east-1a',
          AvailabilityZoneId: 'use1-az1',
        },
      ],
      Errors: [],
    });
    const id = launched.Instances?.[0]?.InstanceIds?.[0] ?? '';
    expect(id).toMatch(/^i-[0-9a-f]{17}$/);
    expect(await groupOf(rig, deployment)).toMatchObject({
      DesiredCapacity: 1,
      Instances: [
        {
          InstanceId: id,
          LifecycleState: expect.stringMatching(/^(Pending|InService)$/),
          ProtectedFromScaleIn: true,
        },
      ],
    });
    await until(
      'it is registered',
      async () => (await containerInstances(rig, deployment)).length === 1,
    );
    const { Reservations = [] } = await rig.clients.ec2.send(
      new DescribeInstancesCommand({
        Filters: [{ Name: 'instance-state-name', Values: ['running'] }],
      }),
    );
    expect(Reservations[0]?.Instances?.[0]).toMatchObject({
      InstanceId: id,
      PrivateIpAddress: '127.0.0.1',
      PublicIpAddress: '127.0.0.1',
      LaunchTime: expect.any(Date),
      Placement: { AvailabilityZone: 'us-east-1a' },
    });
    expect((await groupOf(rig, deployment)).Instances?.[0]?.LifecycleState).toBe('InService');
  });

  test('a deployment made again has other machines from then on; what runs stays', async ({
    rig,
    expect,
  }) => {
    const before = await rig.emulator.provision(spec());
    const { id } = await boot(rig, before);
    const deployment = await rig.emulator.provision(
      spec(programs.waits, {
        hardware: { small: { instanceTypes: ['t3.large'], market: 'spot', maxInstances: 2 } },
      }),
    );
    expect(poolOf(deployment, 'small')).toMatchObject({ market: 'spot', maxInstances: 2 });
    const { Instances } = await launch(rig, deployment);
    expect(Instances).toMatchObject([{ InstanceType: 't3.large', MarketType: 'spot' }]);
    expect(rig.emulator.state().instances).toMatchObject([
      { id, type: 'm7i.large', market: 'on-demand', state: 'running' },
      { type: 't3.large', market: 'spot' },
    ]);
  });

  test('a group that is told of a larger size only keeps its machines', async ({ rig, expect }) => {
    const deployment = await rig.emulator.provision(spec());
    const { autoScalingGroup: AutoScalingGroupName } = poolOf(deployment, 'gpu-spot');
    await rig.clients.autoScaling.send(
      new UpdateAutoScalingGroupCommand({ AutoScalingGroupName, MaxSize: 5 }),
    );
    const { Instances } = await launch(rig, deployment, { AutoScalingGroupName });
    expect(Instances).toMatchObject([{ InstanceType: 'g4dn.xlarge', MarketType: 'spot' }]);
  });

  test('the same token launches nothing more; with other parameters it is refused', async ({
    rig,
    expect,
  }) => {
    const deployment = await rig.emulator.provision(spec());
    const [first, second] = [await launch(rig, deployment), await launch(rig, deployment)];
    expect(second.Instances).toEqual(first.Instances);
    expect((await groupOf(rig, deployment)).DesiredCapacity).toBe(1);
    await expect(launch(rig, deployment, { RequestedCapacity: 2 })).rejects.toMatchObject({
      name: 'IdempotentParameterMismatchError',
    });
  });

  test('a group of several zones must be told where, and has a largest size', async ({
    rig,
    expect,
  }) => {
    const deployment = await rig.emulator.provision(spec());
    const invalid = { name: 'ValidationError' };
    await expect(launch(rig, deployment, { SubnetIds: [] })).rejects.toMatchObject(invalid);
    await expect(launch(rig, deployment, { SubnetIds: ['subnet-x'] })).rejects.toMatchObject(
      invalid,
    );
    await expect(launch(rig, deployment, { RequestedCapacity: 4 })).rejects.toMatchObject(invalid);
    await expect(
      launch(rig, deployment, { AutoScalingGroupName: 'nothing' }),
    ).rejects.toMatchObject(invalid);
    expect(
      (await launch(rig, deployment, { SubnetIds: [], AvailabilityZones: ['us-east-1b'] }))
        .Instances?.[0]?.SubnetId,
    ).toBe(deployment.subnets[1]);
  });

  test('no capacity of the first type starts the second; of neither it says so at once', async ({
    rig,
    expect,
  }) => {
    const deployment = await rig.emulator.provision(spec());
    const scarce = rig.emulator.addFault({ kind: 'no-capacity', instanceType: 'm7i.large' });
    expect(await launch(rig, deployment)).toMatchObject({
      Instances: [{ InstanceType: 'm6i.large' }],
      Errors: [],
    });
    rig.emulator.addFault({ kind: 'no-capacity', subnet: deployment.subnets[0] });
    const { Instances, Errors } = await launch(rig, deployment, { ClientToken: 'next' });
    expect(Instances).toEqual([]);
    expect(Errors).toMatchObject([
      { InstanceType: 'm7i.large', ErrorCode: 'InsufficientInstanceCapacity' },
      {
        InstanceType: 'm6i.large',
        ErrorCode: 'InsufficientInstanceCapacity',
        ErrorMessage: expect.stringContaining('us-east-1a'),
      },
    ]);
    expect((await groupOf(rig, deployment)).DesiredCapacity).toBe(1);
    rig.emulator.clearFaults(scarce ?? '');
    expect(rig.emulator.standingFaults).toHaveLength(1);
  });

  test('a quota of 0 refuses its family and no other', async ({ rig, expect }) => {
    const deployment = await rig.emulator.provision(spec());
    rig.emulator.addFault({ kind: 'quota', family: 'g', vcpus: 0 });
    const gpu = (hardware: string) =>
      launch(rig, deployment, {
        AutoScalingGroupName: poolOf(deployment, hardware).autoScalingGroup,
      });
    expect((await gpu('gpu')).Errors).toMatchObject([
      { ErrorCode: 'VcpuLimitExceeded', ErrorMessage: expect.stringContaining('limit of 0') },
    ]);
    expect((await gpu('gpu-spot')).Errors).toMatchObject([
      { ErrorCode: 'MaxSpotInstanceCountExceeded' },
    ]);
    expect((await launch(rig, deployment)).Instances).toHaveLength(1);
  });

  test('terminating with decrement ends the instance, its tasks and its bill, and nothing takes its place', async ({
    rig,
    expect,
  }) => {
    const deployment = await rig.emulator.provision(spec());
    const { id } = await boot(rig, deployment);
    const { taskArn } = await runTask(rig, deployment);
    await reaches(rig, deployment, taskArn, 'RUNNING');
    const { Activity } = await rig.clients.autoScaling.send(
      new TerminateInstanceInAutoScalingGroupCommand({
        InstanceId: id,
        ShouldDecrementDesiredCapacity: true,
      }),
    );
    expect(Activity).toMatchObject({
      StatusCode: 'InProgress',
      Description: `Terminating EC2 instance: ${id}`,
    });
    expect(await stateOf(rig, id)).toMatch(/^(shutting-down|terminated)$/);
    expect(rig.emulator.billing()).toMatchObject({
      dollarsPerHour: 0,
      lines: [{ id, type: 'm7i.large', endedAt: expect.any(Number) }],
    });
    expect(await reaches(rig, deployment, taskArn, 'STOPPED')).toMatchObject({
      stopCode: 'TerminationNotice',
      stoppedReason: `Host EC2 (instance ${id}) terminated.`,
    });
    await until('it is terminated', async () => (await stateOf(rig, id)) === 'terminated');
    expect(await containerInstances(rig, deployment)).toEqual([]);
    expect(await groupOf(rig, deployment)).toMatchObject({ DesiredCapacity: 0, Instances: [] });
    await expect(
      rig.clients.autoScaling.send(
        new TerminateInstanceInAutoScalingGroupCommand({
          InstanceId: id,
          ShouldDecrementDesiredCapacity: true,
        }),
      ),
    ).rejects.toMatchObject({ name: 'ValidationError' });
  });

  test('an instance that is terminated behind its group is replaced', async ({ rig, expect }) => {
    const deployment = await rig.emulator.provision(spec());
    const { id } = await boot(rig, deployment);
    const { TerminatingInstances } = await rig.clients.ec2.send(
      new TerminateInstancesCommand({ InstanceIds: [id] }),
    );
    expect(TerminatingInstances).toMatchObject([
      { CurrentState: { Name: 'shutting-down' }, PreviousState: { Name: 'running' } },
    ]);
    const other = await until('another one is there', async () =>
      (await groupOf(rig, deployment)).Instances?.find(
        ({ InstanceId, LifecycleState }) => InstanceId !== id && LifecycleState !== 'Terminating',
      ),
    );
    expect(other.InstanceId).not.toBe(id);
    const { Activities } = await rig.clients.autoScaling.send(
      new DescribeScalingActivitiesCommand({
        AutoScalingGroupName: poolOf(deployment, 'small').autoScalingGroup,
      }),
    );
    expect(Activities?.[0]).toMatchObject({
      StatusCode: 'Successful',
      Description: expect.stringContaining('Launching a new EC2 instance'),
    });
  });

  test('SetDesiredCapacity launches and removes, but never a protected instance', async ({
    rig,
    expect,
  }) => {
    const deployment = await rig.emulator.provision(spec());
    const AutoScalingGroupName = poolOf(deployment, 'small').autoScalingGroup;
    const set = (DesiredCapacity: number) =>
      rig.clients.autoScaling.send(
        new SetDesiredCapacityCommand({ AutoScalingGroupName, DesiredCapacity }),
      );
    await expect(set(4)).rejects.toMatchObject({ name: 'ValidationError' });
    await set(2);
    const ids =
      (await groupOf(rig, deployment)).Instances?.map(({ InstanceId = '' }) => InstanceId) ?? [];
    expect(ids).toHaveLength(2);
    await set(0);
    expect((await groupOf(rig, deployment)).Instances).toHaveLength(2);
    await rig.clients.autoScaling.send(
      new SetInstanceProtectionCommand({
        AutoScalingGroupName,
        InstanceIds: ids.slice(0, 1),
        ProtectedFromScaleIn: false,
      }),
    );
    await set(0);
    await until('one is gone', async () => (await stateOf(rig, ids[0] ?? '')) === 'terminated');
    expect(await stateOf(rig, ids[1] ?? '')).toMatch(/pending|running/);
    await expect(
      rig.clients.autoScaling.send(
        new SetInstanceProtectionCommand({
          AutoScalingGroupName,
          InstanceIds: ['i-x'],
          ProtectedFromScaleIn: true,
        }),
      ),
    ).rejects.toMatchObject({ name: 'ValidationError' });
  });

  test('groups are made, changed and deleted; what could not be launched is a failed activity', async ({
    rig,
    expect,
  }) => {
    const AutoScalingGroupName = 'mine';
    const size = { AutoScalingGroupName, MinSize: 0, MaxSize: 2 };
    const policy = (InstanceType: string) => ({
      MixedInstancesPolicy: { LaunchTemplate: { Overrides: [{ InstanceType }] } },
    });
    const { autoScaling } = rig.clients;
    await expect(autoScaling.send(new CreateAutoScalingGroupCommand(size))).rejects.toMatchObject({
      name: 'ValidationError',
    });
    await expect(
      autoScaling.send(new CreateAutoScalingGroupCommand({ ...size, ...policy('z9.huge') })),
    ).rejects.toThrow(/does not know the instance type z9\.huge/);
    rig.emulator.addFault({ kind: 'no-capacity', count: 2 });
    await autoScaling.send(
      new CreateAutoScalingGroupCommand({
        ...size,
        ...policy('c5.large'),
        DesiredCapacity: 1,
        Tags: [{ Key: 'a', Value: 'b' }],
      }),
    );
    const { Activities } = await autoScaling.send(
      new DescribeScalingActivitiesCommand({ AutoScalingGroupName }),
    );
    expect(Activities?.[0]).toMatchObject({
      StatusCode: 'Failed',
      StatusMessage: expect.stringMatching(
        /sufficient c5\.large capacity.*Launching EC2 instance failed/,
      ),
    });
    const described = () =>
      autoScaling.send(
        new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [AutoScalingGroupName] }),
      );
    await until(
      'it is tried again',
      async () => (await described()).AutoScalingGroups?.[0]?.Instances?.length === 1,
    );
    await expect(
      autoScaling.send(new DeleteAutoScalingGroupCommand({ AutoScalingGroupName })),
    ).rejects.toMatchObject({ name: 'ResourceInUseFault' });
    await autoScaling.send(
      new UpdateAutoScalingGroupCommand({
        AutoScalingGroupName,
        MaxSize: 5,
        NewInstancesProtectedFromScaleIn: true,
      }),
    );
    expect((await described()).AutoScalingGroups?.[0]).toMatchObject({
      MaxSize: 5,
      NewInstancesProtectedFromScaleIn: true,
      Tags: [{ Key: 'a', Value: 'b' }],
    });
    await autoScaling.send(
      new DeleteAutoScalingGroupCommand({ AutoScalingGroupName, ForceDelete: true }),
    );
    expect((await described()).AutoScalingGroups).toEqual([]);
    await until('nothing of it is billed', () => rig.emulator.billing().dollarsPerHour === 0);
  });

  test('subnets and spot prices are described', async ({ rig, expect }) => {
    const { Subnets } = await rig.clients.ec2.send(new DescribeSubnetsCommand({}));
    expect(Subnets).toMatchObject([
      { AvailabilityZone: 'us-east-1a', MapPublicIpOnLaunch: true },
      { AvailabilityZone: 'us-east-1b' },
    ]);
    const filtered = await rig.clients.ec2.send(
      new DescribeSubnetsCommand({
        Filters: [{ Name: 'availability-zone', Values: ['us-east-1b'] }],
      }),
    );
    expect(filtered.Subnets).toHaveLength(1);
    await expect(
      rig.clients.ec2.send(new DescribeSubnetsCommand({ SubnetIds: ['subnet-x'] })),
    ).rejects.toMatchObject({ name: 'InvalidSubnetID.NotFound' });
    await expect(
      rig.clients.ec2.send(new DescribeInstancesCommand({ InstanceIds: ['i-x'] })),
    ).rejects.toMatchObject({ name: 'InvalidInstanceID.NotFound' });
    const { SpotPriceHistory } = await rig.clients.ec2.send(
      new DescribeSpotPriceHistoryCommand({
        InstanceTypes: ['g4dn.xlarge'],
        ProductDescriptions: ['Linux/UNIX'],
        StartTime: new Date(),
      }),
    );
    expect(SpotPriceHistory).toMatchObject([
      { InstanceType: 'g4dn.xlarge', SpotPrice: '0.210400', AvailabilityZone: 'us-east-1a' },
      {},
    ]);
  });

  describe('under managed scaling', () => {
    test.override({ options: { timings: { ...quick, metricMs: 20, scaleInMs: 150 } } });

    test('the first task from zero starts two; the one too many goes later, the one in use stays', async ({
      rig,
      expect,
    }) => {
      const deployment = await rig.emulator.provision(spec());
      const { taskArn } = await runTask(rig, deployment);
      const { containerInstanceArn } = await reaches(rig, deployment, taskArn, 'RUNNING');
      expect(rig.emulator.billing().lines).toHaveLength(2);
      await until(
        'one is gone',
        () =>
          rig.emulator.state().instances.filter(({ state }) => state === 'terminated').length === 1,
      );
      expect(await containerInstances(rig, deployment)).toEqual([containerInstanceArn]);
      expect(await groupOf(rig, deployment)).toMatchObject({ DesiredCapacity: 1 });
    });

    test('an instance that the flow started and nobody uses goes by itself', async ({
      rig,
      expect,
    }) => {
      const deployment = await rig.emulator.provision(spec());
      const { id } = await boot(rig, deployment);
      await until('it is gone', async () => (await stateOf(rig, id)) === 'terminated');
      expect(await groupOf(rig, deployment)).toMatchObject({ DesiredCapacity: 0, Instances: [] });
    });

    test('a task that fits on no type of its group starts nothing', async ({ rig, expect }) => {
      const deployment = await rig.emulator.provision(spec());
      await runTask(rig, deployment, {
        overrides: { containerOverrides: [{ name: 'app', cpu: 4_096 }] },
      });
      const small = await runTask(rig, deployment, { hardware: 'gpu' });
      await reaches(rig, deployment, small.taskArn, 'RUNNING');
      expect(rig.emulator.state().instances.map(({ type }) => type)).toEqual([
        'g4dn.xlarge',
        'g4dn.xlarge',
      ]);
    });
  });
});

describe('the bill', () => {
  const instance = {
    id: 'i-1',
    kind: 'instance',
    type: 'g4dn.xlarge',
    market: 'on-demand',
    dollarsPerHour: 0.526,
    launchedAt: 1_000,
  } as const;

  test.for([
    ['a second costs a minute', 2_000, 60],
    ['61.2 seconds cost 62', 62_200, 62],
    ['an hour costs an hour', 3_601_000, 3_600],
  ] as const)('%s', ([, endedAt, seconds], { expect }) => {
    const billing = new Billing([]);
    billing.start(instance);
    billing.end('i-1', endedAt);
    billing.end('i-1', endedAt + 1e6);
    const { lines, dollars, dollarsPerHour } = billing.report(1e9);
    expect(lines).toMatchObject([{ seconds, endedAt }]);
    expect(dollars).toBeCloseTo((seconds * 0.526) / 3_600, 12);
    expect(dollarsPerHour).toBe(0);
  });

  test('what runs is billed up to now, and its price is the rate', ({ expect }) => {
    const billing = new Billing([]);
    billing.start(instance);
    billing.start({ ...instance, id: 'i-2', market: 'spot', dollarsPerHour: 0.2 });
    expect(billing.report(121_000)).toMatchObject({
      lines: [{ seconds: 120, endedAt: null }, { seconds: 120 }],
      dollarsPerHour: 0.726,
    });
  });
});
