/**
 * One execution of the root's `run`.
 *
 * T1 Everything that child flows started asynchronously has settled before the turn ends.
 * T2 After a suspension every further call suspends again; only a suspension that nobody heard may be left over.
 */
import { appError, background } from '../errors/index.ts';
import { beginTurn } from '../component/turn-flag.ts';
import type { Flow } from '../component/flow.ts';
import { RunPromise } from './run-promise.ts';
import { isEndSignal, isSuspension, Suspension, type EndSignal } from './suspension.ts';

/** How a turn ended. */
export type TurnOutcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'suspended' }
  | { readonly kind: 'ended'; readonly signal: EndSignal }
  | { readonly kind: 'failed'; readonly error: unknown };

export class Turn {
  readonly #runs: RunPromise<unknown>[] = [];
  readonly #finish = beginTurn();
  #suspendedBy: string | null = null;
  #end: EndSignal | null = null;

  /** Full name of the work that suspended this turn, if any. */
  get suspendedBy(): string | null {
    return this.#suspendedBy;
  }

  /** Suspends the turn; always throws. */
  suspend(work: string): never {
    this.#suspendedBy ??= work;
    throw new Suspension(this.#suspendedBy);
  }

  /** Remembers that the app was asked to end, whatever user code does with the signal; always throws. */
  end(signal: EndSignal): never {
    this.#end ??= signal;
    throw signal;
  }

  /** Takes what a child flow's `run` returned. */
  track(result: unknown): unknown {
    if (!isThenable(result)) return result;
    const run = new RunPromise<unknown>((resolve, reject) => {
      result.then(resolve, reject);
    });
    this.#runs.push(run);
    // Its rejection is looked at by settle(); the caller may ignore it.
    background(run.quietly(), 'a child flow');
    return run;
  }

  /** Runs the root flow. Gives the outcome at once when nothing was asynchronous. */
  run(root: Flow): TurnOutcome | Promise<TurnOutcome> {
    let result: unknown;
    try {
      result = (root as unknown as { run(): unknown }).run();
    } catch (error) {
      return this.#afterRun({ threw: true, error });
    }
    // The root's own promise is the first that was tracked; here it is listened to.
    if (!(result instanceof RunPromise)) return this.#afterRun({ threw: false });
    return result.then(
      () => this.#afterRun({ threw: false }),
      (error: unknown) => this.#afterRun({ threw: true, error }),
    );
  }

  /** Nobody waits for this turn any more. */
  abandon(): void {
    this.#finish();
  }

  #afterRun(root: RootResult): TurnOutcome | Promise<TurnOutcome> {
    const early = this.#suspendedBy;
    if (this.#runs.length === 0) {
      this.#finish();
      return this.#outcome(root, early, []);
    }
    return this.#settle().then((left) => {
      this.#finish();
      return this.#outcome(root, early, left);
    });
  }

  /** Waits until no run is open, those started meanwhile included; gives the errors that nobody heard. */
  async #settle(): Promise<unknown[]> {
    const left: unknown[] = [];
    for (let index = 0; index < this.#runs.length; index += 1) {
      const run = this.#runs[index];
      const settled = await run?.quietly();
      if (settled?.status === 'rejected' && run?.heard === false) left.push(settled.reason);
    }
    return left;
  }

  #outcome(root: RootResult, suspendedEarly: string | null, left: readonly unknown[]): TurnOutcome {
    if (this.#end) return { kind: 'ended', signal: this.#end };
    if (root.threw && !isSuspension(root.error)) {
      return isEndSignal(root.error)
        ? { kind: 'ended', signal: root.error }
        : { kind: 'failed', error: root.error };
    }
    const failure = left.find((error) => !isSuspension(error));
    if (failure !== undefined) return { kind: 'failed', error: failure };
    if (!root.threw && suspendedEarly !== null && !left.some((error) => isSuspension(error))) {
      const error = appError(
        'FLOW_SUSPENSION_SWALLOWED',
        { work: suspendedEarly },
        { at: suspendedEarly },
      );
      return { kind: 'failed', error };
    }
    return this.#suspendedBy === null ? { kind: 'done' } : { kind: 'suspended' };
  }
}

type RootResult = { readonly threw: false } | { readonly threw: true; readonly error: unknown };

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}
