import { appError } from '../errors/index.ts';
import { refusalOf, type Outcome } from './apply.ts';
import { Cell, type CellOwner } from './cell.ts';
import { cloneJson, isForbiddenKey, toJsonCopy, type Json, type JsonObject } from './json.ts';
import { applyToFields, type FieldsView } from './fields-apply.ts';
import { makeNode } from './make-node.ts';
import type { Operation } from './operation.ts';
import type { Place } from './place.ts';
import { childOf } from './pointer.ts';
import { attachCells, isHidden, Shape } from './shape.ts';

/** What a component is told about its fields. */
export interface FieldsHooks {
  /** Called after the first pending change since the last {@link Fields.drain}; the new value can be read and drained. */
  onDirty(): void;
  /** Called once per field before its first pending change since the last drain; the value is still the old one. */
  beforeChange?(field: string): void;
  /**
   * Offered each object or function that user code assigns to a declared field (tracked values apart), and
   * every undeclared assignment; true when it was consumed elsewhere. May throw.
   */
  assign?(field: string, value: unknown, declared: boolean): boolean;
  /** Non-zero at `[0]` asks a busy writer to flush at its next change. */
  readonly flushFlag?: Int32Array;
  /** Called after a change while {@link FieldsHooks.flushFlag} is raised. */
  onFlushRequested?(): void;
}

/** How an instance is tracked. */
export interface TrackOptions {
  /** The name of the instance in messages, as `Train`. */
  readonly subject: string;
  /** The full name of the instance, as `root.train`; asked when an error is made. */
  readonly at: () => string;
  readonly hooks?: FieldsHooks;
  /** Leaves a field as it is. */
  readonly skip?: (name: string, value: unknown) => boolean;
}

const NO_HOOKS: FieldsHooks = { onDirty: () => undefined };
const instances = new WeakMap<object, Fields>();

/** The tracked fields of one component instance. */
export class Fields {
  /** The name of the instance in messages. */
  readonly subject: string;
  readonly #instance: object;
  readonly #at: () => string;
  readonly #cells: Cell[] = [];
  readonly #owner: CellOwner;
  readonly #view: FieldsView;
  #shape: Shape;
  #hooks: FieldsHooks = NO_HOOKS;
  #changed: Cell[] = [];
  #announced = false;

