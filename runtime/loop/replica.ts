/**
 * The flow's view of a work's fields: the work's own changes (replica) below the flow's writes (overlay), per field.
 *
 * V1 Without an overlay the tracked fields are the replica itself.
 * V2 A delta at, above or below an overlay path drops that write.
 * V3 Folding makes the view the replica; the call that folds carries the same operations to the work.
 */
import { applyPatch } from '../state/apply.ts';
import { cloneJson, type Json, type JsonObject } from '../state/json.ts';
import type { Operation } from '../state/operation.ts';
import { getAt, parsePointer, pathsConflict } from '../state/pointer.ts';
import type { Fields } from '../state/tracked.ts';

interface FieldOverlay {
  /** The field as the work has it; absent when it is undefined there. */
  base?: Json;
  /** The flow's writes, with paths relative to the fields. */
  ops: Operation[];
}

/** Overlays by field, as they are stored. */
export type StoredOverlay = Record<string, FieldOverlay>;

export class Replica {
  readonly #fields: Fields;
  readonly #warn: (message: string) => void;
  readonly #overlays: Map<string, FieldOverlay>;
  /** Values from before the writes that were not collected yet. */
  readonly #before = new Map<string, Json | undefined>();

  constructor(fields: Fields, warn: (message: string) => void, stored: StoredOverlay = {}) {
    this.#fields = fields;
    this.#warn = warn;
    this.#overlays = new Map(Object.entries(stored));
  }

  get hasOverlay(): boolean {
    return this.#overlays.size > 0;
  }

  /** What is stored beside the view; `null` when there is nothing to store. */
  toStored(): JsonObject | null {
    if (this.#overlays.size === 0) return null;
    return cloneJson(Object.fromEntries(this.#overlays) as unknown as Json) as JsonObject;
  }

  /** Remembers a field as it is before the flow writes to it. */
  beforeWrite(field: string): void {
    if (this.#overlays.has(field) || this.#before.has(field)) return;
    const value = this.#fields.raw(field);
    this.#before.set(field, value === undefined ? undefined : cloneJson(value));
  }

  /** Takes the flow's own writes (paths relative to the fields) into the overlay. */
  write(ops: readonly Operation[]): void {
    for (const op of ops) {
      const field = fieldOf(op.path);
      const overlay = this.#overlayOf(field);
      const whole = op.path === pointerOf(field);
      const last = overlay.ops.at(-1);
      if (whole) overlay.ops = [op];
      else if (last?.path === op.path && last.op === 'replace' && op.op === 'replace')
        overlay.ops.splice(-1, 1, op);
      else overlay.ops.push(op);
    }
    this.#before.clear();
  }

  /** Applies a work's delta (paths relative to the fields); gives what changed in the view. */
  applyDelta(ops: readonly Operation[]): Operation[] {
    const changed: Operation[] = [];
    for (const op of ops.flatMap((each) => this.#perField(each))) {
      const field = fieldOf(op.path);
      const overlay = this.#overlays.get(field);
      if (overlay) changed.push(...this.#applyBelow(field, overlay, op));
      else if (this.#fields.apply([op])[0]?.ok === true) changed.push(op);
      else
        this.#warn(
          `a change of ${this.#fields.at()}${op.path} could not be applied and was left out`,
        );
    }
    return changed;
  }

  /** The fields as the work has them, without the flow's writes. */
  values(): JsonObject {
    const values = this.#fields.snapshot();
    for (const [field, { base }] of this.#overlays) {
      if (base === undefined) delete values[field];
      else values[field] = cloneJson(base);
    }
    return values;
  }

  /** The fields that the flow wrote to, whole, as operations that may be applied more than once. */
  overlaid(): Operation[] {
    return [...this.#overlays.keys()].map((field) => {
      const value = this.#fields.raw(field);
      const path = pointerOf(field);
      return value === undefined
        ? { op: 'remove', path }
        : { op: 'add', path, value: cloneJson(value) };
    });
  }

  /** Makes the view the replica; gives the writes that the work must apply too. */
  fold(): Operation[] {
    const ops = [...this.#overlays.values()].flatMap((overlay) => overlay.ops);
    this.#overlays.clear();
    return ops;
  }

  /** Overlays hold one field each, so what leads from one field into another becomes a removal and an addition. */
  #perField(op: Operation): Operation[] {
    if (!('from' in op) || fieldOf(op.from) === fieldOf(op.path) || this.#overlays.size === 0)
      return [op];
    const field = fieldOf(op.from);
    const source = this.#overlays.get(field)?.base ?? this.#fields.raw(field);
    const value =
      source === undefined ? undefined : getAt({ [field]: source }, parsePointer(op.from));
    if (value === undefined) return [op];
    const added: Operation = { op: 'add', path: op.path, value: cloneJson(value) };
    return op.op === 'move' ? [{ op: 'remove', path: op.from }, added] : [added];
  }

  #overlayOf(field: string): FieldOverlay {
    const known = this.#overlays.get(field);
    if (known) return known;
    const base = this.#before.get(field);
    const overlay: FieldOverlay = { ...(base === undefined ? {} : { base }), ops: [] };
    this.#overlays.set(field, overlay);
    return overlay;
  }

  #applyBelow(field: string, overlay: FieldOverlay, op: Operation): Operation[] {
    const replica: JsonObject = overlay.base === undefined ? {} : { [field]: overlay.base };
    applyPatch(replica, [op], 'each');
    if (Object.hasOwn(replica, field)) overlay.base = replica[field] ?? null;
    else delete overlay.base;
    overlay.ops = overlay.ops.filter((own) => !pathsConflict(own.path, op.path));
    const view = cloneJson(replica) as JsonObject;
    const { outcomes } = applyPatch(view, overlay.ops, 'each');
    overlay.ops = overlay.ops.filter((own, index) => {
      const applied = outcomes[index]?.ok === true;
      if (!applied)
        this.#warn(
          `the flow's write to ${this.#fields.at()}${own.path} no longer applies and was dropped`,
        );
      return applied;
    });
    if (overlay.ops.length === 0) this.#overlays.delete(field);
    const path = pointerOf(field);
    const had = this.#fields.raw(field) !== undefined;
    const value = Object.hasOwn(view, field) ? view[field] : undefined;
    this.#fields.setRaw(field, value === undefined ? undefined : value);
    if (value === undefined) return had ? [{ op: 'remove', path }] : [];
    return [{ op: 'add', path, value: cloneJson(value) }];
  }
}

function fieldOf(path: string): string {
  return parsePointer(path)[0] ?? '';
}

function pointerOf(field: string): string {
  return `/${field.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
