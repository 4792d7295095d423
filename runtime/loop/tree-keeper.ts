/**
 * Keeps the stored tree in step with what user code attaches and deletes while the app runs.
 *
 * K1 A name has at most one record: how to build what was attached there, or a tombstone.
 * K2 Records are numbered as they were made: one stands behind those of the components above it, and goes with them.
 * K3 A tombstone stays where a constructor builds something again, and where a flow's field goes on showing what was deleted.
 */
import { appError } from '../errors/index.ts';
import type { ClassIndex } from '../component/class-ref.ts';
import type { Component } from '../component/component.ts';
import { componentDocument } from '../component/document.ts';
import { nextIdOf } from '../component/list.ts';
import { metaOf } from '../component/meta.ts';
import { definitionOf } from '../component/rebuild.ts';
import { checkRebuildable } from '../component/rebuildable.ts';
import { componentsBelow, isWork, withBelow } from '../component/tree.ts';
import type { ComponentDefinition } from '../protocol/work-spec.ts';
import type { Json } from '../state/json.ts';
import type { Recorder } from './recorder.ts';
import type { WorkBook } from './work-book.ts';

/** Prefixes of stored records. */
export const COMPONENT_RECORD = 'component:';
export const FIELDS_RECORD = 'fields:';
export const LIST_RECORD = 'list:';

/** What is stored in place of a deleted component. */
export interface Tombstone {
  readonly order: number;
  readonly name: string;
  readonly deleted: true;
  /** Builds what the flow's field goes on showing, where no constructor does. */
  readonly shown?: ComponentDefinition;
  /** The flow's field was given `undefined` since. */
  readonly cleared?: true;
}

/** A definition, in place of what a constructor builds there when `over` is set; or a tombstone. */
export type StoredDefinition =
  | (ComponentDefinition & { readonly order: number; readonly over?: true })
  | Tombstone;

type NewRecord = (ComponentDefinition & { readonly over?: true }) | Omit<Tombstone, 'order'>;

export interface TreeKeeperOptions {
  readonly root: Component;
  readonly classes: ClassIndex;
  /** Warns of hardware that was not declared. */
  readonly checkHardware: (component: Component, name: string) => void;
  /** Binds what was attached. */
  readonly adopted: (component: Component) => void;
  /** Forgets what was removed. */
  readonly left: (component: Component) => void;
}

export class TreeKeeper {
  /** How to build what is attached at run time, by full name, in the order in which it was. */
  readonly definitions = new Map<string, ComponentDefinition>();
  readonly #recorder: Recorder;
  readonly #works: WorkBook;
  readonly #options: TreeKeeperOptions;
  readonly #fieldNames = new Map<string, readonly string[]>();
  readonly #records = new Map<string, StoredDefinition>();
  #order = 0;

  constructor(recorder: Recorder, works: WorkBook, options: TreeKeeperOptions) {
    this.#recorder = recorder;
    this.#works = works;
    this.#options = options;
  }

  /**
   * Refuses what could not be rebuilt in a work's own process.
   *
   * @throws `WORK_NOT_REBUILDABLE`, `WORK_CLASS_UNKNOWN`
   */
  check(component: Component, name: string): void {
    const { kind, subject, children } = metaOf(component);
    checkRebuildable(component);
    if ((kind === 'work' || kind === 'flow') && !this.#options.classes.refOf(component)) {
      throw appError('WORK_CLASS_UNKNOWN', { work: subject }, { at: name });
    }
    if (kind === 'dict' || kind === 'list') {
      for (const [key, member] of children) this.check(member, `${name}.${key}`);
    }
  }

