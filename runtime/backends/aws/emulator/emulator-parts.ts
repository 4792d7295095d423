/** Builds the services of one emulator and what they share. */
import type { Clock } from '../../../ports/clock.ts';
import type { EmulatorContext } from './context.ts';
import { Billing } from './ec2/billing.ts';
import { ec2Operations } from './ec2/ec2-operations.ts';
import { groupOperations } from './ec2/group-operations.ts';
import { Groups } from './ec2/groups.ts';
import { InstanceTypes } from './ec2/instance-types.ts';
import { Instances } from './ec2/instances.ts';
import { subnetsOf, type Subnet } from './ec2/subnets.ts';
import { Clusters } from './ecs/clusters.ts';
import { ecsOperations } from './ecs/ecs-operations.ts';
import type { TaskLine } from './ecs/life-host.ts';
import { ManagedScaling } from './ecs/managed-scaling.ts';
import { RunTask } from './ecs/run-task.ts';
import { Services } from './ecs/services.ts';
import { TaskDefinitions } from './ecs/task-definitions.ts';
import { Tasks } from './ecs/tasks.ts';
import { serviceEnvironment, type EmulatedAddresses } from './environment.ts';
import type { Faults } from './faults.ts';
import { Arns } from './ids.ts';
import { LogGroups } from './logs/log-groups.ts';
import { logOperations } from './logs/log-operations.ts';
import { Parameters } from './parameters.ts';
import type { Stored } from './persistence.ts';
import { ObjectStore } from './s3/object-store.ts';
import { S3Api } from './s3/s3-api.ts';
import type { ApiServices } from './service-router.ts';
import type { EmulatorTimings } from './timings.ts';

export interface EmulatorParts {
  readonly context: EmulatorContext;
  readonly subnets: readonly Subnet[];
  readonly instances: Instances;
  readonly groups: Groups;
  readonly clusters: Clusters;
  readonly definitions: TaskDefinitions;
  readonly tasks: Tasks;
  readonly services: Services;
  readonly scaling: ManagedScaling;
  readonly logs: LogGroups;
  readonly parameters: Parameters;
  readonly s3: S3Api;
  readonly operations: ApiServices;
}

export function buildParts(wish: {
  readonly addresses: EmulatedAddresses;
  readonly clock: Clock;
  readonly timings: EmulatorTimings;
  readonly faults: Faults;
  readonly stored: Stored;
  readonly prices: Readonly<Record<string, number>>;
  readonly tasksDirectory: string;
  readonly objectsDirectory: string;
  readonly onLine: (line: TaskLine) => void;
}): EmulatorParts {
  const { addresses, clock, timings, faults, stored } = wish;
  const { region, endpoint } = addresses;
  const billing = new Billing(stored.billing);
  const instanceTypes = new InstanceTypes(wish.prices);
  const arns = new Arns(region);
  const context = { region, arns, clock, timings, faults, billing, instanceTypes };
  const subnets = subnetsOf(region);
  const logs = new LogGroups(context);
  const parameters = new Parameters(context, stored);
  const definitions = new TaskDefinitions(context, stored.taskDefinitions);
  const instances = new Instances(context);
  const groups = new Groups(context, instances);
  const tasks = new Tasks(
    {
      context,
      logs,
      parameters,
      directory: wish.tasksDirectory,
      endpoint,
      services: serviceEnvironment(addresses),
      line: wish.onLine,
    },
    subnets[0]?.zone ?? region,
  );
  const clusters = new Clusters(context, tasks);
  instances.listen(clusters);
  const services = new Services(context, tasks);
  const scaling = new ManagedScaling(context, clusters, groups, tasks);
  const runTask = new RunTask(clock, clusters, definitions, tasks);
  const operations = {
    ecs: ecsOperations(context, { clusters, definitions, tasks, services, runTask }),
    ec2: ec2Operations(context, instances, subnets),
    autoscaling: groupOperations(context, groups, instances, subnets),
    logs: logOperations(context, logs),
    ssm: parameters.ssmOperations,
    secretsmanager: parameters.secretOperations,
  };
  const s3 = new S3Api(context, new ObjectStore(wish.objectsDirectory));
  return {
    ...{ context, subnets, instances, groups, clusters, definitions, tasks, services, scaling },
    ...{ logs, parameters, s3, operations },
  };
}
