import type { Json } from '../state/json.ts';
import type { Operation } from '../state/operation.ts';

/** What one commit will make durable. */
export interface Changes {
  readonly ops: Operation[];
  readonly marks: Record<string, number>;
  readonly meta: Record<string, Json>;
}

/** Collects what turns change until it is committed. */
export class Recorder {
  #changes: Changes = empty();
  #count = 0;
  #told = 0;

  /** Grows with every change of the state document. */
  get count(): number {
    return this.#count;
  }

  get isEmpty(): boolean {
    const { ops, marks, meta } = this.#changes;
    return ops.length === 0 && isEmptyObject(marks) && isEmptyObject(meta);
  }

  /** A change of the state document, with an absolute pointer. */
  op(operation: Operation): void {
    this.#changes.ops.push(operation);
    this.#count += 1;
  }

  /** What was recorded since this was asked last; must be asked before {@link take}. */
  untold(): readonly Operation[] {
    const { ops } = this.#changes;
    const from = this.#told;
    this.#told = ops.length;
    return from === 0 ? [...ops] : ops.slice(from);
  }

  mark(work: string, seq: number): void {
    this.#changes.marks[work] = seq;
  }

  /** A record that is stored beside the visible state; `null` removes it. */
  meta(key: string, value: Json): void {
    this.#changes.meta[key] = value;
  }

  take(): Changes {
    const changes = this.#changes;
    this.#changes = empty();
    this.#told = 0;
    return changes;
  }
}

function isEmptyObject(object: object): boolean {
  for (const _ in object) return false;
  return true;
}

function empty(): Changes {
  return { ops: [], marks: {}, meta: {} };
}

/** An operation on a component's document, seen from the app's document. */
export function below(pointer: string, op: Operation): Operation {
  const path = pointer + op.path;
  return 'from' in op ? { ...op, path, from: pointer + op.from } : { ...op, path };
}
