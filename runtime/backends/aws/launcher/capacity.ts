/**
 * Which machine a run gets: a pure function of what is seen.
 *
 * K1 A machine that may be used is used before another one is started.
 * K2 Works of one owner never start two machines at a time: the second decides when the first is known.
 * K3 Pools are tried in their order, each in all subnets, before it is waited.
 */
import type { CapacityPool } from '../contract.ts';
import { NOBODY, SHARED, type MachineRow } from './rows.ts';
import type { Pending } from './task-status.ts';

/** What a task needs, or a machine has. */
export interface Room {
  readonly cpuUnits: number;
  readonly memoryMiB: number;
  readonly gpus: number;
}

/** A machine as the decision sees it. */
export interface MachineSight {
  readonly row: Pick<MachineRow, 'instanceId' | 'owner' | 'state'>;
  /** What is free, with the tasks that are on their way to it counted. */
  readonly free: Room;
  /** All that it has. */
  readonly total: Room;
  /** Nothing may be placed on it now. */
  readonly closed: boolean;
  /** No run is on it or on its way to it. */
  readonly empty: boolean;
}

/** One pool in one subnet. */
export interface Place {
  readonly pool: CapacityPool;
  readonly subnet: string;
}

export interface CapacityView {
  readonly owner: string;
  readonly need: Room;
  /** Of the run's kind of hardware. */
  readonly machines: readonly MachineSight[];
  readonly places: readonly Place[];
  /** Next place to try. */
  readonly index: number;
  /** Places that are known to be useless in this round: the group is full, or its quota is used up. */
  readonly useless: (place: Place) => boolean;
  /** Another run of the same owner is starting a machine. */
  readonly othersStart: boolean;
}

export type CapacityDecision =
  | { readonly do: 'use'; readonly instanceId: string }
  | { readonly do: 'wait'; readonly pending: Pending }
  | { readonly do: 'start'; readonly place: Place; readonly index: number }
  /** Every place was tried. */
  | { readonly do: 'later' }
  | { readonly do: 'refuse'; readonly pending: Pending };

/** Pools in their order, each in all subnets. */
export function placesOf(pools: readonly CapacityPool[], subnets: readonly string[]): Place[] {
  return pools.flatMap((pool) => subnets.map((subnet) => ({ pool, subnet })));
}

export function decideCapacity(view: CapacityView): CapacityDecision {
  const usable = view.machines.filter(({ row, closed }) => isUsable(row, view.owner) && !closed);
  const fitting = usable.filter(({ free }) => fits(view.need, free));
  const [best] = fitting.toSorted((a, b) => rank(a, view.owner) - rank(b, view.owner));
  if (best) return { do: 'use', instanceId: best.row.instanceId };

  const tooSmall = usable.find(
    ({ row, empty, total }) => row.state === 'ready' && empty && !fits(view.need, total),
  );
  if (tooSmall) return { do: 'refuse', pending: tooLarge(view.need, tooSmall) };
  const own = usable.find(({ row }) => row.owner === view.owner);
  if (own && view.owner !== SHARED) {
    const message = `${own.row.instanceId} has no room yet: ${describeLack(view.need, own.free)}`;
    return { do: 'wait', pending: { reason: 'capacity', message } };
  }
  if (view.othersStart) {
    const message = 'a machine is being started that it can share';
    return { do: 'wait', pending: { reason: 'capacity', message } };
  }
  for (let { index } = view; index < view.places.length; index += 1) {
    const place = view.places[index];
    if (place && !view.useless(place)) return { do: 'start', place, index };
  }
  return { do: 'later' };
}

function isUsable({ owner, state }: MachineSight['row'], wanted: string): boolean {
  return (state === 'booting' || state === 'ready') && (owner === wanted || owner === NOBODY);
}

/** Ready before booting, own before nobody's. */
function rank({ row }: MachineSight, owner: string): number {
  return (row.state === 'ready' ? 0 : 2) + (row.owner === owner ? 0 : 1);
}

export function fits(need: Room, room: Room): boolean {
  return (
    need.cpuUnits <= room.cpuUnits && need.memoryMiB <= room.memoryMiB && need.gpus <= room.gpus
  );
}

export function without(room: Room, taken: Room): Room {
  return {
    cpuUnits: room.cpuUnits - taken.cpuUnits,
    memoryMiB: room.memoryMiB - taken.memoryMiB,
    gpus: room.gpus - taken.gpus,
  };
}

function tooLarge(need: Room, { row, total }: MachineSight): Pending {
  const lack = describeLack(need, total);
  return {
    reason: 'too large',
    message: `it does not fit on an empty ${row.instanceId}: ${lack}; choose a larger cloudCompute`,
  };
}

function describeLack(need: Room, room: Room): string {
  const lacks = [
    need.cpuUnits > room.cpuUnits && `${need.cpuUnits} CPU units of ${room.cpuUnits}`,
    need.memoryMiB > room.memoryMiB && `${need.memoryMiB} MiB of ${room.memoryMiB}`,
    need.gpus > room.gpus && `${need.gpus} GPUs of ${room.gpus}`,
  ];
  return `it needs ${lacks.filter((lack) => lack !== false).join(', ')}`;
}