  private constructor(instance: object, options: TrackOptions) {
    this.subject = options.subject;
    this.#instance = instance;
    this.#at = options.at;
    this.#shape = Shape.of(Object.getPrototypeOf(instance) as object);
    this.#owner = this.#createOwner();
    this.#view = {
      cell: (name) => this.#cell(name),
      set: (name, value) => this.setRaw(name, value),
      document: () => this.document(),
    };
    if (options.hooks !== undefined) this.hooks = options.hooks;
  }

  /** The fields of a tracked instance. */
  static of(instance: object): Fields | undefined {
    return instances.get(instance);
  }

  /** Tracks an instance; leaves it untouched when a value is refused. @internal Use `trackFields`. */
  static track(
    instance: object,
    options: TrackOptions,
    entries: readonly (readonly [name: string, value: unknown])[],
  ): Fields {
    const fields = new Fields(instance, options);
    fields.#declareAll(entries);
    attachCells(instance, fields.#cells);
    instances.set(instance, fields);
    return fields;
  }

  get hooks(): FieldsHooks {
    return this.#hooks;
  }

  set hooks(hooks: FieldsHooks) {
    this.#hooks = hooks;
    for (const cell of this.#cells) cell.watch(hooks.flushFlag);
  }

  /** The full name of the instance, for errors. */
  at(): string {
    return this.#at();
  }

  /** The declared names in order of declaration, also of fields that are undefined. */
  names(): string[] {
    return [...this.#shape.names];
  }

  has(name: string): boolean {
    return this.#shape.index.has(name);
  }

  /** The live plain value; never to be changed by the caller. */
  raw(name: string): Json | undefined {
    return this.#cell(name)?.value;
  }

  /** Whether anything is pending. */
  get dirty(): boolean {
    return this.#changed.length > 0;
  }

  /** A plain copy of all fields that are present. */
  snapshot(): JsonObject {
    return cloneJson(this.document()) as JsonObject;
  }

  /** All present fields over their live values: to be serialised at once, never kept or changed. */
  document(): JsonObject {
    const document: JsonObject = {};
    for (const { name, value } of this.#cells) if (value !== undefined) document[name] = value;
    return document;
  }

  /**
   * The changes since the last drain, as operations relative to the fields (`/counter`, `/log/3`); starts a new window.
   *
   * Empty when every field is back at what it was. The values are copies.
   */
  drain(): Operation[] {
    const operations: Operation[] = [];
    const changed = this.#changed;
    this.#changed = [];
    this.#announced = false;
    for (const cell of changed) cell.emit(operations);
    return operations;
  }

  /**
   * Applies operations relative to the fields, each on its own; nothing of it is recorded.
   *
   * Tracked values read earlier stay valid, unless an operation replaced or removed them. Removing a field leaves it
   * declared and undefined; a field that is not declared is `missing`. A pending change at or below an applied
   * path is dropped, for the operation overwrote it.
   */
  apply(ops: readonly Operation[]): Outcome[] {
    return ops.map((op) => {
      try {
        return applyToFields(this.#view, op);
      } catch (error) {
        return refusalOf(error);
      }
    });
  }

  /**
   * Replaces all declared fields by copies of the given values, unrecorded; a field that is not among them becomes undefined.
   *
   * @returns the names that are not declared; their values are ignored.
   */
  load(values: JsonObject): string[] {
    for (const { name } of this.#cells) {
      const value = childOf(values, name);
      this.setRaw(name, value === undefined ? undefined : cloneJson(value));
    }
    return Object.keys(values).filter((name) => !this.has(name));
  }

  /** Sets a declared field, unrecorded, and takes the value over without a copy; pending changes of the field are dropped. */
  setRaw(name: string, value: Json | undefined): void {
    const cell = this.#cell(name);
    if (cell === undefined) throw this.#undeclared(name);
    if (cell.dirty) this.#changed.splice(this.#changed.indexOf(cell), 1);
    cell.adopt(value);
    if (this.#changed.length === 0) this.#announced = false;
  }

  /**
   * Sets a declared field as an assignment of user code does: checked, copied and recorded. Also reaches the fields whose
   * name starts with `_`, which have no accessor.
   *
   * @throws `STATE_FIELD_NOT_DECLARED`, `STATE_NOT_JSON`, `STATE_TOO_DEEP`, `STATE_KEY_FORBIDDEN`.
   */
  set(name: string, value: unknown): void {
    const cell = this.#cell(name);
    if (cell === undefined) throw this.#undeclared(name);
    cell.assign(value);
  }

  /**
   * Declares one more field, unrecorded, and takes the place of an own property of that name.
   *
   * A field that is already declared gets the value, also unrecorded. A name that starts with `_` gets no accessor.
   *
   * @throws `STATE_NOT_JSON`, `STATE_TOO_DEEP`, `STATE_KEY_FORBIDDEN`.
   */
  declare(name: string, value: unknown): void {
    this.#declareAll([[name, value]]);
  }

  /** Declares several fields; nothing is declared when one of them is refused. */
  #declareAll(entries: readonly (readonly [name: string, value: unknown])[]): void {
    const copies: [string, Json | undefined][] = entries.map(([name, value]) => {
      if (isForbiddenKey(name))
        throw appError(
          'STATE_KEY_FORBIDDEN',
          { subject: this.subject, key: name },
          { at: this.at() },
        );
      const { subject, at } = this.#place(name);
      return [name, value === undefined ? undefined : toJsonCopy(value, subject, at)];
    });
    // Last first: an object that loses its newest property steps back to its earlier hidden class and stays fast.
    for (const [name] of copies.toReversed())
      if (!isHidden(name)) Reflect.deleteProperty(this.#instance, name);
    let shape = this.#shape;
    for (const [name, copy] of copies) {
      if (this.has(name)) {
        this.setRaw(name, copy);
        continue;
      }
      shape = shape.with(name);
      const cell = new Cell(this.#owner, name, copy, makeNode);
      cell.watch(this.#hooks.flushFlag);
      this.#cells.push(cell);
    }
    if (shape !== this.#shape) {
      this.#shape = shape;
      shape.adopt(this.#instance);
    }
  }

  #cell(name: string): Cell | undefined {
    const position = this.#shape.index.get(name);
    return position === undefined ? undefined : this.#cells[position];
  }

  #place(field: string): Place {
    return { subject: `${this.subject}.${field}`, at: `${this.at()}.${field}` };
  }

  #undeclared(field: string): Error {
    return appError(
      'STATE_FIELD_NOT_DECLARED',
      { component: this.subject, field },
      { at: `${this.at()}.${field}` },
    );
  }

  #createOwner(): CellOwner {
    return {
      beforeChange: (cell) => {
        this.#hooks.beforeChange?.(cell.name);
        this.#changed.push(cell);
      },
      changed: () => {
        if (this.#announced) return;
        this.#announced = true;
        this.#hooks.onDirty();
      },
      flushRequested: () => this.#hooks.onFlushRequested?.(),
      consume: (field, value) => this.#hooks.assign?.(field, value, true) === true,
      place: (field) => this.#place(field),
    };
  }
}