  attached(component: Component): void {
    const meta = metaOf(component);
    this.#define(component);
    this.#options.adopted(component);
    for (const each of withBelow(component)) {
      metaOf(each).fields?.drain();
      this.noteFields(each);
      if (!isWork(each)) continue;
      this.#options.checkHardware(each, metaOf(each).name);
      this.#works.touch(this.#works.add(each));
    }
    if (meta.parent && metaOf(meta.parent).kind === 'list') this.#noteIds(meta.parent);
    if (meta.kind === 'list') this.#noteIds(component);
    this.#recorder.op({ op: 'add', path: meta.pointer, value: componentDocument(component) });
  }

  removed(component: Component): void {
    const meta = metaOf(component);
    for (const name of [...this.#records.keys()])
      if (name.startsWith(`${meta.name}.`)) this.#record(name, null);
    for (const each of withBelow(component)) {
      const { name, kind } = metaOf(each);
      if (kind === 'list') this.#recorder.meta(`${LIST_RECORD}${name}`, null);
      if (isWork(each)) this.#works.remove(each);
    }
    const { name } = meta;
    const known = this.#records.get(name);
    const builtHere = known === undefined || 'deleted' in known || known.over === true;
    const inFlow = meta.parent !== null && metaOf(meta.parent).kind === 'flow';
    const shown = builtHere ? undefined : this.definitions.get(name);
    if (builtHere) this.#record(name, { name, deleted: true });
    else if (inFlow && shown) this.#record(name, { name, deleted: true, shown });
    else this.#record(name, null);
    this.#options.left(component);
    this.#recorder.op({ op: 'remove', path: meta.pointer });
  }

  /** A flow's field shows a deleted component no longer. */
  cleared(name: string): void {
    const known = this.#records.get(name);
    if (known === undefined || !('deleted' in known)) return;
    this.#record(name, known.shown ? null : { ...known, cleared: true });
  }

  /** Remembers which fields a class has, so that a later version of it can tell a new field from an absent one. */
  noteFields(component: Component): void {
    const { subject, fields } = metaOf(component);
    if (!fields || this.#fieldNames.has(subject)) return;
    this.#fieldNames.set(subject, fields.names());
    this.#recorder.meta(`${FIELDS_RECORD}${subject}`, fields.names());
  }

  /** Takes over a record that was stored. */
  restored(record: StoredDefinition): void {
    this.#order = Math.max(this.#order, record.order);
    this.#records.set(record.name, record);
    if ('deleted' in record) return;
    const { order: _order, over: _over, ...definition } = record;
    this.definitions.set(record.name, definition);
  }

  /** Everything that is stored about the tree, for a snapshot. */
  toStored(): Record<string, Json> {
    const stored: Record<string, Json> = {};
    for (const [subject, names] of this.#fieldNames)
      stored[`${FIELDS_RECORD}${subject}`] = [...names];
    for (const [name, record] of this.#records)
      stored[`${COMPONENT_RECORD}${name}`] = record as unknown as Json;
    for (const component of componentsBelow(this.#options.root)) {
      const { kind, name } = metaOf(component);
      if (kind === 'list') stored[`${LIST_RECORD}${name}`] = nextIdOf(component);
    }
    return stored;
  }

  /** A structure's members are defined one by one, after it. */
  #define(component: Component): void {
    const { kind, name, children } = metaOf(component);
    const definition = definitionOf(component, name, this.#options.classes.refOf(component));
    const known = this.#records.get(name);
    const over = known !== undefined && 'deleted' in known && known.shown === undefined;
    this.#record(name, over ? { ...definition, over } : definition);
    if (kind === 'dict' || kind === 'list')
      for (const child of children.values()) this.#define(child);
  }

  #record(name: string, record: NewRecord | null): void {
    this.#records.delete(name);
    this.definitions.delete(name);
    const stored = record && { ...record, order: this.#order + 1 };
    if (stored) this.restored(stored);
    this.#recorder.meta(`${COMPONENT_RECORD}${name}`, stored as unknown as Json);
  }

  #noteIds(list: Component): void {
    this.#recorder.meta(`${LIST_RECORD}${metaOf(list).name}`, nextIdOf(list));
  }
}
