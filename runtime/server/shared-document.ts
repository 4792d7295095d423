/**
 * A state document whose versions share what did not change between them.
 *
 * D1 A container that another version may have is never changed: it is copied, without what is in it, the first time.
 */
import { applyOperation, refusalOf } from '../state/apply.ts';
import { isContainer, setOwn, type Json } from '../state/json.ts';
import type { Operation } from '../state/operation.ts';
import { beforeRemoval, childOf, parsePointer, toIndex } from '../state/pointer.ts';

export class SharedDocument {
  readonly #target: { doc: Json };
  /** Containers that only this version has. */
  #own = new WeakSet<object>();

  /** @param doc - never changed, so it may be somebody else's as long as they do not change it either */
  constructor(doc: Json) {
    this.#target = { doc };
  }

  /** To be read, never changed. */
  get doc(): Json {
    return this.#target.doc;
  }

  /** A copy that costs nothing until one of the two changes. */
  fork(): SharedDocument {
    this.#own = new WeakSet();
    return new SharedDocument(this.doc);
  }

  /** Applies the operations of a turn; one that fails changes nothing. */
  apply(ops: readonly Operation[]): void {
    for (const op of ops) {
      if (op.op === 'test') continue;
      try {
        if (op.op === 'move') {
          this.#ownParentOf(op.from);
          this.#ownParentOf(beforeRemoval(this.doc, op.from, op.path));
        } else this.#ownParentOf(op.path);
      } catch (error) {
        // A pointer that is refused: the operation will be too.
        refusalOf(error);
      }
      applyOperation(this.#target, op);
    }
  }

  #ownParentOf(pointer: string): void {
    const path = parsePointer(pointer);
    if (path.length === 0) return;
    let parent = this.#owned(this.#target.doc);
    this.#target.doc = parent;
    for (const key of path.slice(0, -1)) {
      const child = childOf(parent, key);
      if (child === undefined) return;
      const own = this.#owned(child);
      if (own !== child) setChild(parent, key, own);
      parent = own;
    }
  }

  #owned(value: Json): Json {
    if (!isContainer(value) || this.#own.has(value)) return value;
    const copy = Array.isArray(value) ? value.slice() : { ...value };
    this.#own.add(copy);
    return copy;
  }
}

function setChild(parent: Json, key: string, value: Json): void {
  if (Array.isArray(parent)) parent[toIndex(key)] = value;
  else if (isContainer(parent)) setOwn(parent, key, value);
}
