import type { Component } from '../component/component.ts';
import { metaOf } from '../component/meta.ts';
import { acceptsFlowDeltas } from '../component/process-side.ts';
import type { Work } from '../component/work.ts';
import type { Operation } from '../state/operation.ts';
import { below, type Recorder } from './recorder.ts';
import type { WorkBook } from './work-book.ts';
import type { WorkState } from './work-state.ts';

/** A flow-side write that a running work asked to receive. */
export interface FlowWrite {
  readonly work: string;
  readonly ops: readonly Operation[];
}

/** Turns what user code wrote into recorded changes: plainly for flows, through the overlay for works. */
export class Collector {
  readonly #recorder: Recorder;
  readonly #works: WorkBook;
  readonly #dirty = new Set<Component>();
  #flowWrites: FlowWrite[] = [];

  constructor(recorder: Recorder, works: WorkBook) {
    this.#recorder = recorder;
    this.#works = works;
  }

  get isEmpty(): boolean {
    return this.#dirty.size === 0;
  }

  add(component: Component): void {
    this.#dirty.add(component);
  }

  /** Records everything that is pending. */
  collect(): void {
    if (this.#dirty.size === 0) return;
    for (const component of this.#dirty) this.#record(component);
    this.#dirty.clear();
  }

  /** Records what is pending for one component. */
  collectFrom(component: Component): void {
    if (this.#dirty.delete(component)) this.#record(component);
  }

  #record(component: Component): void {
    const meta = metaOf(component);
    const ops = meta.fields?.drain() ?? [];
    if (meta.deleted) return;
    if (meta.kind === 'work') this.write(this.#works.of(component as Work<object>), ops);
    else for (const op of ops) this.#recorder.op(below(`${meta.pointer}/vars`, op));
  }

  /** Writes to works that receive them while they run, since the last call. */
  takeFlowWrites(): FlowWrite[] {
    const writes = this.#flowWrites;
    this.#flowWrites = [];
    return writes;
  }

  /**
   * Takes flow-side writes to a work's fields (paths relative to them) into its overlay.
   *
   * @param overlay - the same writes, field by field. @default ops
   */
  write(state: WorkState, ops: readonly Operation[], overlay = ops): void {
    state.replica.write(overlay);
    if (ops.length === 0) return;
    state.recordVars(ops);
    state.store();
    this.#toProcess(state, ops);
  }

  /** Gives a process that receives the flow's writes those that it may not have heard of, as whole fields. */
  repeatWrites(state: WorkState): void {
    this.#toProcess(state, state.replica.overlaid());
  }

  #toProcess(state: WorkState, ops: readonly Operation[]): void {
    if (ops.length === 0) return;
    const running = state.seen?.state === 'running' && state.seen.epoch === state.epoch;
    if (running && state.work && acceptsFlowDeltas(state.work)) {
      this.#flowWrites.push({ work: state.name, ops: ops.map((op) => below('/vars', op)) });
    }
  }
}
