/** Runs one turn of the root flow and records what it changed. */
import type { Flow } from '../component/flow.ts';
import type { Clock } from '../ports/clock.ts';
import type { TurnScope } from '../ports/turn-scope.ts';
import type { Collector } from './collector.ts';
import type { Committer } from './committer.ts';
import { reach } from './failpoints.ts';
import type { Iterations } from './iterate.ts';
import type { TurnWatcher } from './loop-options.ts';
import type { Recorder } from './recorder.ts';
import type { Schedules } from './schedule.ts';
import type { Teller } from './teller.ts';
import type { Timings } from './timings.ts';
import { Turn, type TurnOutcome } from './turn.ts';
import type { Waker } from './waker.ts';

export interface TurnRunnerParts {
  readonly root: Flow;
  readonly clock: Clock;
  readonly scope: TurnScope;
  readonly timings: Timings;
  readonly recorder: Recorder;
  readonly collector: Collector;
  readonly iterations: Iterations;
  readonly schedules: Schedules;
  readonly committer: Committer;
  readonly waker: Waker;
  readonly teller: Teller;
  readonly watch: TurnWatcher | undefined;
  readonly warn: (message: string) => void;
}

export class TurnRunner {
  readonly #parts: TurnRunnerParts;
  #current: Turn | null = null;

  constructor(parts: TurnRunnerParts) {
    this.#parts = parts;
  }

  /** The turn under way, if any. */
  get current(): Turn | null {
    return this.#current;
  }

  /** The turn that the code that asks is part of; `null` for a timer or a request that meets a turn. */
  get entered(): Turn | null {
    const current = this.#current;
    return current !== null && this.#parts.scope.isInside(current) ? current : null;
  }

  run(): TurnOutcome | Promise<TurnOutcome> {
    reach('turn.before');
    const { clock, committer, recorder, root, scope, teller, timings, watch, warn } = this.#parts;
    const startedMs = clock.monotonic();
    const before = recorder.count;
    const { slowTurnMs } = timings;
    let warned = false;
    const slow = clock.after(slowTurnMs, () => {
      warned = true;
      warn(`a turn of the flow has been running for ${slowTurnMs} ms; move long work into a Work`);
    });
    committer.hold();
    teller.turn += 1;
    const turn = new Turn();
    this.#current = turn;
    const finish = (outcome: TurnOutcome): TurnOutcome => {
      slow.cancel();
      watch?.end();
      this.#current = null;
      const ms = clock.monotonic() - startedMs;
      if (ms > slowTurnMs && !warned) {
        warn(`a turn of the flow took ${Math.round(ms)} ms; move long work into a Work`);
      }
      this.#collect(outcome, before, ms);
      return outcome;
    };
    watch?.begin();
    const result = scope.enter(turn, () => turn.run(root));
    return result instanceof Promise ? result.then(finish) : finish(result);
  }

  #collect(outcome: TurnOutcome, before: number, ms: number): void {
    const { clock, collector, committer, iterations, recorder, schedules, teller, timings, waker } =
      this.#parts;
    collector.collect();
    iterations.collect();
    if (recorder.count > before) waker.wantTurnIn(timings.paceMs - ms);
    // A schedule that is over is no change that wants another turn.
    if (outcome.kind === 'done') schedules.reset();
    teller.changes('flow');
    const suspended = outcome.kind === 'suspended';
    const { turn } = teller;
    teller.emit({ type: 'turn', at: clock.now(), version: committer.version, turn, ms, suspended });
    reach('turn.ran');
  }
}
