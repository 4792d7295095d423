import { handleOf } from './handle.ts';
import {
  cloneJson,
  deepEqual,
  isContainer,
  isForbiddenKey,
  setOwn,
  type Json,
  type JsonObject,
} from './json.ts';
import { Node, type Holder, type MakeNode } from './node.ts';
import type { Operation } from './operation.ts';
import type { Step } from './place.ts';
import { childOf, escapeSegment } from './pointer.ts';

/** Stands for "held a container" where only the kind of the earlier value matters. */
const CONTAINER = Symbol('container');

/** The value of a key at the start of the window; undefined when it was absent. */
type Base = Exclude<Json, Json[] | JsonObject> | undefined | typeof CONTAINER;

/** Tracks a plain object: which keys changed, and what they were at the start of the window. */
export class ObjectNode extends Node {
  readonly #raw: JsonObject;
  #pending: Map<string, Base> | undefined;

  constructor(raw: JsonObject, up: Holder, key: Step, make: MakeNode) {
    super(raw, up, key, make);
    this.#raw = raw;
  }

  override get(_raw: object, key: string | symbol): unknown {
    if (typeof key === 'symbol') return this.hidden(key) ?? Reflect.get(this.#raw, key);
    const value: unknown = this.#raw[key];
    if (typeof value !== 'object' || value === null) return value;
    // `__proto__` is the only inherited object; hiding it keeps a[b][c] = d away from Object.prototype.
    return Object.hasOwn(this.#raw, key) ? this.present(value, key) : undefined;
  }

  override set(raw: object, key: string | symbol, value: unknown, receiver: unknown): boolean {
    if (typeof key === 'string' && isForbiddenKey(key)) throw this.forbidden(key);
    if (receiver !== this.proxy) return Reflect.set(raw, key, value, receiver);
    const cell = this.root();
    if (cell === undefined) return Reflect.set(raw, key, value);
    if (typeof key === 'symbol') throw this.refuse([], 'a symbol key', 'use string keys');
    const old = childOf(this.#raw, key);
    if (value === old && value !== undefined) return true;
    if (
      isContainer(old) &&
      typeof value === 'object' &&
      value !== null &&
      handleOf(value)?.raw === old
    )
      return true;
    const copy = this.copy(value, key);
    if (isContainer(old) && isContainer(copy) && !cell.dirty && deepEqual(old, copy)) {
      this.drop(old);
      this.#raw[key] = copy;
      return true;
    }
    cell.begin();
    this.#note(key, old);
    this.drop(old);
    setOwn(this.#raw, key, copy);
    cell.end();
    return true;
  }

  override deleteProperty(raw: object, key: string | symbol): boolean {
    const cell = this.root();
    if (cell === undefined || typeof key === 'symbol') return Reflect.deleteProperty(raw, key);
    const old = childOf(this.#raw, key);
    if (old === undefined) return true;
    cell.begin();
    this.#note(key, old);
    this.drop(old);
    delete this.#raw[key];
    if (this.#pending?.get(key) === undefined) this.#pending?.delete(key);
    cell.end();
    return true;
  }

  override passed(): void {
    // Keys mean the same on both sides.
  }

  override patched(key: string, old: Json | undefined): void {
    this.drop(old);
    // The edit came from the other side, which therefore holds the same value: there is nothing left to tell.
    this.#pending?.delete(key);
  }

  override emit(path: string, out: Operation[]): void {
    const pending = this.#pending;
    this.#pending = undefined;
    if (pending !== undefined) {
      for (const [key, base] of pending)
        this.#emitKey(`${path}/${escapeSegment(key)}`, key, base, out);
    }
    for (const child of this.takeDirty()) {
      const key = this.keyOf(child);
      if (pending?.has(key) === true) child.clear();
      else child.emit(`${path}/${escapeSegment(key)}`, out);
    }
  }

  #emitKey(path: string, key: string, base: Base, out: Operation[]): void {
    const value = childOf(this.#raw, key);
    if (value === base) return;
    if (value === undefined) out.push({ op: 'remove', path });
    else out.push({ op: base === undefined ? 'add' : 'replace', path, value: cloneJson(value) });
  }

  #note(key: string, old: Json | undefined): void {
    this.#pending ??= new Map();
    if (!this.#pending.has(key)) this.#pending.set(key, isContainer(old) ? CONTAINER : old);
    this.mark();
  }

  protected override forget(): void {
    this.#pending = undefined;
  }

  protected override keyOf(child: Node): string {
    return String(child.key);
  }
}
