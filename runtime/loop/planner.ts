/** Turns what the reconciler decides about the works that something happened to into effects, prepared for the commit. */
import type { ClassIndex } from '../component/class-ref.ts';
import type { Clock } from '../ports/clock.ts';
import type { ComponentDefinition } from '../protocol/work-spec.ts';
import type { Collector } from './collector.ts';
import { toCallMessage, toWorkSpec, type Effect } from './effects.ts';
import { decide } from './reconcile.ts';
import type { Timings } from './timings.ts';
import type { WorkBook } from './work-book.ts';
import type { WorkState } from './work-state.ts';

export interface PlannerParts {
  readonly app: string;
  readonly clock: Clock;
  readonly timings: Timings;
  readonly works: WorkBook;
  readonly collector: Collector;
  /** How to build what was attached at run time. */
  readonly definitions: ReadonlyMap<string, ComponentDefinition>;
  readonly classes: ClassIndex;
  /** A work should be looked at again. */
  readonly wake: () => void;
}

export class Planner {
  readonly #parts: PlannerParts;
  /** Names of all components that the constructors built. */
  tree: readonly string[] = [];

  constructor(parts: PlannerParts) {
    this.#parts = parts;
  }

  /** @param ending - whether the app ends, so that no work may go on */
  plan(ending: boolean): Effect[] {
    const { collector, works } = this.#parts;
    const effects: Effect[] = [];
    for (const { work, ops } of collector.takeFlowWrites())
      effects.push({ do: 'flow-delta', work, ops });
    for (const state of works.takeTouched()) {
      const effect = this.#planWork(state, ending);
      if (effect) effects.push(effect);
      else if (state.work === null && !state.seen && state.busy === null) works.forget(state);
      if (!state.release) continue;
      state.release = false;
      effects.push({ do: 'release', work: state.name });
    }
    return effects;
  }

  #planWork(state: WorkState, ending: boolean): Effect | null {
    const nowMs = this.#parts.clock.monotonic();
    const view = state.view();
    const action = decide({ ...view, allowed: state.work !== null && !ending, nowMs });
    switch (action) {
      case 'none':
        return null;
      case 'retry-later':
        this.#retry(state, state.retryAtMs - nowMs);
        return null;
      case 'stop':
        return this.#stop(state);
      case 'launch':
        return this.#launch(state);
      case 'send':
        return this.#send(state, view.call);
    }
  }

  #stop(state: WorkState): Effect {
    const epoch = state.seen?.epoch ?? state.epoch;
    if (state.seen) state.seen.state = 'stopping';
    state.busy = 'stop';
    const { stopGraceMs, timeoutGraceMs } = this.#parts.timings;
    const graceMs = state.recycle ? timeoutGraceMs : stopGraceMs;
    return { do: 'stop', state, epoch, graceMs, keep: state.keepHardware };
  }

  #launch(state: WorkState): Effect {
    const { app, classes, definitions } = this.#parts;
    const ref = state.work ? classes.refOf(state.work) : undefined;
    state.epoch += 1;
    state.recycle = false;
    state.busy = 'launch';
    const spec = toWorkSpec(app, state, definitions, this.tree, ref);
    state.foldArrived();
    state.store();
    return { do: 'launch', state, spec };
  }

  #send(state: WorkState, call: string | null): Effect | null {
    const message = toCallMessage(state);
    if (!message) return null;
    state.given = call;
    state.busy = 'send';
    return { do: 'send', state, message };
  }

  #retry(state: WorkState, waitMs: number): void {
    const { clock, works, wake } = this.#parts;
    state.retryTimer?.cancel();
    state.retryTimer = clock.after(waitMs, () => {
      works.touch(state);
      wake();
    });
  }
}
