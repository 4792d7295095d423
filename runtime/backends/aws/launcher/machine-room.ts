/** How much of a machine is left for tasks. */
import type { ContainerInstance } from '@aws-sdk/client-ecs';
import type { Machine, Run } from './book.ts';
import { without, type MachineSight, type Room } from './capacity.ts';
import type { LauncherParts } from './parts.ts';
import type { MachineRow } from './rows.ts';

/** Part of a machine's memory that its system and the agent leave to tasks, as long as ECS has not told it. */
const MEMORY_SHARE = 0.92;
const UNITS_PER_VCPU = 1_024;

/** A machine as the decision about capacity sees it; `except` counts as not being there. */
export function sightOf(
  { book, deployment, sight }: LauncherParts,
  { row }: Machine,
  except?: Run,
): MachineSight {
  const container = sight.containers.get(row.instanceId);
  const runs = book.runsOn(row.instanceId);
  // Tasks that ECS has placed are no longer in what it says is left.
  const onTheirWay = runs.filter(
    (run) =>
      run !== except &&
      (container === undefined || !(run.row.taskArn !== null && sight.placed.has(run.row.taskArn))),
  );
  const total = container
    ? toRoom(container.registeredResources)
    : estimate(deployment.hardware[row.hardware]);
  const left = container ? leftOf(container, row.state) : total;
  const tasks = (container?.runningTasksCount ?? 0) + (container?.pendingTasksCount ?? 0);
  return {
    row,
    total,
    free: onTheirWay.reduce((room, run) => without(room, run.row), left),
    closed: row.state === 'ready' && container?.status !== 'ACTIVE',
    empty: tasks === 0 && runs.every((run) => run === except),
  };
}

/** Whether tasks can be placed on it now. */
export function isOpen({ status, agentConnected }: ContainerInstance): boolean {
  return status === 'ACTIVE' && agentConnected === true;
}

/** A machine whose agent is not connected takes no task now, yet it may come back. */
function leftOf(container: ContainerInstance, state: MachineRow['state']): Room {
  const deaf = state === 'ready' && container.agentConnected !== true;
  return deaf ? toRoom() : toRoom(container.remainingResources);
}

function toRoom(resources: ContainerInstance['remainingResources'] = []): Room {
  const value = (name: string) => resources.find((resource) => resource.name === name);
  return {
    cpuUnits: value('CPU')?.integerValue ?? 0,
    memoryMiB: value('MEMORY')?.integerValue ?? 0,
    gpus: value('GPU')?.stringSetValue?.length ?? 0,
  };
}

function estimate(hardware?: { vcpus: number; memoryMiB: number; gpus: number }): Room {
  if (!hardware) return { cpuUnits: 0, memoryMiB: 0, gpus: 0 };
  return {
    cpuUnits: hardware.vcpus * UNITS_PER_VCPU,
    memoryMiB: Math.floor(hardware.memoryMiB * MEMORY_SHARE),
    gpus: hardware.gpus,
  };
}
