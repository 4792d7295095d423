/**
 * Managed scaling of capacity providers: the slow safety net below a flow that drives its capacity itself.
 *
 * M1 The reservation is the instances that are needed per instances that there are. From zero ECS publishes 200 %, so two
 *    instances start for one task; later as many as are missing, within the step sizes, when all have warmed up.
 * M2 An instance ends only when there was too much for fifteen looks in a row and fifteen minutes after the last start; at most
 *    half of a group goes at once, only instances without tasks, and ECS takes its own protection off them.
 */
import type { ClockTimer } from '../../../../ports/clock.ts';
import type { EmulatorContext } from '../context.ts';
import type { Group } from '../ec2/group.ts';
import type { Groups } from '../ec2/groups.ts';
import { registeredMemoryMiB } from '../../../../hardware/instance-sizes.ts';
import { CPU_UNITS, type InstanceType } from '../ec2/instance-types.ts';
import type { CapacityProvider } from './cluster.ts';
import type { Clusters } from './clusters.ts';
import type { Demand } from './demand.ts';
import type { Tasks } from './tasks.ts';

/** What ECS starts for the first task. */
const FROM_ZERO = 2;
/** Part of a group that may go at once. */
const MAX_SHARE = 0.5;

interface Watch {
  /** Monotonic milliseconds since which there is too much. */
  tooMuchSince: number | null;
  scaledOutAt: number;
}

export class ManagedScaling {
  readonly #context: EmulatorContext;
  readonly #clusters: Clusters;
  readonly #groups: Groups;
  readonly #tasks: Tasks;
  readonly #watches = new Map<string, Watch>();
  #timer: ClockTimer | null = null;

  constructor(context: EmulatorContext, clusters: Clusters, groups: Groups, tasks: Tasks) {
    this.#context = context;
    this.#clusters = clusters;
    this.#groups = groups;
    this.#tasks = tasks;
  }

  open(): void {
    this.#timer = this.#context.clock.after(this.#context.timings.metricMs, () => {
      this.look();
      this.open();
    });
  }

  close(): void {
    this.#timer?.cancel();
  }

  /** Compares what is needed with what there is, once, for every provider. */
  look(): void {
    for (const provider of this.#clusters.providers) {
      const group = this.#groups.find(provider.group);
      if (provider.managedScaling.status === 'ENABLED' && group !== undefined)
        this.#balance(provider, group);
    }
  }

  #balance(provider: CapacityProvider, group: Group): void {
    const watch = this.#watchOf(provider);
    const needed = this.#needed(provider, group);
    const present = this.#groups.members(group).length;
    if (needed > present) {
      watch.tooMuchSince = null;
      this.#scaleOut(provider, group, present === 0 ? Math.max(needed, FROM_ZERO) : needed, watch);
    } else if (needed < present) this.#scaleIn(provider, group, present - needed, watch);
    else watch.tooMuchSince = null;
  }

  #scaleOut(provider: CapacityProvider, group: Group, wanted: number, watch: Watch): void {
    const { clock } = this.#context;
    const {
      minimumScalingStepSize: min,
      maximumScalingStepSize: max,
      instanceWarmupPeriod,
    } = provider.managedScaling;
    const members = this.#groups.members(group);
    const warmMs = instanceWarmupPeriod * 1_000;
    if (members.some(({ launchedAt }) => clock.now() - launchedAt < warmMs)) return;
    const step = Math.min(
      Math.max(wanted - members.length, min),
      Math.max(max, members.length === 0 ? FROM_ZERO : 0),
    );
    watch.scaledOutAt = clock.monotonic();
    this.#groups.setDesired(group, Math.min(members.length + step, group.maxSize));
  }

  #scaleIn(provider: CapacityProvider, group: Group, surplus: number, watch: Watch): void {
    const { clock, timings } = this.#context;
    const now = clock.monotonic();
    watch.tooMuchSince ??= now;
    const isTime =
      now - watch.tooMuchSince >= timings.scaleInMs && now - watch.scaledOutAt >= timings.scaleInMs;
    if (!isTime) return;
    const members = this.#groups.members(group);
    const empty = members.filter(
      (instance) => (this.#clusters.ofInstance(instance)?.tasks.length ?? 0) === 0,
    );
    const most = Math.max(1, Math.floor(members.length * MAX_SHARE));
    const victims = empty.slice(0, Math.min(surplus, most));
    if (provider.managedTerminationProtection === 'ENABLED')
      for (const { id } of victims) group.guarded.delete(id);
    const free = members.filter(({ id }) => !group.guarded.has(id));
    const ending = free.filter((instance) => victims.includes(instance));
    if (ending.length === 0) return;
    watch.tooMuchSince = null;
    for (const instance of ending)
      this.#groups.terminate(group, instance, group.desired > group.minSize);
  }

  /** Instances with tasks, and those that the waiting tasks would fill; a task that fits on none of the types counts for nothing. */
  #needed(provider: CapacityProvider, group: Group): number {
    const used = this.#clusters.all
      .flatMap(({ instances }) => instances)
      .filter((each) => each.capacityProvider === provider.name && each.tasks.length > 0).length;
    const smallest = smallestOf(group.types);
    const waiting = this.#tasks
      .waitingFor(provider.name)
      .map(({ demand }) => demand)
      .filter((demand) => smallest !== undefined && shareOf(demand, smallest) <= 1);
    const shares = waiting.reduce((sum, demand) => sum + shareOf(demand, smallest), 0);
    return used + Math.ceil(shares);
  }

  #watchOf({ name }: CapacityProvider): Watch {
    const found = this.#watches.get(name);
    if (found !== undefined) return found;
    const watch = { tooMuchSince: null, scaledOutAt: -Infinity };
    this.#watches.set(name, watch);
    return watch;
  }
}

function smallestOf(types: readonly InstanceType[]): InstanceType | undefined {
  return types.toSorted((a, b) => a.memoryMiB - b.memoryMiB)[0];
}

/** Part of an instance that a task fills. */
function shareOf({ cpuUnits, memoryMiB, gpus }: Demand, type: InstanceType | undefined): number {
  if (type === undefined) return Infinity;
  const gpuShare = gpus === 0 ? 0 : gpus / type.gpus;
  return Math.max(
    cpuUnits / (type.vcpus * CPU_UNITS),
    memoryMiB / registeredMemoryMiB(type),
    gpuShare,
  );
}
