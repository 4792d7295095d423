/**
 * Every call of ECS, EC2 and Auto Scaling that the launcher makes, one method each.
 *
 * The number of calls under way is limited here and nowhere else; the SDK's adaptive back-off does the rest. ECS refills 40
 * changes and 20 descriptions a second per account and region.
 */
import {
  DescribeAutoScalingGroupsCommand,
  DescribeScalingActivitiesCommand,
  LaunchInstancesCommand,
  SetInstanceProtectionCommand,
  TerminateInstanceInAutoScalingGroupCommand,
  type Instance as GroupInstance,
  type LaunchInstancesCommandOutput,
} from '@aws-sdk/client-auto-scaling';
import { DescribeInstancesCommand, type Instance } from '@aws-sdk/client-ec2';
import {
  DescribeContainerInstancesCommand,
  DescribeTasksCommand,
  ListContainerInstancesCommand,
  ListTasksCommand,
  RunTaskCommand,
  StopTaskCommand,
  UpdateContainerInstancesStateCommand,
  type ContainerInstance,
  type RunTaskCommandInput,
  type RunTaskCommandOutput,
  type Task,
} from '@aws-sdk/client-ecs';
import type { AwsClients } from '../clients.ts';
import { MAX_DESCRIBED_TASKS, startedByOf, type Deployment } from '../contract.ts';
import { toAwsFailure } from './aws-failure.ts';

/** Calls under way at a time. */
const MAX_CALLS = 8;
/** `DescribeContainerInstances` and `DescribeAutoScalingGroups` take as many at once. */
const MAX_DESCRIBED = 100;
/** Scaling activities that are looked at; the newest come first. */
const MAX_ACTIVITIES = 20;
const UNKNOWN_INSTANCE = 'InvalidInstanceID.NotFound';

export type LauncherClients = Pick<AwsClients, 'ecs' | 'ec2' | 'autoScaling' | 'dynamodb'>;

/** A task that ECS does not know, or not yet, is absent. */
export type Tasks = ReadonlyMap<string, Task>;

export class AwsCalls {
  readonly #clients: LauncherClients;
  readonly #cluster: string;
  readonly #startedBy: string;
  readonly #groups: readonly string[];
  readonly #waiting: (() => void)[] = [];
  #underWay = 0;

  constructor(clients: LauncherClients, deployment: Deployment) {
    this.#clients = clients;
    this.#cluster = deployment.cluster;
    this.#startedBy = startedByOf(deployment.app);
    const pools = Object.values(deployment.hardware).flatMap((hardware) => hardware.pools);
    this.#groups = [...new Set(pools.map((pool) => pool.autoScalingGroup))];
  }

  async runTask(input: RunTaskCommandInput): Promise<RunTaskCommandOutput> {
    return await this.#call(() => this.#clients.ecs.send(new RunTaskCommand(input)));
  }

