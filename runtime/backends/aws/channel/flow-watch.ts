/**
 * The dead-man switch: tells when a work's flow must be taken for lost, by the lease that the flow renews.
 *
 * F1 Only the work's own clock counts, and only time in which the lease was read and had not moved: an outage of DynamoDB, or a
 *    machine that was suspended, adds at most two looks to it. One renewal, or another flow's lease, starts the count again.
 * F2 When nothing can be read for {@link WorkTimings.isolatedMs}, far longer, nobody could stop this work and nothing that it does
 *    is recorded: then it is lost too.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { background } from '../../../errors/index.ts';
import type { WorkTimings } from './work-timings.ts';

export interface FlowWatchOptions {
  /** What stands in the lease: any text that changes when it is renewed or taken. */
  readonly read: (signal: AbortSignal) => Promise<string>;
  readonly timings: Pick<WorkTimings, 'leasePollMs' | 'flowLostMs' | 'isolatedMs'>;
  /** Told once. */
  readonly lost: (why: 'lease' | 'unreachable', forMs: number) => void;
  readonly failing: (error: unknown) => void;
  /** Milliseconds that never go back. @default performance.now */
  readonly now?: () => number;
}

export class FlowWatch {
  readonly #options: FlowWatchOptions;
  readonly #now: () => number;
  readonly #closing = new AbortController();
  #seen: string | null = null;
  #readAt: number;
  #stillMs = 0;

  constructor(options: FlowWatchOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#readAt = this.#now();
  }

  start(): void {
    background(this.#watch(), 'watching the lease of the flow');
  }

  close(): void {
    this.#closing.abort();
  }

  async #watch(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      await delay(this.#options.timings.leasePollMs, undefined, { signal }).catch(() => undefined);
      if (!signal.aborted) await this.look();
    }
  }

  /** Looks once. */
  async look(): Promise<void> {
    const { read, timings, failing } = this.#options;
    try {
      const lease = await read(this.#closing.signal);
      if (!this.#closing.signal.aborted) this.#found(lease);
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      failing(error);
      const forMs = this.#now() - this.#readAt;
      if (forMs >= timings.isolatedMs) this.#lost('unreachable', forMs);
    }
  }

  #found(lease: string): void {
    const { leasePollMs, flowLostMs } = this.#options.timings;
    const now = this.#now();
    if (lease !== this.#seen) this.#stillMs = 0;
    else this.#stillMs += Math.min(now - this.#readAt, 2 * leasePollMs);
    this.#seen = lease;
    this.#readAt = now;
    if (this.#stillMs >= flowLostMs) this.#lost('lease', this.#stillMs);
  }

  #lost(why: 'lease' | 'unreachable', forMs: number): void {
    this.close();
    this.#options.lost(why, forMs);
  }
}
