/** Requests that are sent until the table has answered, for as long as the lease is ours. */
import type { Clock } from '../../../ports/clock.ts';
import { isPassing, toStoreError } from './dynamo-errors.ts';
import type { Lease } from './lease.ts';
import type { StoreTimings } from './store-timings.ts';
import { pause } from './waiting.ts';

export interface Persistence {
  readonly lease: Lease;
  readonly clock: Clock;
  readonly timings: StoreTimings;
  /** Named in errors. */
  readonly table: string;
}

/**
 * Sends until it succeeds; `fenced` once the lease is lost, or when `stop` says so, with the outcome of the last try unknown.
 *
 * @throws `STORE_UNREACHABLE` for a failure that trying again does not help
 */
export async function persist<T>(
  { lease, clock, timings, table }: Persistence,
  send: (signal: AbortSignal) => Promise<T>,
  stop?: AbortSignal,
): Promise<T | 'fenced'> {
  const signal = stop === undefined ? lease.lost : AbortSignal.any([lease.lost, stop]);
  for (let retryMs = timings.firstRetryMs; ; retryMs = Math.min(2 * retryMs, timings.maxRetryMs)) {
    if (!(await lease.confirm()) || signal.aborted) return 'fenced';
    try {
      return await send(signal);
    } catch (error) {
      if (signal.aborted) return 'fenced';
      if (!isPassing(error)) throw toStoreError(error, table);
      await pause(clock, retryMs * (0.5 + Math.random() / 2), signal);
    }
  }
}
