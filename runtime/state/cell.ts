import { copyJson, deepEqual, cloneJson, isContainer, type Json } from './json.ts';
import { handleOf } from './handle.ts';
import type { Holder, MakeNode, Node } from './node.ts';
import type { Operation } from './operation.ts';
import type { Place } from './place.ts';
import { escapeSegment } from './pointer.ts';

/** Stands for "held a container" where only the kind of the earlier value matters. */
const CONTAINER = Symbol('container');

/** A flag that is never raised, so that the hot path needs no check for its absence. */
const NEVER = new Int32Array(1);

/** What a cell tells the component instance that owns it. */
export interface CellOwner {
  beforeChange(cell: Cell): void;
  /** After the first change of a window, when the new value can be read. */
  changed(): void;
  flushRequested(): void;
  /** Whether the value was taken elsewhere. */
  consume(field: string, value: unknown): boolean;
  place(field: string): Place;
}

/**
 * One tracked field of one instance.
 *
 * Invariants:
 * - C1 `dirty` is set exactly while the cell is in its owner's list of changed cells.
 * - C2 `fast` implies `dirty && replaced` and a scalar value, so a number can be stored with no further work.
 * - C3 `node` belongs to the container in `value`; replacing the value releases it.
 * - C4 `beforeChange` runs before a change and `changed` after it, so either may read or drain.
 */
export class Cell implements Holder {
  readonly up: undefined;
  readonly cell: Cell = this;
  readonly depth = 0;
  readonly name: string;
  /** The field's pointer text. */
  readonly path: string;
  readonly owner: CellOwner;
  readonly makeNode: MakeNode;

  value: Json | undefined;
  fast = false;
  dirty = false;
  /** True when the whole value was replaced in this window. */
  replaced = false;
  node: Node | undefined = undefined;
  flag: Int32Array = NEVER;
  #base: Json | undefined | typeof CONTAINER = undefined;

  constructor(owner: CellOwner, name: string, value: Json | undefined, makeNode: MakeNode) {
    this.owner = owner;
    this.name = name;
    this.path = `/${escapeSegment(name)}`;
    this.value = value;
    this.makeNode = makeNode;
  }

  /** Sets the flag that asks a busy writer to flush. */
  watch(flag: Int32Array | undefined): void {
    this.flag = flag ?? NEVER;
  }

  /** What user code reads: a scalar, or the tracked proxy of the container. */
  read(): unknown {
    const { value } = this;
    if (!isContainer(value)) return value;
    this.node ??= this.makeNode(value, this, this.name);
    return this.node.proxy;
  }

  /** What user code assigns; checked and copied. */
  assign(value: unknown): void {
    if (value === this.value) return;
    if (value === undefined) return this.#store(undefined);
    if ((typeof value === 'object' && value !== null) || typeof value === 'function') {
      const handle = handleOf(value);
      if (handle !== undefined && handle === this.node) return;
      if (handle === undefined && this.owner.consume(this.name, value)) {
        if (this.value !== undefined) this.#store(undefined);
        return;
      }
    }
    const copy = copyJson(value, 0, () => this.placeOf());
    if (copy === this.value) return;
    if (
      !this.dirty &&
      isContainer(copy) &&
      isContainer(this.value) &&
      deepEqual(this.value, copy)
    ) {
      // An equal document is no change to report, yet what was read before is the old one's.
      this.#swap(copy);
      return;
    }
    this.#store(copy);
  }

  /** Takes a value over, unrecorded; pending changes of the field are dropped. */
  adopt(value: Json | undefined): void {
    this.#swap(value);
    this.#reset();
  }

  /** Announces a change that is about to be made. */
  begin(): void {
    if (this.dirty) return;
    this.owner.beforeChange(this);
    this.dirty = true;
    this.#base = isContainer(this.value) ? CONTAINER : this.value;
  }

  /** Announces that a change was made. */
  end(): void {
    this.owner.changed();
    if (this.flag[0] !== 0) this.owner.flushRequested();
  }

  noteDirty(): void {
    // The cell is marked by begin().
  }

  placeOf(): Place {
    return this.owner.place(this.name);
  }

  /** Writes the pending change as operations and starts a new window. */
  emit(out: Operation[]): void {
    if (!this.replaced) {
      this.node?.emit(this.path, out);
    } else {
      this.node?.clear();
      this.#emitValue(out);
    }
    this.#reset();
  }

  #emitValue(out: Operation[]): void {
    const { path, value } = this;
    const base = this.#base;
    if (value === base) return;
    if (value === undefined) out.push({ op: 'remove', path });
    else out.push({ op: base === undefined ? 'add' : 'replace', path, value: cloneJson(value) });
  }

  #store(next: Json | undefined): void {
    this.begin();
    this.#swap(next);
    this.replaced = true;
    this.fast = !isContainer(next);
    this.end();
  }

  #swap(next: Json | undefined): void {
    this.node?.release();
    this.node = undefined;
    this.value = next;
  }

  #reset(): void {
    this.dirty = false;
    this.replaced = false;
    this.fast = false;
    this.#base = undefined;
  }
}
