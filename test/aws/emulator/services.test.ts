import {
  CreateClusterCommand,
  CreateServiceCommand,
  DeleteCapacityProviderCommand,
  DeleteClusterCommand,
  DeleteServiceCommand,
  DeregisterTaskDefinitionCommand,
  DescribeCapacityProvidersCommand,
  DescribeClustersCommand,
  DescribeServicesCommand,
  DescribeTaskDefinitionCommand,
  ListServicesCommand,
  PutClusterCapacityProvidersCommand,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
  StopTaskCommand,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import { describe } from 'vitest';
import { deploymentSchema } from '../../../runtime/backends/aws/contract.ts';
import { test, type EmulatorRig } from '../../support/emulator.ts';
import { until } from '../../support/until.ts';
import { boot, poolOf, programs, reaches, runTask, spec } from './app.ts';

const flow = (program: string) => ({
  flow: { command: ['node', '-e', program], environment: { ROLE: 'flow' }, stopTimeoutSeconds: 1 },
});

/** Tasks of the flow's service that are not STOPPED. */
function flowTasks({ emulator }: EmulatorRig) {
  return emulator
    .state()
    .tasks.filter(
      ({ definition, lastStatus }) => definition.includes('-flow:') && lastStatus !== 'STOPPED',
    );
}

async function flowUp(rig: EmulatorRig) {
  return await until('the flow runs', () =>
    flowTasks(rig).find(({ lastStatus }) => lastStatus === 'RUNNING'),
  );
}

describe('services of the emulator', () => {
  test('a provisioned flow runs on Fargate with its deployment in its environment, and is billed', async ({
    rig,
    expect,
  }) => {
    const program =
      'console.log(process.env.STORMKITE_DEPLOYMENT, process.env.ROLE); setInterval(() => undefined, 1000)';
    const deployment = await rig.emulator.provision(spec(programs.waits, flow(program)));
    expect(deploymentSchema.parse(deployment)).toEqual(deployment);
    await flowUp(rig);
    const [line = ''] = await until('it printed', () => (rig.lines.length > 0 ? rig.lines : null));
    expect(deploymentSchema.parse(JSON.parse(line.replace(/ flow$/, '')))).toEqual(deployment);
    expect(rig.emulator.billing().lines).toMatchObject([
      { kind: 'fargate', type: '0.25 vCPU, 0.5 GB, ARM', dollarsPerHour: expect.closeTo(0.009875) },
    ]);
    const { services } = await rig.clients.ecs.send(
      new DescribeServicesCommand({ cluster: deployment.cluster, services: ['flow', 'none'] }),
    );
    expect(services).toMatchObject([
      {
        serviceName: 'flow',
        status: 'ACTIVE',
        runningCount: 1,
        desiredCount: 1,
        deployments: [{ status: 'PRIMARY', rolloutState: 'COMPLETED' }],
      },
    ]);
  });

  test('a task of a service that ends is replaced, slower each time', async ({ rig, expect }) => {
    await rig.emulator.provision(spec(programs.waits, flow("console.log('up'); process.exit(1)")));
    await until('it was started three times', () => rig.lines.length >= 3);
    expect(rig.emulator.state().services[0]?.failedTasks).toBeGreaterThanOrEqual(2);
  });

  test('a new deployment starts its task after the old one has stopped', async ({
    rig,
    expect,
  }) => {
    const first = await rig.emulator.provision(
      spec(
        programs.waits,
        flow(`${programs.endsOnTerm}; process.on('exit', () => console.log('old ends'))`),
      ),
    );
    const old = await flowUp(rig);
    await until('it prints', () => rig.lines.includes('up'));
    await rig.emulator.provision(
      spec(programs.waits, flow("console.log('new starts'); setInterval(() => undefined, 1000)")),
    );
    let most = 0;
    await until('the new one runs', () => {
      const tasks = flowTasks(rig);
      most = Math.max(most, tasks.length);
      return rig.lines.includes('new starts');
    });
    expect(most).toBe(1);
    expect(rig.lines.slice(-2)).toEqual(['old ends', 'new starts']);
    expect(await reaches(rig, first, old.arn, 'STOPPED')).toMatchObject({
      stopCode: 'ServiceSchedulerInitiated',
    });
  });

  test('a stopped task of a service comes back; a count of 0 keeps it away; deletion ends it', async ({
    rig,
    expect,
  }) => {
    const { cluster } = await rig.emulator.provision(spec(programs.waits, flow(programs.waits)));
    const { ecs } = rig.clients;
    const { arn } = await flowUp(rig);
    await ecs.send(new StopTaskCommand({ cluster, task: arn }));
    await until('another one runs', () =>
      flowTasks(rig).some((task) => task.arn !== arn && task.lastStatus === 'RUNNING'),
    );
    await expect(
      ecs.send(new DeleteServiceCommand({ cluster, service: 'flow' })),
    ).rejects.toMatchObject({ name: 'InvalidParameterException' });
    await ecs.send(new UpdateServiceCommand({ cluster, service: 'flow', desiredCount: 0 }));
    await until('none runs', () => flowTasks(rig).length === 0);
    await ecs.send(new DeleteServiceCommand({ cluster, service: 'flow' }));
    expect((await ecs.send(new ListServicesCommand({ cluster }))).serviceArns).toEqual([]);
    await expect(
      ecs.send(new UpdateServiceCommand({ cluster, service: 'flow', desiredCount: 1 })),
    ).rejects.toMatchObject({ name: 'ServiceNotActiveException' });
    await expect(
      ecs.send(new UpdateServiceCommand({ cluster, service: 'none' })),
    ).rejects.toMatchObject({ name: 'ServiceNotFoundException' });
  });

  test('a service can be made by hand, on instances', async ({ rig, expect }) => {
    const deployment = await rig.emulator.provision(spec());
    await boot(rig, deployment, 'shared');
    const { service } = await rig.clients.ecs.send(
      new CreateServiceCommand({
        cluster: deployment.cluster,
        serviceName: 'two',
        taskDefinition: deployment.taskDefinitions['W']?.['default'],
        desiredCount: 2,
        capacityProviderStrategy: [
          { capacityProvider: poolOf(deployment, 'shared').capacityProvider, weight: 1 },
        ],
      }),
    );
    expect(service).toMatchObject({ serviceName: 'two', desiredCount: 2 });
    await until(
      'both run',
      () =>
        rig.emulator.state().tasks.filter(({ lastStatus }) => lastStatus === 'RUNNING').length ===
        2,
    );
  });
});

describe('clusters and definitions of the emulator', () => {
  test('a cluster is described, and deleted only when nothing is in it', async ({
    rig,
    expect,
  }) => {
    const { ecs } = rig.clients;
    const deployment = await rig.emulator.provision(spec());
    const { cluster } = deployment;
    await boot(rig, deployment);
    const { taskArn } = await runTask(rig, deployment);
    await reaches(rig, deployment, taskArn, 'RUNNING');
    const { clusters, failures } = await ecs.send(
      new DescribeClustersCommand({ clusters: [cluster, 'none'] }),
    );
    expect(clusters).toMatchObject([
      {
        clusterName: cluster,
        status: 'ACTIVE',
        registeredContainerInstancesCount: 1,
        runningTasksCount: 1,
      },
    ]);
    expect(failures).toMatchObject([{ reason: 'MISSING' }]);
    await expect(ecs.send(new DeleteClusterCommand({ cluster }))).rejects.toMatchObject({
      name: 'ClusterContainsTasksException',
    });
    await ecs.send(new StopTaskCommand({ cluster, task: taskArn }));
    await reaches(rig, deployment, taskArn, 'STOPPED');
    await expect(ecs.send(new DeleteClusterCommand({ cluster }))).rejects.toMatchObject({
      name: 'ClusterContainsContainerInstancesException',
    });
    await ecs.send(new CreateClusterCommand({ clusterName: 'empty' }));
    expect((await ecs.send(new DeleteClusterCommand({ cluster: 'empty' }))).cluster?.status).toBe(
      'INACTIVE',
    );
  });

  test('capacity providers are known by their names and kept while they are used', async ({
    rig,
    expect,
  }) => {
    const { ecs } = rig.clients;
    const deployment = await rig.emulator.provision(spec());
    const { capacityProvider, autoScalingGroup } = poolOf(deployment, 'small');
    const { capacityProviders } = await ecs.send(
      new DescribeCapacityProvidersCommand({ capacityProviders: [capacityProvider] }),
    );
    expect(capacityProviders).toMatchObject([
      {
        name: capacityProvider,
        autoScalingGroupProvider: {
          autoScalingGroupArn: autoScalingGroup,
          managedDraining: 'DISABLED',
          managedTerminationProtection: 'ENABLED',
          managedScaling: { status: 'ENABLED', maximumScalingStepSize: 1 },
        },
      },
    ]);
    const remove = new DeleteCapacityProviderCommand({ capacityProvider });
    await expect(ecs.send(remove)).rejects.toMatchObject({ name: 'ResourceInUseException' });
    const cluster = { cluster: deployment.cluster, defaultCapacityProviderStrategy: [] };
    await expect(
      ecs.send(new PutClusterCapacityProvidersCommand({ ...cluster, capacityProviders: ['none'] })),
    ).rejects.toMatchObject({ name: 'InvalidParameterException' });
    await ecs.send(
      new PutClusterCapacityProvidersCommand({ ...cluster, capacityProviders: ['FARGATE'] }),
    );
    await ecs.send(remove);
    expect(
      (
        await ecs.send(
          new DescribeCapacityProvidersCommand({ capacityProviders: [capacityProvider] }),
        )
      ).failures,
    ).toHaveLength(1);
  });

  test('definitions have numbered revisions; an inactive one is not run', async ({
    rig,
    expect,
  }) => {
    const { ecs } = rig.clients;
    const { cluster } = await rig.emulator.provision(spec());
    const container = {
      name: 'c',
      image: 'i',
      memory: 128,
      command: ['true'],
      dockerLabels: { a: 'b' },
    };
    const register = () =>
      ecs.send(
        new RegisterTaskDefinitionCommand({ family: 'mine', containerDefinitions: [container] }),
      );
    expect((await register()).taskDefinition).toMatchObject({
      family: 'mine',
      revision: 1,
      status: 'ACTIVE',
      containerDefinitions: [{ dockerLabels: { a: 'b' } }],
    });
    expect((await register()).taskDefinition?.revision).toBe(2);
    const described = await ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition: 'mine' }));
    expect(described.taskDefinition?.revision).toBe(2);
    await ecs.send(new DeregisterTaskDefinitionCommand({ taskDefinition: 'mine:2' }));
    expect(
      (await ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition: 'mine' }))).taskDefinition
        ?.revision,
    ).toBe(1);
    await expect(
      ecs.send(new RunTaskCommand({ cluster, taskDefinition: 'mine:2', launchType: 'EC2' })),
    ).rejects.toMatchObject({ message: 'TaskDefinition is inactive' });
    await expect(
      ecs.send(new RunTaskCommand({ cluster, taskDefinition: 'mine', launchType: 'EC2' })),
    ).rejects.toMatchObject({ message: 'No Container Instances were found in your cluster.' });
    await expect(
      ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition: 'none' })),
    ).rejects.toMatchObject({ name: 'ClientException' });
    const without = { name: 'c', image: 'i' };
    await expect(
      ecs.send(new RegisterTaskDefinitionCommand({ family: 'f', containerDefinitions: [without] })),
    ).rejects.toMatchObject({ name: 'ClientException' });
  });

  test('provisioning again changes what differs and keeps what runs', async ({ rig, expect }) => {
    const first = await rig.emulator.provision(spec());
    await boot(rig, first);
    const { taskArn } = await runTask(rig, first);
    await reaches(rig, first, taskArn, 'RUNNING');
    const second = await rig.emulator.provision(spec(programs.endsOnTerm));
    expect(second.taskDefinitions['W']?.['default']).toMatch(/:2$/);
    expect(second.hardware).toEqual(first.hardware);
    await reaches(rig, second, taskArn, 'RUNNING');
    const over = await fetch(`${rig.emulator.endpoint}/_emulator/provision`, {
      method: 'POST',
      body: JSON.stringify(spec()),
    });
    expect(await over.json()).toMatchObject({
      ...first,
      taskDefinitions: { W: { default: expect.stringMatching(/:3$/) } },
    });
    await expect(rig.emulator.provision({ app: 'x' } as never)).rejects.toMatchObject({
      code: 'EMULATOR_SPEC_INVALID',
    });
    await expect(
      rig.emulator.provision({ app: 'x', hardware: { big: { instanceTypes: ['z9.huge'] } } }),
    ).rejects.toMatchObject({ code: 'EMULATOR_INSTANCE_TYPE_UNKNOWN' });
  });

  describe('with prices given', () => {
    test.override({ options: { prices: { 'c7i.large': 0.5 } } });

    test('more types can be used, at those prices', async ({ rig, expect }) => {
      const deployment = await rig.emulator.provision({
        app: 'x',
        hardware: { mine: { instanceTypes: ['c7i.large'] } },
      });
      expect(deployment.hardware['mine']).toMatchObject({ vcpus: 2, memoryMiB: 4_096 });
      await boot(rig, deployment, 'mine');
      expect(rig.emulator.billing().dollarsPerHour).toBe(0.5);
    });
  });
});
