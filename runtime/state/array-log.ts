import { cloneJson, isContainer, type Json } from './json.ts';
import type { Operation } from './operation.ts';

/** Elements below which an array's log may hold {@link LOG_PER_ELEMENT} entries for each of this many. */
const MIN_LENGTH = 16;

/** Entries per element above which one replacement of the whole array is recorded instead. */
const LOG_PER_ELEMENT = 2;

/** Longest string that is cheaper to send again than an operation on it is. */
const SHORT_STRING = 40;

interface Entry {
  readonly op: 'add' | 'remove' | 'replace';
  readonly index: number;
  /** A scalar, or the live container that was put there. */
  value: Json;
}

/**
 * The structural changes of one array since the start of the window, in order.
 *
 * Invariants:
 * - L1 replaying the entries on the array of the window's start gives the array as it is, but for changes inside
 *   containers that were there from the start.
 * - L2 `#slots` holds, for an index, the entry that put the element there, as long as no index has shifted since;
 *   such an entry takes a later value of the same index.
 * - L3 `added` holds the containers put there in this window that are still there: they are sent as they are at the
 *   end, and changes inside them are not sent again.
 * - L4 there are at most `LOG_PER_ELEMENT * max(MIN_LENGTH, length)` entries; beyond, `whole` is set.
 */
export class ArrayLog {
  whole = false;
  readonly added = new Set<object>();
  #entries: Entry[] = [];
  readonly #slots = new Map<number, Entry>();
  readonly #baseLength: number;

  constructor(baseLength: number) {
    this.#baseLength = baseLength;
  }

  get size(): number {
    return this.#entries.length;
  }

  /** Notes an element put at `index`; `tail` when nothing is behind it. */
  add(index: number, value: Json, tail: boolean): void {
    if (this.whole) return;
    if (!tail) this.#shifted();
    this.#push('add', index, value);
  }

  /** Notes that the element at `index` is gone; `tail` when nothing was behind it. */
  remove(index: number, tail: boolean): void {
    if (this.whole) return;
    if (!tail) this.#shifted();
    const slot = this.#slots.get(index);
    this.#slots.delete(index);
    if (slot?.op === 'add' && this.#entries.at(-1) === slot) this.#entries.pop();
    else this.#entries.push({ op: 'remove', index, value: null });
  }

  /** Notes another value at `index`. */
  replace(index: number, value: Json): void {
    if (this.whole) return;
    const slot = this.#slots.get(index);
    if (slot === undefined) {
      this.#push('replace', index, value);
    } else {
      slot.value = value;
      if (isContainer(value)) this.added.add(value);
    }
  }

  /** Whether `more` entries would outgrow an array of `length` elements. */
  outgrows(length: number, more = 0): boolean {
    return this.#entries.length + more > LOG_PER_ELEMENT * Math.max(MIN_LENGTH, length);
  }

  /** Records one replacement of the whole array from here on. */
  collapse(): void {
    this.whole = true;
    this.#entries = [];
    this.#slots.clear();
    this.added.clear();
  }

  /** Whether sending the array again is shorter than sending the entries. */
  prefersWhole(raw: readonly Json[]): boolean {
    const size = this.#entries.length;
    if (this.whole || (raw.length === 0 && size > 1)) return true;
    if (size <= MIN_LENGTH || raw.length > LOG_PER_ELEMENT * size) return false;
    return this.#baseLength === 0 || raw.every(isShort);
  }

  emit(path: string, out: Operation[]): void {
    for (const { op, index, value } of this.#entries) {
      const at = `${path}/${index}`;
      if (op === 'remove') out.push({ op, path: at });
      else out.push({ op, path: at, value: this.#final(value) });
    }
  }

  /** A container that has left again is removed by a later entry, whatever it is; what it holds now is not state. */
  #final(value: Json): Json {
    if (!isContainer(value)) return value;
    return this.added.has(value) ? cloneJson(value) : null;
  }

  #push(op: 'add' | 'replace', index: number, value: Json): void {
    const entry: Entry = { op, index, value };
    this.#entries.push(entry);
    this.#slots.set(index, entry);
    if (isContainer(value)) this.added.add(value);
  }

  #shifted(): void {
    if (this.#slots.size > 0) this.#slots.clear();
  }
}

function isShort(value: Json): boolean {
  return typeof value === 'string' ? value.length <= SHORT_STRING : !isContainer(value);
}
