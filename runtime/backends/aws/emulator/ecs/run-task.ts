/** `RunTask`: what it refuses, what it replays, and where its tasks go. */
import { z } from 'zod';
import { MAX_OVERRIDES_CHARS } from '../../contract.ts';
import type { Clock } from '../../../../ports/clock.ts';
import { operationOf, type Operation } from '../operation.ts';
import { ServiceError } from '../service-error.ts';
import { isFargateProvider, type Cluster, type StrategyItem } from './cluster.ts';
import { providersOf, strategyOf } from './capacity-strategy.ts';
import { strategyItem } from './cluster-operations.ts';
import { parseClusterQuery } from './cluster-query.ts';
import type { Clusters } from './clusters.ts';
import { overridesSchema } from './demand.ts';
import { choose, obstacleOf } from './placement.ts';
import { Task, type TaskWish } from './task.ts';
import type { TaskDefinition, TaskDefinitions } from './task-definitions.ts';
import type { Tasks } from './tasks.ts';

/** Tasks of a cluster that may be in PROVISIONING at once. */
const MAX_PROVISIONING = 500;
const MAX_COUNT = 10;
const MAX_TAGS = 50;
/** How long a token is remembered, if its tasks do not end earlier. */
const TOKEN_MS = 24 * 3_600_000;
/** How long after the end of its tasks. */
const TOKEN_AFTER_END_MS = 3_600_000;

export const tagsSchema = z.array(z.object({ key: z.string(), value: z.string().default('') }));

const constraint = z.object({
  type: z.enum(['distinctInstance', 'memberOf']),
  expression: z.string().optional(),
});
const strategy = z.object({
  type: z.enum(['random', 'spread', 'binpack']),
  field: z.string().optional(),
});

const inputSchema = z.looseObject({
  cluster: z.string().optional(),
  taskDefinition: z.string(),
  count: z.number().int().min(1).max(MAX_COUNT).default(1),
  launchType: z.enum(['EC2', 'FARGATE']).optional(),
  capacityProviderStrategy: z.array(strategyItem).max(20).default([]),
  overrides: overridesSchema.prefault({}),
  startedBy: z
    .string()
    .max(128, 'startedBy can have at most 128 characters')
    .regex(/^[A-Za-z0-9\-/_]*$/, 'startedBy has characters that it cannot have')
    .optional(),
  group: z.string().optional(),
  clientToken: z
    .string()
    .max(64)
    .regex(/^[!-~]*$/)
    .optional(),
  networkConfiguration: z.unknown().optional(),
  placementConstraints: z.array(constraint).max(10).default([]),
  placementStrategy: z.array(strategy).max(5).default([]),
  tags: tagsSchema.max(MAX_TAGS).default([]),
  enableExecuteCommand: z.boolean().default(false),
});

type Input = z.output<typeof inputSchema>;

interface Replay {
  readonly input: string;
  readonly tasks: readonly Task[];
  readonly failures: readonly object[];
  /** Epoch milliseconds. */
  readonly at: number;
}

export class RunTask {
  readonly #clock: Clock;
  readonly #clusters: Clusters;
  readonly #definitions: TaskDefinitions;
  readonly #tasks: Tasks;
  readonly #replays = new Map<string, Replay>();

  constructor(clock: Clock, clusters: Clusters, definitions: TaskDefinitions, tasks: Tasks) {
    this.#clock = clock;
    this.#clusters = clusters;
    this.#definitions = definitions;
    this.#tasks = tasks;
  }

  readonly operation: Operation = operationOf('ecs')(inputSchema, (input) => {
    const cluster = this.#clusters.get(input.cluster);
    this.#forgetOld();
    const key = `${cluster.name} ${input.clientToken ?? ''}`;
    const text = JSON.stringify(input);
    const replay = input.clientToken === undefined ? undefined : this.#replays.get(key);
    if (replay !== undefined && replay.input !== text)
      throw new ServiceError(
        'ConflictException',
        'A task was already run with this client token and different parameters.',
        {
          data: { resourceIds: replay.tasks.map(({ arn }) => arn) },
        },
      );
    const made = replay ?? this.#run(cluster, input, text);
    if (replay === undefined && input.clientToken !== undefined && made.tasks.length > 0)
      this.#replays.set(key, made);
    return { tasks: made.tasks.map((task) => task.describe(true)), failures: made.failures };
  });

