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

  /** Grows with every change of the state document. */
  get count(): number {
    return this.#count;
  }

  get isEmpty(): boolean {
    const { ops, marks, meta } = this.#changes;
    return ops.length === 0 && Object.keys(marks).length === 0 && Object.keys(meta).length === 0;
  }

  /** A change of the state document, with an absolute pointer. */
  op(operation: Operation): void {
    this.#changes.ops.push(operation);
    this.#count += 1;
  }

  /** Operations recorded since `from` operations were pending; for events. */
  opsSince(from: number): readonly Operation[] {
    return this.#changes.ops.slice(from);
  }

  get pendingOps(): number {
    return this.#changes.ops.length;
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
    return changes;
  }
}

function empty(): Changes {
  return { ops: [], marks: {}, meta: {} };
}

/** An operation on a component's document, seen from the app's document. */
export function below(pointer: string, op: Operation): Operation {
  const path = pointer + op.path;
  return 'from' in op ? { ...op, path, from: pointer + op.from } : { ...op, path };
}
