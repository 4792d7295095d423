/**
 * Changing JSON documents without changing them: a new document that shares every part that did not change.
 *
 * S1 A document given out never changes, and nobody else can change it: it is frozen at every depth.
 * S2 A part whose value did not change keeps its identity, so `===` tells whether something below changed.
 */
import { applyOperation, type Outcome } from '../state/apply.ts';
import { isContainer, setOwn, type Json, type JsonObject } from '../state/json.ts';
import type { Operation } from '../state/operation.ts';
import { beforeRemoval, childOf, getAt, parsePointer, toIndex } from '../state/pointer.ts';

/** The document after a patch, or the outcome of the operation that does not apply. All or nothing. */
export function patched(
  doc: JsonObject,
  ops: readonly Operation[],
):
  | { readonly doc: JsonObject }
  | { readonly failed: Outcome & { ok: false }; readonly op: Operation } {
  const draft = new Draft(doc);
  for (const op of ops) {
    const outcome = draft.apply(op);
    if (!outcome.ok) return { failed: outcome, op };
  }
  return { doc: draft.end() };
}

/** `next` with every part that equals the same part of `previous` taken from there; frozen. `next` must belong to the caller. */
export function shared<T extends Json>(previous: Json | undefined, next: T): T;
export function shared(previous: Json | undefined, next: Json): Json {
  // Frozen parts come from an earlier document: they are what they are.
  if (!isContainer(next) || Object.isFrozen(next)) return next;
  const old =
    isContainer(previous) && Array.isArray(previous) === Array.isArray(next) ? previous : null;
  let same = old !== null;
  if (Array.isArray(next)) {
    const before = Array.isArray(old) ? old : [];
    for (const [index, item] of next.entries()) {
      const kept = shared(before[index], item);
      next[index] = kept;
      same &&= kept === before[index];
    }
    same &&= before.length === next.length;
  } else {
    const keys = Object.keys(next);
    for (const key of keys) {
      const item = next[key];
      if (item === undefined) continue;
      const before = childOf(old ?? undefined, key);
      const kept = shared(before, item);
      if (kept !== item) next[key] = kept;
      same &&= kept === before;
    }
    same &&= old !== null && Object.keys(old).length === keys.length;
  }
  if (same && old !== null) return old;
  Object.freeze(next);
  return next;
}

/** A document being changed: containers are copied the first time something in them changes. */
class Draft {
  readonly #base: JsonObject;
  readonly #target: { doc: Json };

  constructor(doc: JsonObject) {
    this.#base = doc;
    this.#target = { doc };
  }

  apply(op: Operation): Outcome {
    // `move` takes its value away from where it was; `test` changes nothing.
    if (op.op === 'move') {
      this.#own(op.from);
      this.#own(beforeRemoval(this.#target.doc, op.from, op.path));
    } else if (op.op !== 'test') this.#own(op.path);
    return applyOperation(this.#target, op);
  }

  end(): JsonObject {
    const { doc } = this.#target;
    const result = shared(this.#base, doc);
    return isContainer(result) && !Array.isArray(result) ? result : this.#base;
  }

  /** Copies every container above a place that is not the draft's own yet. */
  #own(pointer: string): void {
    const segments = parsePointer(pointer);
    if (segments.length === 0) return;
    let value = this.#ownedCopy(this.#target.doc);
    this.#target.doc = value;
    for (const segment of segments.slice(0, -1)) {
      const child = childOf(value, segment);
      if (!isContainer(child)) return;
      const copy = this.#ownedCopy(child);
      if (copy !== child) {
        if (Array.isArray(value)) value[toIndex(segment)] = copy;
        else if (isContainer(value)) setOwn(value, segment, copy);
      }
      value = copy;
    }
  }

  #ownedCopy(value: Json): Json {
    if (!isContainer(value) || !Object.isFrozen(value)) return value;
    return Array.isArray(value) ? [...value] : { ...value };
  }
}

/** The value at a pointer of a document. */
export function valueAt(doc: Json, pointer: string): Json | undefined {
  return getAt(doc, parsePointer(pointer));
}
