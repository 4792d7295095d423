import { ArrayLog } from './array-log.ts';
import { isMutator, mutators } from './array-methods.ts';
import type { Cell } from './cell.ts';
import { handleOf } from './handle.ts';
import { cloneJson, isContainer, isForbiddenKey, type Json } from './json.ts';
import { Node, type Holder, type MakeNode } from './node.ts';
import type { Operation } from './operation.ts';
import type { Step } from './place.ts';
import { toIndex } from './pointer.ts';

const NO_HOLES = 'append with push, and shorten with length or splice';

/** Tracks an array: an ordered log of what was added, removed and replaced. */
export class ArrayNode extends Node {
  readonly array: Json[];
  #log: ArrayLog | undefined;

  constructor(raw: Json[], up: Holder, key: Step, make: MakeNode) {
    super(raw, up, key, make);
    this.array = raw;
  }

  override get(_raw: object, key: string | symbol): unknown {
    if (typeof key === 'symbol') return this.hidden(key) ?? Reflect.get(this.array, key);
    const index = toIndex(key);
    if (index >= 0) return this.present(this.array[index], index);
    if (isMutator(key)) return mutators[key];
    return key === '__proto__' ? undefined : Reflect.get(this.array, key);
  }

  override set(raw: object, key: string | symbol, value: unknown, receiver: unknown): boolean {
    if (typeof key === 'string' && isForbiddenKey(key)) throw this.forbidden(key);
    if (receiver !== this.proxy) return Reflect.set(raw, key, value, receiver);
    const cell = this.root();
    if (cell === undefined) return Reflect.set(raw, key, value);
    const index = typeof key === 'string' ? toIndex(key) : -1;
    if (index >= 0) this.setIndex(cell, index, value);
    else if (key === 'length') this.#setLength(cell, Number(value));
    else throw this.#namedProperty(key);
    return true;
  }

  override deleteProperty(raw: object, key: string | symbol): boolean {
    if (this.root() === undefined || !Object.hasOwn(raw, key))
      return Reflect.deleteProperty(raw, key);
    throw this.refuse([], 'a hole', 'remove the element with splice(index, 1)');
  }

  /** Sets one element; the index just behind the last one appends. */
  setIndex(cell: Cell, index: number, value: unknown): void {
    const { array } = this;
    if (index === array.length) {
      this.splice(cell, index, 0, [value]);
      return;
    }
    if (index > array.length) {
      throw this.refuse(
        [],
        `a hole (index ${index} was set, the length is ${array.length})`,
        NO_HOLES,
      );
    }
    const old = array[index];
    if (value === old) return;
    if (
      isContainer(old) &&
      typeof value === 'object' &&
      value !== null &&
      handleOf(value)?.raw === old
    )
      return;
    const copy = this.copy(value, index);
    if (copy === old) return;
    cell.begin();
    this.#replace(index, copy);
    this.#finish(cell);
  }