  async stopTask(task: string, reason: string): Promise<void> {
    const input = { cluster: this.#cluster, task, reason };
    await this.#call(() => this.#clients.ecs.send(new StopTaskCommand(input)));
  }

  async describeTasks(arns: readonly string[]): Promise<Tasks> {
    const tasks = new Map<string, Task>();
    for (const some of batches(arns, MAX_DESCRIBED_TASKS)) {
      const input = { cluster: this.#cluster, tasks: some };
      const answer = await this.#call(() =>
        this.#clients.ecs.send(new DescribeTasksCommand(input)),
      );
      for (const task of answer.tasks ?? []) if (task.taskArn) tasks.set(task.taskArn, task);
    }
    return tasks;
  }

  /** ARNs of the app's tasks; `STOPPED` ones are listed for an hour or so. */
  async listTasks(desiredStatus: 'RUNNING' | 'STOPPED'): Promise<string[]> {
    const arns: string[] = [];
    let nextToken: string | undefined;
    do {
      const input = {
        cluster: this.#cluster,
        startedBy: this.#startedBy,
        desiredStatus,
        nextToken,
      };
      const answer = await this.#call(() => this.#clients.ecs.send(new ListTasksCommand(input)));
      arns.push(...(answer.taskArns ?? []));
      ({ nextToken } = answer);
    } while (nextToken !== undefined);
    return arns;
  }

  /** All instances that are registered with the cluster, by EC2 id. */
  async containerInstances(): Promise<Map<string, ContainerInstance>> {
    const arns: string[] = [];
    let nextToken: string | undefined;
    do {
      const input = { cluster: this.#cluster, nextToken };
      const answer = await this.#call(() =>
        this.#clients.ecs.send(new ListContainerInstancesCommand(input)),
      );
      arns.push(...(answer.containerInstanceArns ?? []));
      ({ nextToken } = answer);
    } while (nextToken !== undefined);
    return await this.describeContainerInstances(arns);
  }

  async describeContainerInstances(
    arns: readonly string[],
  ): Promise<Map<string, ContainerInstance>> {
    const found = new Map<string, ContainerInstance>();
    for (const some of batches(arns, MAX_DESCRIBED)) {
      const input = { cluster: this.#cluster, containerInstances: some };
      const answer = await this.#call(() =>
        this.#clients.ecs.send(new DescribeContainerInstancesCommand(input)),
      );
      for (const each of answer.containerInstances ?? [])
        if (each.ec2InstanceId) found.set(each.ec2InstanceId, each);
    }
    return found;
  }

  async setContainerInstance(arn: string, status: 'ACTIVE' | 'DRAINING'): Promise<void> {
    const input = { cluster: this.#cluster, containerInstances: [arn], status };
    await this.#call(() => this.#clients.ecs.send(new UpdateContainerInstancesStateCommand(input)));
  }

  /** Instances of the app's groups, by group. */
  async groups(): Promise<Map<string, GroupInstance[]>> {
    const found = new Map<string, GroupInstance[]>();
    for (const some of batches(this.#groups, MAX_DESCRIBED)) {
      let NextToken: string | undefined;
      do {
        const input = { AutoScalingGroupNames: some, NextToken };
        const answer = await this.#call(() =>
          this.#clients.autoScaling.send(new DescribeAutoScalingGroupsCommand(input)),
        );
        for (const { AutoScalingGroupName, Instances } of answer.AutoScalingGroups ?? [])
          if (AutoScalingGroupName) found.set(AutoScalingGroupName, Instances ?? []);
        ({ NextToken } = answer);
      } while (NextToken !== undefined);
    }
    return found;
  }

  /** Starts exactly one instance, or says why not; the same token gives the same instance. */
  async launchInstance(
    group: string,
    subnet: string,
    token: string,
  ): Promise<LaunchInstancesCommandOutput> {
    const input = {
      AutoScalingGroupName: group,
      RequestedCapacity: 1,
      SubnetIds: [subnet],
      ClientToken: token,
      RetryStrategy: 'none' as const,
    };
    return await this.#call(() =>
      this.#clients.autoScaling.send(new LaunchInstancesCommand(input)),
    );
  }

  async unprotect(group: string, instanceId: string): Promise<void> {
    const input = {
      AutoScalingGroupName: group,
      InstanceIds: [instanceId],
      ProtectedFromScaleIn: false,
    };
    await this.#call(() => this.#clients.autoScaling.send(new SetInstanceProtectionCommand(input)));
  }

  /** Ends an instance so that its group starts no other one for it. */
  async terminate(instanceId: string): Promise<void> {
    const input = { InstanceId: instanceId, ShouldDecrementDesiredCapacity: true };
    await this.#call(() =>
      this.#clients.autoScaling.send(new TerminateInstanceInAutoScalingGroupCommand(input)),
    );
  }

  /** An instance as EC2 has it; `null` when there is none (any more). */
  async instance(instanceId: string): Promise<Instance | null> {
    const input = { InstanceIds: [instanceId] };
    try {
      const answer = await this.#call(() =>
        this.#clients.ec2.send(new DescribeInstancesCommand(input)),
      );
      return answer.Reservations?.flatMap(({ Instances }) => Instances ?? [])[0] ?? null;
    } catch (error) {
      if (toAwsFailure(error).name === UNKNOWN_INSTANCE) return null;
      throw error;
    }
  }

  /** Failed activities of a group since a time (epoch milliseconds), newest first. */
  async failedActivities(group: string, since: number): Promise<string[]> {
    const input = { AutoScalingGroupName: group, MaxRecords: MAX_ACTIVITIES };
    const answer = await this.#call(() =>
      this.#clients.autoScaling.send(new DescribeScalingActivitiesCommand(input)),
    );
    return (answer.Activities ?? [])
      .filter(({ StatusCode, StartTime }) => StatusCode === 'Failed' && Number(StartTime) >= since)
      .map(({ StatusMessage, Description }) => StatusMessage ?? Description ?? '');
  }

  async #call<T>(send: () => Promise<T>): Promise<T> {
    while (this.#underWay >= MAX_CALLS)
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#underWay += 1;
    try {
      return await send();
    } finally {
      this.#underWay -= 1;
      this.#waiting.shift()?.();
    }
  }
}

function batches<T>(all: readonly T[], size: number): T[][] {
  const parts: T[][] = [];
  for (let start = 0; start < all.length; start += size) parts.push(all.slice(start, start + size));
  return parts;
}
