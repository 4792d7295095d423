/**
 * The way of deltas into the inbox (R1): in order per work, each once, gaps filled from the store.
 *
 * I1 A gap is never skipped. The store is asked for what is missing, ever less often; after {@link Timings.gapLimitMs} in which it
 *    answered and did not have it, the work is given up, and nothing of it passes until what is missing comes after all.
 * I2 What lies beyond a gap waits in memory only up to {@link MAX_AHEAD} deltas per work. The rest is read from the store again:
 *    what is beyond a gap is durable too.
 */
import { background, isAppError } from '../errors/index.ts';
import type { Clock } from '../ports/clock.ts';
import type { StoreLease } from '../ports/state-store.ts';
import type { Delta } from '../protocol/delta.ts';
import type { Timings } from './timings.ts';

/** Deltas of one work that wait beyond a gap. */
const MAX_AHEAD = 1_000;

/** What intake needs to know of a work. */
export interface IntakeWork {
  readonly name: string;
  /** The last `seq` that reached the inbox. */
  received: number;
}

export interface IntakeParts<W extends IntakeWork> {
  readonly lease: Pick<StoreLease, 'deltasAfter'>;
  readonly clock: Clock;
  readonly timings: Pick<Timings, 'gapRetryMs' | 'gapRetryMaxMs' | 'gapLimitMs'>;
  readonly accept: (delta: Delta) => void;
  /** The delta with this `seq` cannot be had. Told once per gap. */
  readonly lost: (work: W, seq: number) => void;
}

/** What is known of a work's gap. */
interface Gap {
  readonly ahead: Map<number, Delta>;
  /** The highest `seq` that was seen. */
  highest: number;
  filling: boolean;
  /** The last `seq` before the gap that was given up. */
  givenUpAt: number | null;
}

export class Intake<W extends IntakeWork> {
  readonly #parts: IntakeParts<W>;
  readonly #gaps = new Map<W, Gap>();
  #closed = false;

  constructor(parts: IntakeParts<W>) {
    this.#parts = parts;
  }

  take(work: W, delta: Delta): void {
    if (delta.seq <= work.received) return;
    if (delta.seq === work.received + 1) {
      this.#pass(work, delta);
      // Nearly always: this is on the way of every delta.
      if (this.#gaps.size === 0) return;
      this.#drain(work);
    } else {
      const gap = this.#gapOf(work);
      gap.highest = Math.max(gap.highest, delta.seq);
      if (gap.givenUpAt !== work.received && gap.ahead.size < MAX_AHEAD)
        gap.ahead.set(delta.seq, delta);
    }
    const gap = this.#gaps.get(work);
    if (gap && !gap.filling && gap.givenUpAt !== work.received)
      background(this.#fill(work, gap), `filling a gap of ${work.name}`);
  }

  /** Takes in what the store has of a work by now; without an answer of the store, nothing. */
  async catchUp(work: W): Promise<void> {
    if (this.#closed) return;
    await this.#ask(work);
    this.#drain(work);
  }

  /** Nothing is asked for any more. */
  close(): void {
    this.#closed = true;
    this.#gaps.clear();
  }

  #pass(work: W, delta: Delta): void {
    work.received = delta.seq;
    this.#parts.accept(delta);
  }

  #drain(work: W): void {
    const gap = this.#gaps.get(work);
    if (!gap) return;
    const { ahead } = gap;
    for (let next = ahead.get(work.received + 1); next; next = ahead.get(work.received + 1))
      this.#pass(work, next);
    for (const seq of ahead.keys()) if (seq <= work.received) ahead.delete(seq);
    if (gap.highest <= work.received && !gap.filling) this.#gaps.delete(work);
  }

  async #fill(work: W, gap: Gap): Promise<void> {
    gap.filling = true;
    const { clock, timings } = this.#parts;
    let waitMs = timings.gapRetryMs;
    let since: number | null = null;
    while (!this.#closed && work.received < gap.highest) {
      const before = work.received;
      const asked = await this.#ask(work);
      this.#drain(work);
      if (work.received >= gap.highest) break;
      if (work.received > before) waitMs = timings.gapRetryMs;
      // Only time in which the store answered counts.
      if (work.received > before || !asked) since = null;
      else since ??= clock.monotonic();
      if (since !== null && clock.monotonic() - since >= timings.gapLimitMs) {
        gap.ahead.clear();
        gap.givenUpAt = work.received;
        this.#parts.lost(work, work.received + 1);
        break;
      }
      await new Promise<void>((resolve) => clock.after(waitMs, resolve));
      waitMs = Math.min(waitMs * 2, timings.gapRetryMaxMs);
    }
    gap.filling = false;
    this.#drain(work);
  }

  /** False when the store did not answer. */
  async #ask(work: W): Promise<boolean> {
    try {
      for (const delta of await this.#parts.lease.deltasAfter(work.name, work.received))
        if (delta.seq === work.received + 1) this.#pass(work, delta);
      return true;
    } catch (error) {
      // A delta that is there and cannot be read is as missing as one that is not.
      return !(isAppError(error) && error.retryable);
    }
  }

  #gapOf(work: W): Gap {
    const known = this.#gaps.get(work);
    if (known) return known;
    const gap: Gap = { ahead: new Map(), highest: 0, filling: false, givenUpAt: null };
    this.#gaps.set(work, gap);
    return gap;
  }
}