  #run(cluster: Cluster, input: Input, text: string): Replay {
    const definition = this.#definitions.find(input.taskDefinition);
    if (definition === undefined)
      throw new ServiceError('ClientException', 'TaskDefinition not found.');
    if (definition.status === 'INACTIVE')
      throw new ServiceError('ClientException', 'TaskDefinition is inactive');
    check(input, definition);
    const strategies = strategyOf(input, cluster);
    this.#checkStrategy(cluster, strategies, input.count);
    const wish: TaskWish = {
      cluster,
      definition,
      overrides: input.overrides,
      capacityProvider: null,
      launchType: input.launchType ?? 'EC2',
      startedBy: input.startedBy,
      group: input.group ?? `family:${definition.family}`,
      tags: input.tags,
      constraints: input.placementConstraints,
      strategy: input.placementStrategy,
      enableExecuteCommand: input.enableExecuteCommand,
    };
    if (strategies.length === 0 && wish.launchType === 'EC2') return this.#place(wish, input, text);
    const tasks = providersOf(strategies, input.count).map((provider) =>
      this.#tasks.add(
        {
          ...wish,
          capacityProvider: provider,
          launchType: provider === null || isFargateProvider(provider) ? 'FARGATE' : 'EC2',
        },
        null,
      ),
    );
    return { input: text, tasks, failures: [], at: this.#clock.now() };
  }

  /** Without a capacity provider a task is placed now or never. */
  #place(wish: TaskWish, { count }: Input, text: string): Replay {
    const { instances } = wish.cluster;
    if (instances.length === 0)
      throw new ServiceError(
        'InvalidParameterException',
        'No Container Instances were found in your cluster.',
      );
    const tasks: Task[] = [];
    const failures: object[] = [];
    for (let left = count; left > 0; left -= 1) {
      const probe = new Task(this.#tasks.arns, wish, '', this.#clock.now());
      const place = choose(probe);
      if (place !== null) tasks.push(this.#tasks.add(wish, place));
      else
        failures.push(
          ...instances.map((each) => ({ arn: each.arn, reason: obstacleOf(probe, each) ?? '' })),
        );
    }
    return { input: text, tasks, failures, at: this.#clock.now() };
  }

  #checkStrategy(cluster: Cluster, strategies: readonly StrategyItem[], count: number): void {
    this.#clusters.checkProviders(strategies.map(({ capacityProvider }) => capacityProvider));
    for (const { capacityProvider: name } of strategies)
      if (!isFargateProvider(name) && !cluster.capacityProviders.includes(name))
        throw new ServiceError(
          'InvalidParameterException',
          `The specified capacity provider '${name}' is not associated with the cluster.`,
        );
    const kinds = new Set(
      strategies.map(({ capacityProvider }) => isFargateProvider(capacityProvider)),
    );
    if (kinds.size > 1)
      throw new ServiceError(
        'InvalidParameterException',
        'The specified capacity provider strategy cannot contain a mix of capacity provider types.',
      );
    const waiting = this.#tasks.all.filter(
      ({ wish, lastStatus }) => wish.cluster === cluster && lastStatus === 'PROVISIONING',
    ).length;
    if (strategies.length > 0 && waiting + count > MAX_PROVISIONING)
      throw new ServiceError(
        'ClientException',
        `You've reached the limit on the number of tasks that can be in the PROVISIONING state (${MAX_PROVISIONING}).`,
      );
  }

  /** Tokens are forgotten when somebody asks for one. */
  #forgetOld(): void {
    const now = this.#clock.now();
    for (const [key, { tasks, at }] of this.#replays) {
      const lastEnd = Math.max(...tasks.map(({ times }) => times.stoppedAt ?? Infinity));
      if (now > Math.min(at + TOKEN_MS, lastEnd + TOKEN_AFTER_END_MS)) this.#replays.delete(key);
    }
  }
}

function check(input: Input, { networkMode }: TaskDefinition): void {
  if (JSON.stringify(input.overrides).length > MAX_OVERRIDES_CHARS)
    throw new ServiceError(
      'InvalidParameterException',
      `Container Overrides length must be at most ${MAX_OVERRIDES_CHARS}`,
    );
  if (input.launchType !== undefined && input.capacityProviderStrategy.length > 0)
    throw new ServiceError(
      'InvalidParameterException',
      'Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.',
    );
  const hasNetwork = input.networkConfiguration !== undefined;
  if (networkMode === 'awsvpc' && !hasNetwork)
    throw new ServiceError(
      'InvalidParameterException',
      "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
    );
  if (networkMode !== 'awsvpc' && hasNetwork)
    throw new ServiceError(
      'InvalidParameterException',
      'Network Configuration is not valid for the given networkMode of this task definition.',
    );
  if (input.launchType === 'FARGATE' && networkMode !== 'awsvpc')
    throw new ServiceError(
      'InvalidParameterException',
      'Task definition does not support launch_type FARGATE.',
    );
  for (const { type, expression } of input.placementConstraints)
    if (type === 'memberOf') parseClusterQuery(expression ?? '');
}
