/** A small deployment that the emulator's tests use, and what they do with it all the time. */
import { LaunchInstancesCommand } from '@aws-sdk/client-auto-scaling';
import {
  DescribeTasksCommand,
  ListContainerInstancesCommand,
  RunTaskCommand,
  type RunTaskCommandInput,
  type Task,
} from '@aws-sdk/client-ecs';
import type { Deployment } from '../../../runtime/backends/aws/contract.ts';
import type { EmulatedDeploymentSpec } from '../../../runtime/backends/aws/emulator/deployment-spec.ts';
import type { EmulatorRig } from '../../support/emulator.ts';
import { until } from '../../support/until.ts';

/** Programs of containers. */
export const programs = {
  waits: "console.log('up'); setInterval(() => undefined, 1000)",
  endsOnTerm:
    "process.on('SIGTERM', () => process.exit(0)); console.log('up'); setInterval(() => undefined, 1000)",
  ignoresTerm:
    "process.on('SIGTERM', () => console.log('no')); console.log('up'); setInterval(() => undefined, 1000)",
  fails: 'process.exit(3)',
  tellsFolder: 'console.log(process.cwd()); setInterval(() => undefined, 1000)',
} as const;

export function spec(
  program: string = programs.waits,
  more: Partial<EmulatedDeploymentSpec> = {},
): EmulatedDeploymentSpec {
  return {
    app: 'shop',
    hardware: {
      small: { instanceTypes: ['m7i.large', 'm6i.large'], maxInstances: 3 },
      shared: { instanceTypes: ['t3.large'], shared: true },
      gpu: { instanceTypes: ['g4dn.xlarge'] },
      'gpu-spot': { instanceTypes: ['g4dn.xlarge'], market: 'spot' },
    },
    works: { W: { default: { command: ['node', '-e', program], stopTimeoutSeconds: 1 } } },
    ...more,
  };
}

export function poolOf(deployment: Deployment, hardware: string) {
  const pool = deployment.hardware[hardware]?.pools[0];
  if (pool === undefined) throw new Error(`no pool of ${hardware}`);
  return pool;
}

/** Starts an instance and waits until it is registered; gives its id and the ARN of its container instance. */
export async function boot(
  { clients, emulator }: EmulatorRig,
  deployment: Deployment,
  hardware = 'small',
): Promise<{ id: string; arn: string }> {
  const { Instances = [] } = await clients.autoScaling.send(
    new LaunchInstancesCommand({
      AutoScalingGroupName: poolOf(deployment, hardware).autoScalingGroup,
      RequestedCapacity: 1,
      SubnetIds: deployment.subnets.slice(0, 1),
      RetryStrategy: 'none',
    }),
  );
  const id = Instances[0]?.InstanceIds?.[0] ?? '';
  const arn = await until(
    `${id} is registered`,
    () => emulator.state().instances.find((each) => each.id === id)?.agent?.arn,
  );
  return { id, arn };
}

/** Runs one task of the work `W` on a kind of hardware. */
export async function runTask(
  { clients }: EmulatorRig,
  deployment: Deployment,
  more: Partial<RunTaskCommandInput> & { hardware?: string } = {},
): Promise<Task> {
  const { hardware = 'small', ...input } = more;
  const { workCpuUnits, workMemoryMiB, gpus = 0 } = deployment.hardware[hardware] ?? {};
  const { tasks = [] } = await clients.ecs.send(
    new RunTaskCommand({
      cluster: deployment.cluster,
      taskDefinition: deployment.taskDefinitions['W']?.['default'] ?? '',
      capacityProviderStrategy: [
        { capacityProvider: poolOf(deployment, hardware).capacityProvider, weight: 1 },
      ],
      overrides: {
        containerOverrides: [
          {
            name: 'app',
            cpu: workCpuUnits,
            memoryReservation: workMemoryMiB,
            ...(gpus === 0 ? {} : { resourceRequirements: [{ type: 'GPU', value: String(gpus) }] }),
          },
        ],
      },
      ...input,
    }),
  );
  if (tasks[0] === undefined) throw new Error('no task was made');
  return tasks[0];
}

export async function describeTask(
  { clients }: EmulatorRig,
  deployment: Deployment,
  arn: string | undefined,
): Promise<Task | undefined> {
  const { tasks } = await clients.ecs.send(
    new DescribeTasksCommand({
      cluster: deployment.cluster,
      tasks: [arn ?? ''],
      include: ['TAGS'],
    }),
  );
  return tasks?.[0];
}

/** Waits until a task has a status. */
export function reaches(
  rig: EmulatorRig,
  deployment: Deployment,
  arn: string | undefined,
  status: string,
): Promise<Task> {
  return until(`${arn} is ${status}`, async () => {
    const task = await describeTask(rig, deployment, arn);
    return task?.lastStatus === status ? task : undefined;
  });
}

export async function containerInstances(
  { clients }: EmulatorRig,
  deployment: Deployment,
): Promise<string[]> {
  const { containerInstanceArns } = await clients.ecs.send(
    new ListContainerInstancesCommand({ cluster: deployment.cluster }),
  );
  return containerInstanceArns ?? [];
}
