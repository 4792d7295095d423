/** Faults that stand: asked at the places where AWS may fail, used up as they are asked for. */
import type { FaultKind, FaultOf, StandingFault } from './fault-schema.ts';
import type { QuotaFamily } from './ec2/instance-types.ts';

/** vCPUs of each family and market that may run at once, unless a fault says otherwise. */
const DEFAULT_QUOTA_VCPUS = 1_000;

interface Entry {
  readonly id: string;
  readonly fault: StandingFault;
  left: number;
}

export class Faults {
  readonly #entries = new Map<string, Entry>();
  readonly #random: () => number;
  #number = 0;

  /** @param seed of the decisions by probability, so that a run can be repeated. */
  constructor(seed: number) {
    this.#random = randomOf(seed);
  }

  /** Faults that stand, oldest first. */
  get standing(): readonly { readonly id: string; readonly fault: StandingFault }[] {
    return [...this.#entries.values()].map(({ id, fault }) => ({ id, fault }));
  }

  add(fault: StandingFault): string {
    this.#number += 1;
    const id = `fault-${this.#number}`;
    const left = 'count' in fault ? (fault.count ?? Infinity) : Infinity;
    this.#entries.set(id, { id, fault, left });
    return id;
  }

  /** Takes one away, or all. */
  clear(id?: string): void {
    if (id === undefined) this.#entries.clear();
    else this.#entries.delete(id);
  }

  /** The first fault of a kind that applies here, used up by one; `null` when nothing goes wrong. */
  take<K extends FaultKind>(kind: K, applies: (fault: FaultOf<K>) => boolean): FaultOf<K> | null {
    for (const entry of this.#entries.values()) {
      const { fault } = entry;
      if (!isOf(fault, kind) || !applies(fault)) continue;
      const probability = 'probability' in fault ? (fault.probability ?? 1) : 1;
      if (probability < 1 && this.#random() >= probability) continue;
      entry.left -= 1;
      if (entry.left <= 0) this.#entries.delete(entry.id);
      return fault;
    }
    return null;
  }

  /** Like {@link take} for faults of operations. */
  takeFor<K extends 'error' | 'throttle' | 'lost-answer' | 'delay'>(
    kind: K,
    service: string,
    operation: string,
  ): FaultOf<K> | null {
    const names = new Set(['*', `${service}:*`, `${service}:${operation}`]);
    return this.take(kind, (fault) => 'operation' in fault && names.has(fault.operation));
  }

  /** The newest one counts. */
  quotaVcpus(family: QuotaFamily, market: 'on-demand' | 'spot'): number {
    const set = [...this.#entries.values()].findLast(
      ({ fault }) =>
        fault.kind === 'quota' &&
        fault.family === family &&
        (fault.market === undefined || fault.market === market),
    );
    return set?.fault.kind === 'quota' ? set.fault.vcpus : DEFAULT_QUOTA_VCPUS;
  }
}

function isOf<K extends FaultKind>(fault: StandingFault, kind: K): fault is FaultOf<K> {
  return fault.kind === kind;
}

/** A small generator (mulberry32): good enough for dice, and the same for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
