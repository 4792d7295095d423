import { appError } from '../errors/index.ts';
import { metaOf } from '../component/meta.ts';
import type { Work } from '../component/work.ts';
import type { Recorder } from './recorder.ts';
import { WorkState } from './work-state.ts';

/** All works that the loop knows, by full name, and those that something happened to since the last look. */
export class WorkBook {
  readonly #states = new Map<string, WorkState>();
  readonly #touched = new Set<WorkState>();
  readonly #recorder: Recorder;
  readonly #warn: (message: string) => void;

  constructor(recorder: Recorder, warn: (message: string) => void) {
    this.#recorder = recorder;
    this.#warn = warn;
  }

  /** Starts keeping a work; one that takes the name of a deleted one continues its epochs and sequence. */
  add(work: Work<object>): WorkState {
    const known = this.#states.get(metaOf(work).name);
    if (known) {
      known.replaceWork(work);
      return known;
    }
    const state = new WorkState(work, this.#recorder, this.#warn);
    this.#states.set(state.name, state);
    return state;
  }

  of(work: Work<object>): WorkState {
    const state = this.#states.get(metaOf(work).name);
    if (!state) throw appError('WORK_NOT_ATTACHED', { work: metaOf(work).subject });
    return state;
  }

  get(name: string): WorkState | undefined {
    return this.#states.get(name);
  }

  all(): IterableIterator<WorkState> {
    return this.#states.values();
  }

  /** Something happened that may call for an action. */
  touch(state: WorkState): void {
    this.#touched.add(state);
  }

  takeTouched(): WorkState[] {
    const touched = [...this.#touched];
    this.#touched.clear();
    return touched;
  }
}
