import type { Component } from '../component/component.ts';
import { metaOf } from '../component/meta.ts';
import { acceptsFlowDeltas } from '../component/process-side.ts';
import type { Work } from '../component/work.ts';
import type { Operation } from '../state/operation.ts';
import { below, type Recorder } from './recorder.ts';
import type { WorkBook } from './work-book.ts';

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
    for (const component of this.#dirty) {
      const meta = metaOf(component);
      const ops = meta.fields?.drain() ?? [];
      if (ops.length === 0 || meta.deleted) continue;
      if (meta.kind === 'work') this.#collectWork(component as Work<object>, ops);
      else for (const op of ops) this.#recorder.op(below(`${meta.pointer}/vars`, op));
    }
    this.#dirty.clear();
  }

  /** Writes to works that receive them while they run, since the last call. */
  takeFlowWrites(): FlowWrite[] {
    const writes = this.#flowWrites;
    this.#flowWrites = [];
    return writes;
  }

  #collectWork(work: Work<object>, ops: Operation[]): void {
    const state = this.#works.of(work);
    state.replica.write(ops);
    state.recordVars(ops);
    state.store();
    if (state.seen?.state === 'running' && acceptsFlowDeltas(work)) {
      this.#flowWrites.push({ work: state.name, ops: ops.map((op) => below('/vars', op)) });
    }
  }
}
