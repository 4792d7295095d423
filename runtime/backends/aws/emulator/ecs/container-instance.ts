import { registeredMemoryMiB } from '../../../../hardware/instance-sizes.ts';
import { CPU_UNITS } from '../ec2/instance-types.ts';
import type { Instance } from '../ec2/instances.ts';
import { toSeconds } from '../operation.ts';
import type { Task } from './task.ts';
import type { Demand } from './demand.ts';

/** An instance as a cluster sees it: what its agent registered, and what is left of it. */
export class ContainerInstance {
  readonly arn: string;
  readonly instance: Instance;
  readonly capacityProvider: string;
  /** Identities of its GPUs. */
  readonly gpus: readonly string[];
  readonly #registeredAt: number;
  readonly #tasks = new Set<Task>();
  #status: 'ACTIVE' | 'DRAINING' = 'ACTIVE';
  #agentConnected = true;
  #version = 1;

  constructor(arn: string, instance: Instance, capacityProvider: string, registeredAt: number) {
    this.arn = arn;
    this.instance = instance;
    this.capacityProvider = capacityProvider;
    this.#registeredAt = registeredAt;
    this.gpus = Array.from(
      { length: instance.type.gpus },
      (_, index) => `GPU-${instance.id.slice(-12)}-${index}`,
    );
  }

  get status(): 'ACTIVE' | 'DRAINING' {
    return this.#status;
  }

  set status(status: 'ACTIVE' | 'DRAINING') {
    this.#status = status;
    this.#version += 1;
  }

  get agentConnected(): boolean {
    return this.#agentConnected;
  }

  set agentConnected(connected: boolean) {
    this.#agentConnected = connected;
    this.#version += 1;
  }

  /** Tasks that hold something of it, whether they run yet or not. */
  get tasks(): readonly Task[] {
    return [...this.#tasks];
  }

  get runningTasks(): number {
    return this.tasks.filter(({ lastStatus }) => lastStatus === 'RUNNING').length;
  }

  get pendingTasks(): number {
    return this.tasks.filter(({ lastStatus }) => ['PENDING', 'ACTIVATING'].includes(lastStatus))
      .length;
  }

  assign(task: Task): void {
    this.#tasks.add(task);
    this.#version += 1;
  }

  free(task: Task): void {
    if (this.#tasks.delete(task)) this.#version += 1;
  }

  /** What tasks could still have. */
  get remaining(): Demand & { readonly freeGpus: readonly string[] } {
    const taken = this.tasks.map(({ demand }) => demand);
    const usedGpus = new Set(this.tasks.flatMap(({ gpus }) => gpus));
    const { type } = this.instance;
    return {
      cpuUnits: type.vcpus * CPU_UNITS - sum(taken.map(({ cpuUnits }) => cpuUnits)),
      memoryMiB: registeredMemoryMiB(type) - sum(taken.map(({ memoryMiB }) => memoryMiB)),
      gpus: this.gpus.length - usedGpus.size,
      freeGpus: this.gpus.filter((gpu) => !usedGpus.has(gpu)),
      hostPorts: taken.flatMap(({ hostPorts }) => hostPorts),
    };
  }

  /** As attributes of a placement constraint or a filter see it. */
  attribute(name: string): string | undefined {
    const { type, subnet, id } = this.instance;
    const known: Readonly<Record<string, string>> = {
      'ecs.instance-type': type.name,
      'ecs.availability-zone': subnet.zone,
      'ecs.subnet-id': subnet.id,
      'ecs.os-type': 'linux',
      'ecs.cpu-architecture': 'x86_64',
      'ecs.capability.docker-remote-api.1.44': '',
      ec2InstanceId: id,
    };
    return known[name];
  }

  /** As `DescribeContainerInstances` gives it. */
  describe(): object {
    const { type, id, subnet } = this.instance;
    const { remaining } = this;
    return {
      containerInstanceArn: this.arn,
      ec2InstanceId: id,
      capacityProviderName: this.capacityProvider,
      version: this.#version,
      versionInfo: { agentVersion: '1.99.0', dockerVersion: 'DockerVersion: 25.0.8' },
      remainingResources: resources(
        remaining.cpuUnits,
        remaining.memoryMiB,
        remaining.hostPorts,
        remaining.freeGpus,
      ),
      registeredResources: resources(
        type.vcpus * CPU_UNITS,
        registeredMemoryMiB(type),
        [],
        this.gpus,
      ),
      status: this.#status,
      agentConnected: this.#agentConnected,
      runningTasksCount: this.runningTasks,
      pendingTasksCount: this.pendingTasks,
      attributes: [
        { name: 'ecs.instance-type', value: type.name },
        { name: 'ecs.availability-zone', value: subnet.zone },
        { name: 'ecs.subnet-id', value: subnet.id },
        { name: 'ecs.os-type', value: 'linux' },
      ],
      registeredAt: toSeconds(this.#registeredAt),
      attachments: [],
      tags: [],
    };
  }
}

/** Ports that the agent itself uses. */
const AGENT_PORTS = ['22', '2375', '2376', '51678', '51679'];

function resources(
  cpuUnits: number,
  memoryMiB: number,
  hostPorts: readonly number[],
  gpus: readonly string[],
): object[] {
  const none = { doubleValue: 0, longValue: 0, integerValue: 0 };
  const ports = [...AGENT_PORTS, ...hostPorts.map(String)];
  return [
    { ...none, name: 'CPU', type: 'INTEGER', integerValue: cpuUnits },
    { ...none, name: 'MEMORY', type: 'INTEGER', integerValue: memoryMiB },
    { ...none, name: 'PORTS', type: 'STRINGSET', stringSetValue: ports },
    ...(gpus.length === 0
      ? []
      : [{ ...none, name: 'GPU', type: 'STRINGSET', stringSetValue: gpus }]),
  ];
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
