/**
 * Services: each keeps its number of tasks of one definition running.
 *
 * V1 With a minimum of 0 % and a maximum of 100 % no more tasks run than are wanted: old ones have stopped before new ones start.
 * V2 A task that ended is replaced after a pause that doubles while tasks keep ending, as ECS throttles services that fail.
 */
import type { ClockTimer } from '../../../../ports/clock.ts';
import type { EmulatorContext } from '../context.ts';
import { longId } from '../ids.ts';
import type { Cluster } from './cluster.ts';
import { isFargateProvider } from './cluster.ts';
import type { Task } from './task.ts';
import type { TaskDefinition } from './task-definitions.ts';
import type { Tasks } from './tasks.ts';

/** A task that ran so long was healthy: the next pause is short again. */
const HEALTHY_MS = 60_000;

export interface Service {
  readonly arn: string;
  readonly name: string;
  readonly cluster: Cluster;
  readonly launchType: 'EC2' | 'FARGATE';
  readonly capacityProvider: string | null;
  readonly createdAt: number;
  /** Members of the request that are given back as they came. */
  readonly given: Readonly<Record<string, unknown>>;
  definition: TaskDefinition;
  /** `startedBy` of the current deployment's tasks. */
  deployment: string;
  deployedAt: number;
  desiredCount: number;
  status: 'ACTIVE' | 'DRAINING' | 'INACTIVE';
  /** Milliseconds until the next replacement. */
  backoffMs: number;
  failedTasks: number;
}

export class Services {
  readonly #context: EmulatorContext;
  readonly #tasks: Tasks;
  readonly #services = new Map<string, Service>();
  readonly #timers = new Map<string, ClockTimer>();

  constructor(context: EmulatorContext, tasks: Tasks) {
    this.#context = context;
    this.#tasks = tasks;
    tasks.onEnded((task) => this.#ended(task));
  }

  get all(): readonly Service[] {
    return [...this.#services.values()];
  }

  find(cluster: Cluster, name: string): Service | undefined {
    return this.#services.get(`${cluster.name}/${name}`);
  }

  add(service: Service): void {
    this.#services.set(`${service.cluster.name}/${service.name}`, service);
    this.reconcile(service);
  }

  /** Tasks of a service that are to run. */
  tasksOf(service: Service): readonly Task[] {
    return this.#tasks.all.filter(
      ({ wish, lastStatus }) =>
        wish.cluster === service.cluster &&
        wish.group === `service:${service.name}` &&
        lastStatus !== 'STOPPED',
    );
  }

  /** Starts what is missing and ends what is too much or old. */
  reconcile(service: Service): void {
    this.#timers.get(service.arn)?.cancel();
    const present = this.tasksOf(service);
    const current = present.filter(
      ({ wish, desiredStatus }) =>
        wish.startedBy === service.deployment && desiredStatus === 'RUNNING',
    );
    const kept = new Set(current.slice(0, service.desiredCount));
    for (const task of present)
      if (!kept.has(task) && task.desiredStatus === 'RUNNING')
        this.#tasks.stop(task, {
          code: 'ServiceSchedulerInitiated',
          reason: `Scaling activity initiated by (deployment ${task.wish.startedBy ?? ''})`,
        });
    // Those that are ending still count: `maximumPercent` 100.
    const missing = service.desiredCount - present.length;
    for (let left = missing; left > 0; left -= 1) this.#start(service);
    if (service.status === 'DRAINING' && present.length === 0) service.status = 'INACTIVE';
  }

  close(): void {
    for (const timer of this.#timers.values()) timer.cancel();
    for (const service of this.all) service.desiredCount = 0;
    this.#services.clear();
  }

  /** A new deployment of a definition, which may be the same. */
  deploy(service: Service, definition: TaskDefinition): void {
    service.definition = definition;
    service.deployment = `ecs-svc/${longId().slice(0, 19)}`;
    service.deployedAt = this.#context.clock.now();
    service.failedTasks = 0;
    service.backoffMs = this.#context.timings.serviceBackoffMs;
  }

  #start(service: Service): void {
    const { definition, cluster, capacityProvider, launchType, deployment, name } = service;
    this.#tasks.add(
      {
        cluster,
        definition,
        overrides: { containerOverrides: [] },
        capacityProvider,
        launchType:
          capacityProvider === null
            ? launchType
            : isFargateProvider(capacityProvider)
              ? 'FARGATE'
              : 'EC2',
        startedBy: deployment,
        group: `service:${name}`,
        tags: [],
        constraints: [],
        strategy: [],
        enableExecuteCommand: false,
      },
      null,
    );
  }

  #ended(task: Task): void {
    const service = this.all.find(
      ({ cluster, name }) => task.wish.cluster === cluster && task.wish.group === `service:${name}`,
    );
    if (service === undefined) return;
    if (task.stopCode === 'ServiceSchedulerInitiated') {
      this.reconcile(service);
      return;
    }
    const { timings, clock } = this.#context;
    const { startedAt, stoppedAt = 0 } = task.times;
    const wasHealthy = startedAt !== undefined && stoppedAt - startedAt >= HEALTHY_MS;
    service.failedTasks = wasHealthy ? 0 : service.failedTasks + 1;
    const pauseMs = wasHealthy ? timings.serviceBackoffMs : service.backoffMs;
    service.backoffMs = Math.min(pauseMs * 2, timings.serviceMaxBackoffMs);
    this.#timers.get(service.arn)?.cancel();
    this.#timers.set(
      service.arn,
      clock.after(pauseMs, () => this.reconcile(service)),
    );
  }
}
