import { appError } from '../errors/index.ts';
import type { Cell } from './cell.ts';
import { HANDLE, type Handle } from './handle.ts';
import { copyJson, isContainer, notJson, type Json, type JsonObject } from './json.ts';
import type { Operation } from './operation.ts';
import { extendPlace, type Place, type Step } from './place.ts';

/** What a container can sit in: a field's cell, or another container's node. */
export interface Holder {
  readonly up: Holder | undefined;
  readonly cell: Cell | undefined;
  /** Containers above what it holds. */
  readonly depth: number;
  noteDirty(child: Node): void;
  /** Where a child is, for errors. */
  placeOf(child: Node): Place;
}

/** Makes the node of a container; passed down, so that objects and arrays need not import one another. */
export type MakeNode = (raw: Json[] | JsonObject, up: Holder, key: Step) => Node;

/**
 * The tracking of one container: the handler of its proxy, and its pending changes.
 *
 * Invariants:
 * - N1 each container occurs once in the tree: what is assigned is copied.
 * - N2 `up` leads to a cell exactly while the container is part of the state; a released node has no way up,
 *   hence neither have the nodes below it, and writes to them are plain.
 * - N3 a node with pending changes is in `dirty` of its holder, and so on up to the cell.
 * - N4 user code never sees a container that is part of the state, only its proxy.
 *
 * Pending changes are bounded by the size of the container, whatever is written and however often.
 */
export abstract class Node implements Holder, Handle, ProxyHandler<object> {
  readonly raw: Json[] | JsonObject;
  readonly proxy: object;
  readonly depth: number;
  readonly cell: undefined;
  up: Holder | undefined;
  /** The key in the holder; of an array's child only a guess, checked before use. */
  key: Step;
  protected dirty: Set<Node> | undefined;
  #children: Map<object, Node> | undefined;
  #marked = false;
  readonly #make: MakeNode;

  constructor(raw: Json[] | JsonObject, up: Holder, key: Step, make: MakeNode) {
    this.raw = raw;
    this.up = up;
    this.key = key;
    this.depth = up.depth + 1;
    this.#make = make;
    this.proxy = new Proxy(raw, this);
  }

  /** Writes pending changes as operations below `path` and forgets them. */
  abstract emit(path: string, out: Operation[]): void;
  /** Forgets what is pending on this container itself. */
  protected abstract forget(): void;
  /** Adjusts what is pending when an edit that is not recorded happens further below. */
  abstract passed(): void;
  /** Adjusts what is pending after an edit of this container that is not recorded. */
  abstract patched(key: string, old: Json | undefined): void;
  /** The key under which a child sits now. */
  protected abstract keyOf(child: Node): Step;

  abstract get(raw: object, key: string | symbol, receiver: unknown): unknown;
  abstract set(raw: object, key: string | symbol, value: unknown, receiver: unknown): boolean;
  abstract deleteProperty(raw: object, key: string | symbol): boolean;

  getOwnPropertyDescriptor(raw: object, key: string | symbol): PropertyDescriptor | undefined {
    const property = Reflect.getOwnPropertyDescriptor(raw, key);
    if (property !== undefined) property.value = this.present(property.value, String(key));
    return property;
  }

  defineProperty(raw: object, key: string | symbol, property: PropertyDescriptor): boolean {
    if (this.root() === undefined) return Reflect.defineProperty(raw, key, property);
    throw this.refuse(
      [String(key)],
      'a property made by Object.defineProperty',
      'assign the value instead',
    );
  }

  setPrototypeOf(raw: object, prototype: object | null): boolean {
    if (this.root() === undefined) return Reflect.setPrototypeOf(raw, prototype);
    throw this.refuse(
      [],
      'an object with a prototype of its own',
      'store plain objects and arrays',
    );
  }

  preventExtensions(raw: object): boolean {
    if (this.root() === undefined) return Reflect.preventExtensions(raw);
    throw this.refuse([], 'a frozen or sealed value', 'freeze a copy made by snapshot(value)');
  }

  /** What user code sees of a value in this container. */
  present(value: unknown, key: Step): unknown {
    if (typeof value !== 'object' || value === null) return value;
    const known = this.#children?.get(value);
    if (known !== undefined) {
      known.key = key;
      return known.proxy;
    }
    // What was detached may hold anything, and is plain.
    if (this.root() === undefined) return value;
    this.#children ??= new Map();
    const child = this.#make(value as Json[] | JsonObject, this, key);
    this.#children.set(value, child);
    return child.proxy;
  }

  /** The node of a child, if one was made. */
  existing(value: Json | undefined): Node | undefined {
    return isContainer(value) ? this.#children?.get(value) : undefined;
  }

  /** The cell above; undefined once the container is no longer part of the state. */
  root(): Cell | undefined {
    let holder = this.up;
    while (holder?.up !== undefined) holder = holder.up;
    return holder?.cell;
  }

  /** Cuts the container off from the state. */
  release(): void {
    this.up = undefined;
  }

  /** Cuts a child off, if it is a container that anybody has seen, and gives what user code sees of it. */
  protected drop(value: Json | undefined): unknown {
    const child = this.existing(value);
    if (child === undefined || !isContainer(value)) return value;
    this.#children?.delete(value);
    this.dirty?.delete(child);
    child.release();
    return child.proxy;
  }

  /** Enters the container into the pending changes of all above it. */
  protected mark(): void {
    if (this.#marked) return;
    this.#marked = true;
    this.up?.noteDirty(this);
  }

  noteDirty(child: Node): void {
    this.dirty ??= new Set();
    this.dirty.add(child);
    this.mark();
  }

  /** Forgets all pending changes, also below. */
  clear(): void {
    this.forget();
    for (const child of this.takeDirty()) child.clear();
  }

  /** The children with pending changes; starts a new window. */
  protected takeDirty(): Iterable<Node> {
    const children = this.dirty ?? [];
    this.dirty = undefined;
    this.#marked = false;
    return children;
  }

  /** Checks and copies a value that is to sit under `key`. */
  protected copy(value: unknown, key: Step): Json {
    return copyJson(value, this.depth, () => extendPlace(this.#place(), [key]));
  }

  placeOf(child: Node): Place {
    return extendPlace(this.#place(), [this.keyOf(child)]);
  }

  protected refuse(steps: readonly Step[], what: string, advice: string): Error {
    return notJson(extendPlace(this.#place(), steps), { what, advice });
  }

  protected forbidden(key: string): Error {
    const { subject, at } = this.#place();
    return appError('STATE_KEY_FORBIDDEN', { subject, key }, at === undefined ? {} : { at });
  }

  /** Reads what no user code can name. */
  protected hidden(key: string | symbol): Handle | undefined {
    return key === HANDLE ? this : undefined;
  }

  #place(): Place {
    return this.up?.placeOf(this) ?? { subject: 'a detached value', at: undefined };
  }
}
