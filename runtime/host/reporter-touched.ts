/**
 * Which places a work changed since the flow last looked: what of a call's fold must not be applied here, because a
 * delta that the flow had not seen comes after it.
 */
import type { Operation } from '../state/operation.ts';
import { isPrefix, pathsConflict } from '../state/pointer.ts';

/** Places that are remembered exactly; beyond, whole fields are. */
const MAX_PATHS = 4_096;

export class TouchedPaths {
  /** Path to the number of the last delta that changed it, oldest first. */
  #last = new Map<string, number>();

  note(ops: readonly Operation[], delta: number): void {
    for (const op of ops) {
      this.#note(op.path, delta);
      if (op.op === 'move') this.#note(op.from, delta);
    }
    if (this.#last.size > MAX_PATHS) this.#coarsen();
  }

  /** The operations that touch nothing that a delta after `applied` changed; earlier deltas are forgotten. */
  withoutConflicts(ops: readonly Operation[], applied: number): Operation[] {
    for (const [path, delta] of this.#last) {
      if (delta > applied) break;
      this.#last.delete(path);
    }
    const paths = [...this.#last.keys()];
    return ops.filter(
      (op) =>
        !paths.some(
          (path) => pathsConflict(path, op.path) || ('from' in op && isPrefix(path, op.from)),
        ),
    );
  }

  #note(path: string, delta: number): void {
    this.#last.delete(path);
    this.#last.set(path, delta);
  }

  #coarsen(): void {
    const fine = this.#last;
    this.#last = new Map();
    for (const [path, delta] of fine) this.#note(path.split('/', 3).join('/'), delta);
  }
}
