/**
 * Who may act for an app (R4).
 *
 * E1 A lease is taken when nobody has it, when it was given back, or when its `beat` stayed the same for `lapseMs` on the
 *    taker's own clock, and only if it still is as it was seen then.
 * E2 A holder that has not renewed for `lossMs` (less than `lapseMs`, counted from when the last successful renewal was *sent*)
 *    does nothing before it has: {@link Lease.confirm}. One that was only stopped for a while renews and goes on; one that
 *    cannot, or finds another holder, has lost the lease for good.
 * E3 Clocks are for liveness. That a holder which does not know yet that it lost cannot commit is the log's doing, not theirs
 *    (`turn-log.ts`).
 */
import { randomUUID } from 'node:crypto';
import { appError, background, type AppError } from '../../../errors/index.ts';
import type { Clock, ClockTimer } from '../../../ports/clock.ts';
import { STORE_VERSION } from '../../../protocol/version.ts';
import { toStoreError } from './dynamo-errors.ts';
import {
  freeLease,
  readLeaseItem,
  renewLease,
  takeLease,
  type LeaseItem,
  type LeasePlace,
} from './lease-item.ts';
import type { StoreTimings } from './store-timings.ts';
import { pause } from './waiting.ts';

/** What a waiting `open` tells. */
export interface LeaseWait {
  readonly app: string;
  readonly waitedMs: number;
  /** False until its beat was seen to change. */
  readonly holderLives: boolean;
}

export interface LeaseOptions extends LeasePlace {
  readonly clock: Clock;
  readonly timings: StoreTimings;
  /** How long the end of a living holder is awaited; 0 refuses as soon as it is seen to live. */
  readonly waitMs: number;
  readonly onWaiting: (wait: LeaseWait) => void;
  readonly onLost: (error: AppError) => void;
}

/**
 * Takes the lease of an app.
 *
 * @throws `STORE_LOCKED`, `STORE_VERSION_UNKNOWN`, `STORE_UNREACHABLE`
 */
export async function acquireLease(options: LeaseOptions): Promise<Lease> {
  const { clock, timings, app, table } = options;
  const where = `DynamoDB table ${table}`;
  const owner = randomUUID();
  const startedAt = clock.monotonic();
  let seen: { readonly item: LeaseItem; readonly at: number } | null = null;
  let holderLives = false;
  try {
    for (;;) {
      const askedAt = clock.monotonic();
      const item = await readLeaseItem(options);
      const known = item?.storeVersion ?? 0;
      if (known > STORE_VERSION) {
        throw appError('STORE_VERSION_UNKNOWN', { where, version: known, known: STORE_VERSION });
      }
      const isSame =
        item !== null && seen?.item.token === item.token && seen.item.beat === item.beat;
      // A renewal before this read was asked for would show in it.
      const isLapsed = isSame && seen !== null && askedAt - seen.at >= timings.lapseMs;
      if (item === null || item.free || isLapsed) {
        const sentAt = clock.monotonic();
        const fence = await takeLease(options, owner, STORE_VERSION, item);
        if (fence !== null) return new Lease(options, fence, sentAt);
        continue;
      }
      if (!isSame) {
        holderLives = seen !== null;
        seen = { item, at: clock.monotonic() };
      }
      const waitedMs = clock.monotonic() - startedAt;
      if (holderLives && !isSame && waitedMs >= options.waitMs) {
        const advice =
          'wait until the other flow has ended, or end it: only one flow of an app may act';
        throw appError('STORE_LOCKED', { app, where, advice });
      }
      options.onWaiting({ app, waitedMs, holderLives });
      await pause(clock, timings.lookMs);
    }
  } catch (error) {
    throw toStoreError(error, table);
  }
}

/** A held lease; renews itself until released or lost. */
export class Lease {
  /** Fences what is written under this lease. */
  readonly fence: number;
  readonly #options: LeaseOptions;
  readonly #lost = new AbortController();
  /** When the renewal that succeeded last was sent, on our clock. */
  #confirmedAt: number;
  #timer: ClockTimer | null = null;
  #renewal: Promise<void> | null = null;
  #isReleased = false;
  #lostBecause: AppError | null = null;

  /** @internal Use {@link acquireLease}. */
  constructor(options: LeaseOptions, fence: number, sentAt: number) {
    this.#options = options;
    this.fence = fence;
    this.#confirmedAt = sentAt;
    this.#schedule(options.timings.renewMs);
  }

  /** Aborted once the lease is lost. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Why it was lost. */
  get lostBecause(): AppError {
    return this.#lostBecause ?? appError('STORE_CONFLICT', { app: this.#options.app });
  }

  get isLost(): boolean {
    return this.#lost.signal.aborted;
  }

  /** Whether we may act now: at once while the lease is fresh, else after the renewal that tells (E2). */
  async confirm(): Promise<boolean> {
    while (!this.isLost && !this.#isFresh()) await this.#renew();
    return !this.isLost;
  }

  /** Somebody else was seen to act: the lease is lost. */
  lose(error = appError('STORE_CONFLICT', { app: this.#options.app })): void {
    if (this.isLost || this.#isReleased) return;
    this.#timer?.cancel();
    this.#lostBecause = error;
    this.#lost.abort();
    this.#options.onLost(error);
  }

  /** Gives the lease back, unless it is lost. Where the table does not answer, the next holder waits until it lapses. */
  async release(): Promise<void> {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#timer?.cancel();
    await this.#renewal;
    if (this.isLost) return;
    const giveUp = new AbortController();
    const { clock, timings } = this.#options;
    const timer = clock.after(timings.renewTimeoutMs, () => giveUp.abort());
    await freeLease(this.#options, this.fence, giveUp.signal).catch(() => false);
    timer.cancel();
  }

  #isFresh(): boolean {
    const { clock, timings } = this.#options;
    return clock.monotonic() - this.#confirmedAt < timings.lossMs;
  }

  #schedule(ms: number): void {
    if (this.isLost || this.#isReleased) return;
    this.#timer = this.#options.clock.after(ms, () => background(this.#renew(), 'lease renewal'));
  }

  #renew(): Promise<void> {
    this.#timer?.cancel();
    this.#renewal ??= this.#renewOnce().finally(() => {
      this.#renewal = null;
    });
    return this.#renewal;
  }

  async #renewOnce(): Promise<void> {
    const { clock, timings, app, table } = this.#options;
    const sentAt = clock.monotonic();
    const giveUp = new AbortController();
    const timer = clock.after(timings.renewTimeoutMs, () => giveUp.abort());
    try {
      const isMine = await renewLease(this.#options, this.fence, giveUp.signal);
      if (!isMine) return this.lose();
      this.#confirmedAt = sentAt;
      this.#schedule(timings.renewMs);
    } catch (cause) {
      if (!this.#isFresh()) {
        const unansweredMs = Math.round(clock.monotonic() - this.#confirmedAt);
        const where = `DynamoDB table ${table}`;
        this.lose(appError('STORE_LEASE_LOST', { app, where, unansweredMs }, { cause }));
      } else this.#schedule(timings.firstRetryMs);
    } finally {
      timer.cancel();
    }
  }
}
