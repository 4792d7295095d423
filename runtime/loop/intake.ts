/**
 * The way of deltas into the inbox (R1): in order per work, each once, gaps filled from the store.
 */
import { background } from '../errors/index.ts';
import type { Delta } from '../protocol/delta.ts';
import type { StoreLease } from '../ports/state-store.ts';

/** What intake needs to know of a work. */
export interface IntakeWork {
  readonly name: string;
  /** The last `seq` that reached the inbox. */
  received: number;
}

export class Intake {
  readonly #lease: Pick<StoreLease, 'deltasAfter'>;
  readonly #accept: (delta: Delta) => void;
  /** Deltas above a gap, by work and seq. */
  readonly #ahead = new Map<string, Map<number, Delta>>();
  readonly #filling = new Set<string>();

  constructor(lease: Pick<StoreLease, 'deltasAfter'>, accept: (delta: Delta) => void) {
    this.#lease = lease;
    this.#accept = accept;
  }

  take(work: IntakeWork, delta: Delta): void {
    if (delta.seq <= work.received) return;
    if (delta.seq > work.received + 1) {
      this.#aheadOf(work.name).set(delta.seq, delta);
      background(this.#fill(work), `filling a gap of ${work.name}`);
      return;
    }
    this.#pass(work, delta);
    this.#drain(work);
  }

  #pass(work: IntakeWork, delta: Delta): void {
    work.received = delta.seq;
    this.#accept(delta);
  }

  #drain(work: IntakeWork): void {
    const ahead = this.#ahead.get(work.name);
    if (!ahead) return;
    for (let next = ahead.get(work.received + 1); next; next = ahead.get(work.received + 1))
      this.#pass(work, next);
    for (const seq of ahead.keys()) if (seq <= work.received) ahead.delete(seq);
    if (ahead.size === 0) this.#ahead.delete(work.name);
  }

  async #fill(work: IntakeWork): Promise<void> {
    if (this.#filling.has(work.name)) return;
    this.#filling.add(work.name);
    try {
      const missing = await this.#lease.deltasAfter(work.name, work.received);
      for (const delta of missing) {
        if (delta.seq === work.received + 1) this.#pass(work, delta);
      }
      this.#drain(work);
    } finally {
      this.#filling.delete(work.name);
    }
  }

  #aheadOf(work: string): Map<number, Delta> {
    let ahead = this.#ahead.get(work);
    if (!ahead) this.#ahead.set(work, (ahead = new Map()));
    return ahead;
  }
}