  /** Removes and inserts; gives what was removed, which is plain from here on. */
  splice(cell: Cell, start: number, removeCount: number, items: readonly unknown[]): unknown[] {
    const { array } = this;
    const copies = items.map((item, offset) => this.copy(item, start + offset));
    if (removeCount === 0 && copies.length === 0) return [];
    const log = this.#beginLog(cell);
    const after = array.length - removeCount - start;
    if (log.outgrows(array.length - removeCount + copies.length, removeCount + copies.length))
      log.collapse();
    for (let i = start + removeCount - 1; i >= start; i -= 1) log.remove(i, after === 0);
    for (const [offset, copy] of copies.entries()) log.add(start + offset, copy, after === 0);
    const removed = removeCount === 0 ? [] : array.slice(start, start + removeCount);
    this.#edit(start, removeCount, copies);
    const dropped = removed.map((value) => this.#dropElement(value));
    this.#finish(cell);
    return dropped;
  }

  /** Puts other values at the given indices, each of which exists. */
  replaceAll(cell: Cell, entries: readonly (readonly [index: number, value: Json])[]): void {
    if (entries.length === 0) return;
    cell.begin();
    for (const [index, value] of entries) this.#replace(index, value);
    this.#finish(cell);
  }

  /** Puts the same elements into another order. */
  reorder(cell: Cell, next: readonly Json[]): void {
    const { array } = this;
    const changes: [number, Json][] = [];
    let scalar = true;
    for (const [index, value] of next.entries()) {
      if (value === array[index]) continue;
      changes.push([index, value]);
      scalar &&= !isContainer(value) && !isContainer(array[index]);
    }
    if (scalar && changes.length * 2 <= array.length) {
      this.replaceAll(cell, changes);
      return;
    }
    this.#beginLog(cell).collapse();
    for (const [index, value] of changes) array[index] = value;
    this.#finish(cell);
  }

  override patched(_key: string, old: Json | undefined): void {
    this.passed();
    this.drop(old);
  }

  override passed(): void {
    // The edit's path has the other side's indices and the log has this side's: only the whole array is right for both.
    if (this.#log !== undefined && this.#log.size > 0) this.#log.collapse();
  }

  override emit(path: string, out: Operation[]): void {
    const log = this.#log;
    this.#log = undefined;
    if (log?.prefersWhole(this.array) === true) {
      out.push({ op: 'replace', path, value: cloneJson(this.array) });
      this.clear();
      return;
    }
    log?.emit(path, out);
    this.#locate();
    for (const child of this.takeDirty()) {
      if (log?.added.has(child.raw) === true) child.clear();
      else child.emit(`${path}/${child.key}`, out);
    }
  }

  protected override forget(): void {
    this.#log = undefined;
  }

  protected override keyOf(child: Node): Step {
    const { raw, key } = child;
    return typeof key === 'number' && this.array[key] === raw
      ? key
      : this.array.findIndex((item) => item === raw);
  }

  /** Finds the indices of changed children, in one pass when any guess is wrong. */
  #locate(): void {
    for (const child of this.dirty ?? []) {
      if (this.array[Number(child.key)] === child.raw) continue;
      for (const [index, value] of this.array.entries()) {
        const node = this.existing(value);
        if (node !== undefined) node.key = index;
      }
      return;
    }
  }

  #replace(index: number, value: Json): void {
    const old = this.array[index];
    this.#openLog().replace(index, value);
    this.array[index] = value;
    this.#dropElement(old);
  }

  #setLength(cell: Cell, length: number): void {
    const { array } = this;
    if (!Number.isInteger(length) || length < 0 || length > array.length) {
      throw this.refuse(
        [],
        `holes (length ${length} was set, it has ${array.length} elements)`,
        NO_HOLES,
      );
    }
    if (length < array.length) this.splice(cell, length, array.length - length, []);
  }

  #edit(start: number, removeCount: number, copies: Json[]): void {
    const { array } = this;
    if (start + removeCount === array.length) {
      array.length = start;
      for (const copy of copies) array.push(copy);
    } else {
      array.splice(start, removeCount, ...copies);
    }
  }

  #dropElement(value: Json | undefined): unknown {
    if (isContainer(value)) this.#log?.added.delete(value);
    return this.drop(value);
  }

  #beginLog(cell: Cell): ArrayLog {
    cell.begin();
    return this.#openLog();
  }

  #openLog(): ArrayLog {
    this.#log ??= new ArrayLog(this.array.length);
    this.mark();
    return this.#log;
  }

  #finish(cell: Cell): void {
    const log = this.#log;
    if (log !== undefined && !log.whole && log.outgrows(this.array.length)) log.collapse();
    cell.end();
  }

  #namedProperty(key: string | symbol): Error {
    return this.refuse(
      [],
      `an array with the property "${String(key)}"`,
      'store an object for named values',
    );
  }
}
