/**
 * Applies operations to an immutable document, sharing what they do not touch.
 *
 * S1 The document that a batch began with never changes, nor does a value inside an operation: both are shown elsewhere.
 * S2 A container is copied once per batch, however many operations touch it: a thousand operations on one of a
 *    thousand works copy the record of works once.
 * S3 The operations come from committed turns. One that does not fit means that turns were missed.
 */
import type { Json, JsonObject } from '../../../runtime/state/json.ts';
import type { Operation } from '../../../runtime/state/operation.ts';
import { childOf, segmentsOf, valueAt } from './pointer.ts';

/** Our document is not the one that the operations were made for. */
export class OutOfStep extends Error {}

/** The document after some operations. @throws {@link OutOfStep} */
export function applyBatch(doc: Json, ops: Iterable<Operation>): Json {
  const batch = new Batch(doc);
  for (const op of ops) batch.apply(op);
  return batch.doc;
}

class Batch {
  doc: Json;
  /** Containers that this batch made, which it may change. */
  readonly #own = new Set<Json>();

  constructor(doc: Json) {
    this.doc = doc;
  }

  apply(op: Operation): void {
    switch (op.op) {
      case 'add':
      case 'replace':
        return this.#put(op.op, op.path, op.value);
      case 'remove':
        return this.#remove(op.path);
      case 'copy':
        return this.#put('add', op.path, this.#read(op.from));
      case 'move': {
        if (op.from === op.path) return undefined;
        const value = this.#read(op.from);
        this.#remove(op.from);
        return this.#put('add', op.path, value);
      }
      case 'test':
        return undefined;
    }
  }

  #read(pointer: string): Json {
    const value = valueAt(this.doc, pointer);
    if (value === undefined) throw missing(pointer);
    // It will stand in two places, so neither may be changed in place.
    this.#disown(value);
    return value;
  }

  #put(kind: 'add' | 'replace', pointer: string, value: Json): void {
    const segments = segmentsOf(pointer);
    const key = segments.pop();
    if (key === undefined) {
      this.doc = value;
      return;
    }
    const parent = this.#writable(segments, pointer);
    if (Array.isArray(parent)) {
      const index = key === '-' ? parent.length : Number(key);
      const last = kind === 'add' ? parent.length : parent.length - 1;
      if (!Number.isInteger(index) || index < 0 || index > last) throw missing(pointer);
      if (kind === 'add') parent.splice(index, 0, value);
      else parent[index] = value;
      return;
    }
    if (key === '__proto__' || (kind === 'replace' && !Object.hasOwn(parent, key)))
      throw missing(pointer);
    parent[key] = value;
  }

  #remove(pointer: string): void {
    const segments = segmentsOf(pointer);
    const key = segments.pop() ?? '';
    const parent = this.#writable(segments, pointer);
    if (childOf(parent, key) === undefined) throw missing(pointer);
    if (Array.isArray(parent)) parent.splice(Number(key), 1);
    else delete parent[key];
  }

  /** The container at a place, copied with all above it unless this batch did so before. */
  #writable(segments: readonly string[], pointer: string): Json[] | JsonObject {
    let holder = this.#owned(this.doc, pointer);
    this.doc = holder;
    for (const segment of segments) {
      const child = this.#owned(childOf(holder, segment), pointer);
      if (Array.isArray(holder)) holder[Number(segment)] = child;
      else holder[segment] = child;
      holder = child;
    }
    return holder;
  }

  #owned(value: Json | undefined, pointer: string): Json[] | JsonObject {
    if (typeof value !== 'object' || value === null) throw missing(pointer);
    if (this.#own.has(value)) return value;
    const copy = Array.isArray(value) ? value.slice() : { ...value };
    this.#own.add(copy);
    return copy;
  }

  #disown(value: Json): void {
    if (typeof value !== 'object' || value === null || !this.#own.delete(value)) return;
    for (const child of Object.values(value)) this.#disown(child);
  }
}

function missing(pointer: string): OutOfStep {
  return new OutOfStep(`nothing fits at "${pointer}"`);
}
