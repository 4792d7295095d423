/**
 * Ends everything of an app that costs money, before its stack goes: CloudFormation knows nothing of tasks that a flow started, and
 * waits for ever for groups whose instances are protected.
 *
 * X1 Nothing that could start something again runs while something is ended: first the flow, then works, then machines.
 * X2 It is over when ECS, the groups and EC2 say so, not when it was asked for.
 * X3 Whatever is done to the groups can be taken back without knowing how they were before: whoever does not go on to delete the
 *    stack reopens them, also another process much later.
 */
import {
  DescribeAutoScalingGroupsCommand,
  ResumeProcessesCommand,
  SetInstanceProtectionCommand,
  SuspendProcessesCommand,
  TerminateInstanceInAutoScalingGroupCommand,
  UpdateAutoScalingGroupCommand,
  type AutoScalingGroup,
} from '@aws-sdk/client-auto-scaling';
import { DescribeInstancesCommand, type Instance } from '@aws-sdk/client-ec2';
import {
  DescribeTasksCommand,
  ListTasksCommand,
  StopTaskCommand,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import { setTimeout } from 'node:timers/promises';
import { appError } from '../../../errors/index.ts';
import type { AwsClients } from '../clients.ts';
import { startedByOf } from '../contract.ts';
import { toAwsFailure } from '../launcher/aws-failure.ts';
import { attempt } from './aws-error.ts';

export const DRAIN_SERVICES = ['ecs', 'ec2', 'autoScaling'] as const;
export type DrainClients = Pick<AwsClients, (typeof DRAIN_SERVICES)[number]>;

const OVER: ReadonlySet<string> = new Set(['shutting-down', 'terminated']);
const ENDED: ReadonlySet<string> = new Set(['STOPPED', 'DELETED']);
const NOT_FOUND: ReadonlySet<string> = new Set([
  'ClusterNotFoundException',
  'ServiceNotFoundException',
]);
const REASON = 'stormkite: the app is destroyed';
/** What of a group is suspended while an app is destroyed. */
const LAUNCH = ['Launch'];
/** Names of groups that one request may have. */
const MAX_GROUP_NAMES = 50;
/** Values that one filter of EC2 may have. */
const MAX_FILTER_VALUES = 200;

/** Where an app's tasks and machines are. */
export interface DrainPlace {
  readonly app: string;
  readonly cluster: string;
  readonly service: string;
  /** Auto Scaling groups of the app. */
  readonly groups: readonly string[];
}

export interface DrainOptions {
  readonly signal: AbortSignal;
  readonly pollMs: number;
  /** How long everything together may take, in milliseconds. */
  readonly deadlineMs: number;
  readonly progress: (line: string) => void;
}

/** @throws `DESTROY_LEFT` when something does not end in time */
export async function drainApp(
  clients: DrainClients,
  place: DrainPlace,
  options: DrainOptions,
): Promise<void> {
  const { progress } = options;
  const drain = new Drain(clients, place, options);
  progress('ending the flow');
  await drain.endFlow();
  await drain.untilNone('tasks', () => drain.endTasks());
  await drain.untilNone('instances', () => drain.endInstances());
  await drain.closeGroups();
  // What was started by a request that was under way all the while.
  await drain.untilNone('tasks', () => drain.endTasks());
  await drain.untilNone('instances', () => drain.endInstances());
}

/** X3: lets groups start machines again; costs nothing where they were never closed. @throws `AWS_CALL_FAILED` */
export async function reopenGroups(
  { autoScaling }: Pick<DrainClients, 'autoScaling'>,
  groups: readonly string[],
): Promise<void> {
  for (const AutoScalingGroupName of groups)
    await attempt(`reopening ${AutoScalingGroupName}`, () =>
      autoScaling.send(
        new ResumeProcessesCommand({ AutoScalingGroupName, ScalingProcesses: LAUNCH }),
      ),
    );
}

class Drain {
  readonly #clients: DrainClients;
  readonly #place: DrainPlace;
  readonly #options: DrainOptions;
  readonly #deadlineMs: number;
  readonly #asked = new Set<string>();

  constructor(clients: DrainClients, place: DrainPlace, options: DrainOptions) {
    this.#clients = clients;
    this.#place = place;
    this.#options = options;
    this.#deadlineMs = performance.now() + options.deadlineMs;
  }

  async endFlow(): Promise<void> {
    const { cluster, service } = this.#place;
    const input = { cluster, service, desiredCount: 0 };
    await this.#ask('the flow’s service', () =>
      this.#clients.ecs.send(new UpdateServiceCommand(input)),
    );
  }

  /** Asks every task that is left to end; gives them. */
  async endTasks(): Promise<string[]> {
    const { app, cluster, service } = this.#place;
    const works = await this.#tasks({ startedBy: startedByOf(app) });
    for (const task of works) {
      if (this.#asked.has(task)) continue;
      this.#options.progress(`stopping the task ${task.slice(task.lastIndexOf('/') + 1)}`);
      await this.#ask(task, () =>
        this.#clients.ecs.send(new StopTaskCommand({ cluster, task, reason: REASON })),
      );
    }
    return [...works, ...(await this.#tasks({ serviceName: service }))];
  }

  /** Ends every instance that is left; gives them. */
  async endInstances(): Promise<string[]> {
    const left: string[] = [];
    const { autoScaling } = this.#clients;
    for (const { name, instances } of await this.#groups()) {
      const live = await this.#live(instances);
      left.push(...live);
      for (const id of live) {
        if (this.#asked.has(id)) continue;
        this.#options.progress(`terminating ${id}`);
        const of = { AutoScalingGroupName: name, InstanceIds: [id], ProtectedFromScaleIn: false };
        // One that still boots or already ends has no protection to lose.
        await this.#ask(`protection of ${id}`, () =>
          autoScaling.send(new SetInstanceProtectionCommand(of)),
        );
        const end = { InstanceId: id, ShouldDecrementDesiredCapacity: true };
        await this.#ask(id, () =>
          autoScaling.send(new TerminateInstanceInAutoScalingGroupCommand(end)),
        );
      }
    }
    return left;
  }

  /** So that ECS managed scaling starts nothing either (X3). */
  async closeGroups(): Promise<void> {
    const { autoScaling } = this.#clients;
    for (const { name: AutoScalingGroupName } of await this.#groups()) {
      const launch = { AutoScalingGroupName, ScalingProcesses: LAUNCH };
      await this.#ask(`closing ${AutoScalingGroupName}`, () =>
        autoScaling.send(new SuspendProcessesCommand(launch)),
      );
      const size = { AutoScalingGroupName, MinSize: 0, DesiredCapacity: 0 };
      await this.#ask(`emptying ${AutoScalingGroupName}`, () =>
        autoScaling.send(new UpdateAutoScalingGroupCommand(size)),
      );
    }
  }

  /** X2 */
  async untilNone(what: string, end: () => Promise<readonly string[]>): Promise<void> {
    const { pollMs, signal } = this.#options;
    for (;;) {
      const left = await end();
      if (left.length === 0) return;
      if (performance.now() > this.#deadlineMs) {
        const list = `${left.length} ${what} (${left.join(', ')})`;
        throw appError('DESTROY_LEFT', { app: this.#place.app, left: list });
      }
      await setTimeout(pollMs, undefined, { signal });
    }
  }

  /** Tasks of which a container may still run, also when they were asked to stop. */
  async #tasks(
    of: { readonly startedBy: string } | { readonly serviceName: string },
  ): Promise<string[]> {
    const { cluster } = this.#place;
    const live: string[] = [];
    for (const desiredStatus of ['RUNNING', 'STOPPED'] as const) {
      let nextToken: string | undefined;
      do {
        const input = { cluster, desiredStatus, nextToken, ...of };
        const page = await this.#look('listing tasks', () =>
          this.#clients.ecs.send(new ListTasksCommand(input)),
        );
        live.push(...(await this.#running(page?.taskArns ?? [])));
        nextToken = page?.nextToken;
      } while (nextToken !== undefined);
    }
    return live;
  }

  /** Of a page of tasks, which has 100 at most, those that have not ended. */
  async #running(tasks: string[]): Promise<string[]> {
    if (tasks.length === 0) return [];
    const { cluster } = this.#place;
    const answer = await this.#look('looking at tasks', () =>
      this.#clients.ecs.send(new DescribeTasksCommand({ cluster, tasks })),
    );
    const over = new Set(
      (answer?.tasks ?? [])
        .filter(({ lastStatus = '' }) => ENDED.has(lastStatus))
        .map(({ taskArn }) => taskArn),
    );
    const missing = new Set((answer?.failures ?? []).map(({ arn }) => arn));
    return tasks.filter((arn) => !over.has(arn) && !missing.has(arn));
  }

  async #groups(): Promise<{ readonly name: string; readonly instances: readonly string[] }[]> {
    const found: AutoScalingGroup[] = [];
    for (const names of parts(this.#place.groups, MAX_GROUP_NAMES)) {
      let NextToken: string | undefined;
      do {
        const input = { AutoScalingGroupNames: names, NextToken };
        const page = await this.#look('looking at the groups', () =>
          this.#clients.autoScaling.send(new DescribeAutoScalingGroupsCommand(input)),
        );
        found.push(...(page?.AutoScalingGroups ?? []));
        NextToken = page?.NextToken;
      } while (NextToken !== undefined);
    }
    return found.map(({ AutoScalingGroupName, Instances }) => ({
      name: AutoScalingGroupName ?? '',
      instances: (Instances ?? []).flatMap(({ InstanceId }) => InstanceId ?? []),
    }));
  }

  async #live(ids: readonly string[]): Promise<string[]> {
    const found: Instance[] = [];
    for (const Values of parts(ids, MAX_FILTER_VALUES)) {
      let NextToken: string | undefined;
      do {
        const input = { Filters: [{ Name: 'instance-id', Values }], NextToken };
        const page = await this.#look('looking at instances', () =>
          this.#clients.ec2.send(new DescribeInstancesCommand(input)),
        );
        found.push(...(page?.Reservations ?? []).flatMap(({ Instances }) => Instances ?? []));
        NextToken = page?.NextToken;
      } while (NextToken !== undefined);
    }
    return found
      .filter(({ State }) => !OVER.has(State?.Name ?? ''))
      .flatMap(({ InstanceId }) => InstanceId ?? []);
  }

  /** What is not there has nothing in it. */
  async #look<T>(what: string, send: () => Promise<T>): Promise<T | undefined> {
    return await attempt(what, async () => {
      try {
        return await send();
      } catch (error) {
        if (NOT_FOUND.has(toAwsFailure(error).name)) return undefined;
        throw error;
      }
    });
  }

  /** What AWS refuses, because it is gone or is just changing, is asked for again with the next look, if it is still there. */
  async #ask(what: string, send: () => Promise<unknown>): Promise<void> {
    await attempt(`ending ${what}`, async () => {
      try {
        await send();
        this.#asked.add(what);
      } catch (error) {
        const { denied, outcome } = toAwsFailure(error);
        if (outcome !== 'refused' || denied) throw error;
      }
    });
  }
}

/** A list in parts of so many at most. */
function parts<T>(all: readonly T[], size: number): T[][] {
  const found: T[][] = [];
  for (let at = 0; at < all.length; at += size) found.push(all.slice(at, at + size));
  return found;
}
