/** What a task needs before it is a work, asked for until there is an answer. */
import { setTimeout as delay } from 'node:timers/promises';
import { appError, isAppError } from '../../errors/index.ts';
import { BackOff } from './channel/back-off.ts';
import type { WorkTimings } from './channel/work-timings.ts';
import { describeProblem, toAwsFailure } from './launcher/aws-failure.ts';

export interface SupplyOptions {
  /** Named when nothing answers. */
  readonly what: string;
  readonly timings: Pick<WorkTimings, 'isolatedMs' | 'retryMs' | 'retryMaxMs'>;
  /** Hears of requests that fail and are repeated. */
  readonly failing: (error: unknown) => void;
  /** The error for an answer that asking again does not change. */
  readonly refused: (problem: string, cause: unknown) => Error;
}

/**
 * Repeats a request until it is answered.
 *
 * @throws what `refused` gives, any coded error of `request`, `HOST_TASK_NOT_SUPPLIED` when there is no answer in `isolatedMs`
 */
export async function untilSupplied<T>(
  request: () => Promise<T>,
  { what, timings, failing, refused }: SupplyOptions,
): Promise<T> {
  const backOff = new BackOff(timings.retryMs, timings.retryMaxMs);
  const sinceMs = performance.now();
  for (;;) {
    try {
      return await request();
    } catch (cause) {
      if (isAppError(cause)) throw cause;
      const problem = describeProblem(cause);
      if (toAwsFailure(cause).outcome === 'refused') throw refused(problem, cause);
      if (performance.now() - sinceMs > timings.isolatedMs)
        throw appError('HOST_TASK_NOT_SUPPLIED', { what, problem }, { cause });
      failing(cause);
    }
    await delay(backOff.next());
  }
}
