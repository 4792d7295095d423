/** Where a task may run: instances of its provider that are up, have what it needs and meet its constraints. */
import { parseClusterQuery } from './cluster-query.ts';
import type { ContainerInstance } from './container-instance.ts';
import type { PlacementStrategy, Task } from './task.ts';

/** Why an instance is out of the question, in the words of `failures[].reason`. */
export function obstacleOf(task: Task, instance: ContainerInstance): string | null {
  const { demand, wish } = task;
  if (instance.status !== 'ACTIVE') return 'INACTIVE';
  if (!instance.agentConnected) return 'AGENT';
  if (wish.capacityProvider !== null && instance.capacityProvider !== wish.capacityProvider)
    return 'LOCATION';
  for (const { type, expression = '' } of wish.constraints) {
    if (type === 'memberOf' && !parseClusterQuery(expression)(instance))
      return 'MemberOf placement constraint unsatisfied.';
    if (
      type === 'distinctInstance' &&
      instance.tasks.some((each) => each.wish.group === wish.group)
    )
      return 'DistinctInstance placement constraint unsatisfied.';
  }
  const { remaining } = instance;
  if (demand.gpus > remaining.gpus) return 'RESOURCE:GPU';
  if (demand.cpuUnits > remaining.cpuUnits) return 'RESOURCE:CPU';
  if (demand.memoryMiB > remaining.memoryMiB) return 'RESOURCE:MEMORY';
  if (demand.hostPorts.some((port) => remaining.hostPorts.includes(port))) return 'RESOURCE:PORTS';
  return null;
}

/** The best of the instances that would do; `null` when none does. */
export function choose(task: Task): ContainerInstance | null {
  const fitting = task.wish.cluster.instances.filter(
    (instance) => obstacleOf(task, instance) === null,
  );
  const order = task.wish.strategy
    .toReversed()
    .reduce(
      (sorted, strategy) => sorted.toSorted((a, b) => scoreOf(strategy, a) - scoreOf(strategy, b)),
      fitting,
    );
  return order[0] ?? null;
}

/** Lower is better. */
function scoreOf({ type, field }: PlacementStrategy, instance: ContainerInstance): number {
  const { remaining } = instance;
  if (type === 'binpack')
    return field?.toLowerCase() === 'cpu' ? remaining.cpuUnits : remaining.memoryMiB;
  if (type === 'spread') return instance.tasks.length;
  return 0;
}
