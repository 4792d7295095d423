import { appError } from '../errors/index.ts';
import { metaOf } from '../component/meta.ts';
import type { Work } from '../component/work.ts';
import type { WorkStatus } from '../protocol/events.ts';
import type { Json } from '../state/json.ts';
import type { Recorder } from './recorder.ts';
import { WORK_RECORD, WorkState } from './work-state.ts';

/** Record of the highest epoch that a forgotten work had. */
const EPOCHS_RECORD = 'epochs';

export interface WorkBookOptions {
  readonly warn: (message: string) => void;
  /** Hears every status of every work. */
  readonly status: (work: string, status: WorkStatus) => void;
}

/**
 * All works that the loop knows, by full name, and those that something happened to since the last look.
 *
 * B1 A name never sees an epoch twice, also when its work is deleted, forgotten and created again (R1, R5).
 */
export class WorkBook {
  readonly #states = new Map<string, WorkState>();
  readonly #touched = new Set<WorkState>();
  /** The last `seq` of works that were deleted before this flow began, and whose processes may still write. */
  readonly #left = new Map<string, number>();
  readonly #recorder: Recorder;
  readonly #options: WorkBookOptions;
  #epochs = 0;

  constructor(recorder: Recorder, options: WorkBookOptions) {
    this.#recorder = recorder;
    this.#options = options;
  }

  /** Starts keeping a work; one that takes the name of a deleted one continues its epochs and sequence. */
  add(work: Work<object>): WorkState {
    const { name } = metaOf(work);
    const known = this.#states.get(name);
    if (known) known.replaceWork(work);
    const state = known ?? this.restore(work, undefined, this.#left.get(name) ?? 0);
    if (!known) this.#recorder.mark(name, state.mark);
    this.#left.delete(name);
    state.store();
    return state;
  }

  /** Starts keeping a work as it was stored; its deltas are numbered from its mark on. */
  restore(work: Work<object>, stored: Json | undefined, mark: number): WorkState {
    const state = new WorkState(work, this.#recorder, this.#options);
    this.#states.set(state.name, state);
    state.epoch = this.#epochs;
    state.restore(stored, mark);
    return state;
  }

  /** A work left the tree; its process is ended. */
  remove(work: Work<object>): void {
    const state = this.of(work);
    state.want('stopped');
    // Nobody can give hardware back later; where there is a process, its stop does.
    state.release = state.keepHardware || state.seen === null;
    state.keepHardware = false;
    state.work = null;
    this.touch(state);
  }

  /** Drops a deleted work whose process is gone. */
  forget(state: WorkState): void {
    if (this.#states.get(state.name) !== state) return;
    this.#states.delete(state.name);
    this.#epochs = Math.max(this.#epochs, state.epoch);
    this.#recorder.meta(EPOCHS_RECORD, this.#epochs);
    this.#recorder.meta(`${WORK_RECORD}${state.name}`, null);
    this.#recorder.mark(state.name, 0);
  }

  /** Drops what is stored of a work that is no longer in the tree; another one that takes its name continues its sequence. */
  forgetStored(name: string, record: Json | undefined, mark: number): void {
    const { epoch } = (record ?? {}) as { epoch?: Json };
    this.#left.set(name, mark);
    if (typeof epoch === 'number') this.#epochs = Math.max(this.#epochs, epoch);
    this.#recorder.meta(EPOCHS_RECORD, this.#epochs);
    this.#recorder.mark(name, 0);
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

  restoreEpochs(meta: Readonly<Record<string, Json>>): void {
    this.#epochs = Number(meta[EPOCHS_RECORD] ?? 0);
  }

  /** Marks and records of all works, for a snapshot. */
  toStored(): { marks: Record<string, number>; meta: Record<string, Json> } {
    const marks: Record<string, number> = {};
    const meta: Record<string, Json> = { [EPOCHS_RECORD]: this.#epochs };
    for (const state of this.#states.values()) {
      marks[state.name] = state.mark;
      meta[`${WORK_RECORD}${state.name}`] = state.toStored();
    }
    return { marks, meta };
  }
}
