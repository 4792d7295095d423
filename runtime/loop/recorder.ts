import type { ChangeSource } from '../protocol/events.ts';
import type { Json } from '../state/json.ts';
import type { Operation } from '../state/operation.ts';

/** What one commit will make durable. */
export interface Changes {
  readonly ops: Operation[];
  readonly marks: Record<string, number>;
  readonly meta: Record<string, Json>;
  /** Who made the operations. */
  readonly sources: ChangeSource[];
}

/** Collects what turns change until it is committed. */
export class Recorder {
  #changes: Changes = empty();
  #count = 0;
  #told = 0;
  #attributed = 0;
  #chars = 0;
  readonly #weighs: boolean;

  /** @param weighs - whether {@link chars} is wanted; it costs a look at every value */
  constructor(weighs = false) {
    this.#weighs = weighs;
  }

  /** About how many characters the recorded operations will have; 0 when they are not weighed. */
  get chars(): number {
    return this.#chars;
  }

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
    if (this.#weighs) this.#chars += JSON.stringify(operation).length;
  }

  /** What was recorded since this was asked last; must be asked before {@link take}. */
  untold(): readonly Operation[] {
    const { ops } = this.#changes;
    const from = this.#told;
    this.#told = ops.length;
    return from === 0 ? [...ops] : ops.slice(from);
  }

  /** The operations that were recorded since this was told last are somebody's. */
  attribute(source: string, client?: string): void {
    const { ops, sources } = this.#changes;
    const count = ops.length - this.#attributed;
    if (count === 0) return;
    this.#attributed = ops.length;
    const last = sources.at(-1);
    const same = last?.source === source && last.client === client;
    const total = same ? last.ops + count : count;
    if (same) sources.pop();
    sources.push(client === undefined ? { source, ops: total } : { source, client, ops: total });
  }

  mark(work: string, seq: number): void {
    this.#changes.marks[work] = seq;
  }

  /** A record that is stored beside the visible state; `null` removes it. */
  meta(key: string, value: Json): void {
    this.#changes.meta[key] = value;
  }

  /** Gives what is recorded and begins anew; it must be attributed before. */
  take(): Changes {
    const changes = this.#changes;
    this.#changes = empty();
    this.#told = 0;
    this.#attributed = 0;
    this.#chars = 0;
    return changes;
  }
}

function isEmptyObject(object: object): boolean {
  for (const _ in object) return false;
  return true;
}

function empty(): Changes {
  return { ops: [], marks: {}, meta: {}, sources: [] };
}

/** An operation on a component's document, seen from the app's document. */
export function below(pointer: string, op: Operation): Operation {
  const path = pointer + op.path;
  return 'from' in op ? { ...op, path, from: pointer + op.from } : { ...op, path };
}
