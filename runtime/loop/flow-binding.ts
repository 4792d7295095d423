/** What components do when user code calls them on the flow's side of a running app. */
import { appError } from '../errors/index.ts';
import { detach } from '../component/adopt.ts';
import type { FlowBinding } from '../component/binding.ts';
import type { Component } from '../component/component.ts';
import type { Flow } from '../component/flow.ts';
import type { IterateOptions, ScheduleOptions } from '../component/flow-options.ts';
import { metaOf } from '../component/meta.ts';
import { toArguments } from '../component/work-run.ts';
import { OPTIONS } from '../component/work-symbols.ts';
import type { Work } from '../component/work.ts';
import type { Clock } from '../ports/clock.ts';
import type { Collector } from './collector.ts';
import { reach } from './failpoints.ts';
import type { Iterations } from './iterate.ts';
import type { Schedules } from './schedule.ts';
import { EndSignal } from './suspension.ts';
import type { TreeKeeper } from './tree-keeper.ts';
import type { Turn } from './turn.ts';
import type { WorkBook } from './work-book.ts';
import type { WorkState } from './work-state.ts';

export interface BindingParts {
  readonly clock: Clock;
  readonly works: WorkBook;
  readonly collector: Collector;
  readonly schedules: Schedules;
  readonly iterations: Iterations;
  readonly tree: TreeKeeper;
  readonly paceMs: number;
  /** The turn under way, if any. */
  readonly turn: () => Turn | null;
  /** The turn under way, if the code that asks is part of it. */
  readonly entered: () => Turn | null;
  /** User code changed something outside a turn. */
  readonly changedOutside: () => void;
  /** A turn is wanted, but not before so many milliseconds. */
  readonly turnWithin: (ms: number) => void;
  /** The app was asked to end outside a turn. */
  readonly endOutside: (signal: EndSignal) => void;
}

export class LoopBinding implements FlowBinding {
  readonly #parts: BindingParts;

  constructor(parts: BindingParts) {
    this.#parts = parts;
  }

  callWork(work: Work<object>, args: readonly unknown[]): void {
    const { clock, collector, works, entered } = this.#parts;
    const current = entered();
    if (current !== null && current.suspendedBy !== null) current.suspend(current.suspendedBy);
    const state = works.of(work);
    const json = toArguments(work, args);
    const hash = state.hasher.hash(json);
    const options = work[OPTIONS];
    const waitMs = options.cacheCalls
      ? 0
      : state.lastSentMs + this.#parts.paceMs - clock.monotonic();
    const rerun = options.cacheCalls ? null : waitMs <= 0;
    const submission = state.ledger.submit(hash, json, state.name, clock.now(), rerun);
    if (submission === 'sent') {
      // What the flow wrote before this line goes with the call, what it writes after it does not.
      collector.collectFrom(work);
      state.fold();
    }
    if (submission === 'paced') this.#parts.turnWithin(waitMs);
    if (submission === 'sent' || submission === 'queued') {
      state.lastSentMs = clock.monotonic();
      state.want('up');
      this.#changed(state);
    }
    const open = submission !== 'cached' && submission !== 'ended';
    if (open && !options.parallel && current !== null) current.suspend(state.name);
  }

  startWork(work: Work<object>): void {
    const state = this.#parts.works.of(work);
    state.ledger.starting(this.#parts.clock.now());
    if (state.ledger.active?.stage === 'pending') {
      this.#parts.collector.collectFrom(work);
      state.fold();
    }
    state.want('up');
    this.#changed(state);
  }

  stopWork(work: Work<object>, keepHardware: boolean): void {
    const state = this.#parts.works.of(work);
    const changed = state.ledger.stop(this.#parts.clock.now(), 'requested');
    // Hardware that an earlier stop kept is given back by one that does not.
    state.release = !keepHardware && (state.release || (!changed && state.keepHardware));
    if (state.keepHardware !== keepHardware) {
      state.keepHardware = keepHardware;
      state.store();
    }
    if (!changed && state.wanted === 'stopped' && !state.release) return;
    state.stopProcess();
    state.want('stopped');
    this.#changed(state);
  }

  deleteWork(work: Work<object>): void {
    detach(work);
  }

  beforeAttach(component: Component, name: string): void {
    this.#parts.tree.check(component, name);
  }

  attached(component: Component): void {
    this.#parts.tree.attached(component);
    this.#outside();
  }

  removed(component: Component): void {
    reach('delete.before');
    this.#parts.tree.removed(component);
    this.#outside();
  }

  cleared(flow: Component, field: string): void {
    this.#parts.tree.cleared(`${metaOf(flow).name}.${field}`);
    this.#outside();
  }

  dirty(component: Component): void {
    this.#parts.collector.add(component);
    this.#outside();
  }

  beforeChange(component: Component, field: string): void {
    const { works } = this.#parts;
    if (metaOf(component).kind === 'work')
      works.get(metaOf(component).name)?.replica.beforeWrite(field);
  }

  schedule(flow: Flow, pattern: string, options: ScheduleOptions, site: string): boolean {
    return this.#parts.schedules.evaluate(flow, pattern, options, site);
  }

  iterate<T>(flow: Flow, items: Iterable<T>, options: IterateOptions, site: string): Iterable<T> {
    return this.#parts.iterations.iterate(flow, items, options, site);
  }

  end(how: 'stop' | 'fail', message: string): never {
    const signal = new EndSignal(how, message);
    const turn = this.#parts.turn();
    if (turn) return turn.end(signal);
    this.#parts.endOutside(signal);
    throw signal;
  }

  runReturned(result: unknown): unknown {
    return this.#parts.entered()?.track(result) ?? result;
  }

  #changed(state: WorkState): void {
    this.#parts.works.touch(state);
    this.#outside();
  }

  #outside(): void {
    if (this.#parts.entered() === null) this.#parts.changedOutside();
  }
}

/** The error for a name that is no work. */
export function unknownWork(name: string): Error {
  return appError('WORK_UNKNOWN', { name }, { at: name });
}
