/** How runs wait for what they need: told, with growing pauses, and not for ever. */
import { describeFailure, type AwsFailure } from './aws-failure.ts';
import type { Run } from './book.ts';
import type { LauncherParts } from './parts.ts';
import type { Pending } from './task-status.ts';

/** Refusals for lack of permission after which a launch is given up: new permissions take a while to arrive. */
const MAX_DENIALS = 4;

export type EndRun = (run: Run, reason: 'exited' | 'lost', message: string) => void;

export class Patience {
  readonly #parts: LauncherParts;
  readonly end: EndRun;

  constructor(parts: LauncherParts, end: EndRun) {
    this.#parts = parts;
    this.end = end;
  }

  /** Placing that fails for as long as a start may take is given up. */
  giveUpInTime(run: Run, message: string): void {
    const { clock, timings } = this.#parts;
    const since = run.placingSinceMs ?? clock.monotonic();
    if (clock.monotonic() - since > timings.startTimeoutMs) this.end(run, 'exited', message);
  }

  /** Counts refusals for lack of permission; true when the run was given up. */
  deny(run: Run, failure: AwsFailure): boolean {
    if (!failure.denied) return false;
    run.denials += 1;
    if (run.denials < MAX_DENIALS) return false;
    this.end(run, 'exited', `iam: the flow's role lacks a permission: ${describeFailure(failure)}`);
    return true;
  }

  /** Tries again after a wait that doubles. */
  later(run: Run, firstMs: number): number {
    const { clock, timings } = this.#parts;
    run.waitMs = Math.min(Math.max(firstMs, run.waitMs * 2), timings.capacityRetryMaxMs);
    run.retryAtMs = clock.monotonic() + run.waitMs;
    return run.waitMs;
  }

  pend(run: Run, pending: Pending): void {
    run.pending = pending;
    this.#parts.show(run);
  }
}
