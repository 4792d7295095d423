/** A task as ECS describes it; who changes it calls {@link Task.change}, so that its version grows. */
import type { Arns } from '../ids.ts';
import { longId } from '../ids.ts';
import { toSeconds } from '../operation.ts';
import type { Cluster } from './cluster.ts';
import type { ContainerInstance } from './container-instance.ts';
import { demandOf, gpusOf, overrideOf, type Demand, type TaskOverrides } from './demand.ts';
import type { ContainerDefinition, TaskDefinition } from './task-definitions.ts';

export type TaskStatus =
  | 'PROVISIONING'
  | 'PENDING'
  | 'ACTIVATING'
  | 'RUNNING'
  | 'DEACTIVATING'
  | 'STOPPING'
  | 'DEPROVISIONING'
  | 'STOPPED';

export interface Tag {
  readonly key: string;
  readonly value: string;
}

export interface PlacementConstraint {
  readonly type: 'distinctInstance' | 'memberOf';
  readonly expression?: string | undefined;
}

export interface PlacementStrategy {
  readonly type: 'random' | 'spread' | 'binpack';
  readonly field?: string | undefined;
}

/** What `RunTask`, or a service, asked for. */
export interface TaskWish {
  readonly cluster: Cluster;
  readonly definition: TaskDefinition;
  readonly overrides: TaskOverrides;
  /** Capacity provider; `null` with a launch type. */
  readonly capacityProvider: string | null;
  readonly launchType: 'EC2' | 'FARGATE';
  readonly startedBy: string | undefined;
  readonly group: string;
  readonly tags: readonly Tag[];
  readonly constraints: readonly PlacementConstraint[];
  readonly strategy: readonly PlacementStrategy[];
  readonly enableExecuteCommand: boolean;
}

export interface Container {
  readonly arn: string;
  readonly definition: ContainerDefinition;
  readonly command: readonly string[];
  readonly gpus: readonly string[];
  runtimeId: string | undefined;
  lastStatus: 'PENDING' | 'RUNNING' | 'STOPPED';
  exitCode: number | undefined;
  reason: string | undefined;
  /** Container ports and the host ports that stand for them. */
  ports: readonly {
    readonly containerPort: number;
    readonly hostPort: number;
    readonly protocol: string;
  }[];
}

type Times =
  | 'createdAt'
  | 'connectivityAt'
  | 'pullStartedAt'
  | 'pullStoppedAt'
  | 'startedAt'
  | 'stoppingAt'
  | 'executionStoppedAt'
  | 'stoppedAt';

export class Task {
  readonly id = longId();
  readonly arn: string;
  readonly wish: TaskWish;
  readonly demand: Demand;
  readonly zone: string;
  containers: readonly Container[];
  lastStatus: TaskStatus;
  desiredStatus: 'RUNNING' | 'STOPPED' = 'RUNNING';
  containerInstance: ContainerInstance | null = null;
  stopCode: string | undefined;
  stoppedReason: string | undefined;
  tags: readonly Tag[];
  /** Epoch milliseconds. */
  readonly times: Partial<Record<Times, number>> = {};
  #version = 0;

  constructor(arns: Arns, wish: TaskWish, zone: string, createdAt: number) {
    this.wish = wish;
    this.arn = arns.task(wish.cluster.name, this.id);
    this.demand = demandOf(wish.definition, wish.overrides);
    this.tags = wish.tags;
    this.zone = zone;
    this.lastStatus =
      wish.capacityProvider === null && wish.launchType === 'EC2' ? 'PENDING' : 'PROVISIONING';
    this.times.createdAt = createdAt;
    this.containers = wish.definition.containerDefinitions.map((definition) => {
      const override = overrideOf(wish.overrides, definition.name);
      return {
        arn: arns.container(wish.cluster.name, this.id, longId()),
        definition,
        command: [...definition.entryPoint, ...(override?.command ?? definition.command)],
        gpus: [],
        runtimeId: undefined,
        lastStatus: 'PENDING',
        exitCode: undefined,
        reason: undefined,
        ports: [],
      };
    });
    this.#version = 1;
  }

  get gpus(): readonly string[] {
    return this.containers.flatMap(({ gpus }) => gpus);
  }

  get isFargate(): boolean {
    return this.wish.launchType === 'FARGATE';
  }

  get version(): number {
    return this.#version;
  }

  change(apply: () => void): void {
    apply();
    this.#version += 1;
  }

  /** Gives it a place on an instance, and its GPUs. */
  place(instance: ContainerInstance): void {
    const free = [...instance.remaining.freeGpus];
    this.change(() => {
      this.containerInstance = instance;
      this.containers = this.containers.map((container) => ({
        ...container,
        gpus: free.splice(0, gpusOf(container.definition, this.wish.overrides)),
      }));
    });
    instance.assign(this);
  }

  /** As `DescribeTasks` and `RunTask` give it. */
  describe(withTags: boolean): object {
    const { wish, times } = this;
    const seconds = Object.fromEntries(
      Object.entries(times).map(([name, ms]: [string, number]) => [name, toSeconds(ms)]),
    );
    return {
      taskArn: this.arn,
      clusterArn: wish.cluster.arn,
      taskDefinitionArn: wish.definition.taskDefinitionArn,
      lastStatus: this.lastStatus,
      desiredStatus: this.desiredStatus,
      version: this.#version,
      group: wish.group,
      startedBy: wish.startedBy,
      launchType: wish.launchType,
      capacityProviderName: wish.capacityProvider ?? undefined,
      containerInstanceArn: this.containerInstance?.arn,
      availabilityZone: this.containerInstance?.instance.subnet.zone ?? this.zone,
      cpu: String(this.demand.cpuUnits),
      memory: String(this.demand.memoryMiB),
      connectivity: times.connectivityAt === undefined ? undefined : 'CONNECTED',
      healthStatus: 'UNKNOWN',
      enableExecuteCommand: wish.enableExecuteCommand,
      overrides: { inferenceAcceleratorOverrides: [], ...wish.overrides },
      attributes: [{ name: 'ecs.cpu-architecture', value: 'x86_64' }],
      attachments: [],
      inferenceAccelerators: [],
      containers: this.containers.map((container) => this.#describe(container)),
      stopCode: this.stopCode,
      stoppedReason: this.stoppedReason,
      ...seconds,
      tags: withTags ? this.tags : [],
    };
  }

  #describe(container: Container): object {
    const { arn, definition, runtimeId, lastStatus, exitCode, reason, gpus, ports } = container;
    const bindings = ports.map((port) => ({ ...port, bindIP: '0.0.0.0' }));
    return {
      containerArn: arn,
      taskArn: this.arn,
      name: definition.name,
      image: definition.image,
      runtimeId,
      lastStatus,
      exitCode,
      reason,
      networkBindings: lastStatus === 'PENDING' ? [] : bindings,
      networkInterfaces: [],
      healthStatus: 'UNKNOWN',
      cpu: String(overrideOf(this.wish.overrides, definition.name)?.cpu ?? definition.cpu),
      memory: definition.memory === undefined ? undefined : String(definition.memory),
      memoryReservation:
        definition.memoryReservation === undefined
          ? undefined
          : String(definition.memoryReservation),
      gpuIds: gpus,
    };
  }
}
