/** Keeps the stored tree in step with what user code attaches and deletes while the app runs. */
import { appError } from '../errors/index.ts';
import type { ClassIndex } from '../component/class-ref.ts';
import type { Component } from '../component/component.ts';
import { componentDocument } from '../component/document.ts';
import { nextIdOf } from '../component/list.ts';
import { metaOf } from '../component/meta.ts';
import { checkRebuildable, definitionOf } from '../component/rebuild.ts';
import { componentsBelow, isWork, withBelow } from '../component/tree.ts';
import { OPTIONS } from '../component/work-symbols.ts';
import { isHardwareName } from '../hardware/catalogue.ts';
import type { ComponentDefinition } from '../protocol/work-spec.ts';
import type { Json } from '../state/json.ts';
import type { Recorder } from './recorder.ts';
import type { WorkBook } from './work-book.ts';

/** Prefixes of stored records. */
export const COMPONENT_RECORD = 'component:';
export const FIELDS_RECORD = 'fields:';
export const LIST_RECORD = 'list:';

/** A stored definition, or the note that a component of the constructors was deleted. */
export type StoredDefinition = ComponentDefinition | { readonly name: string; readonly deleted: true };

export interface TreeKeeperOptions {
  readonly root: Component;
  readonly classes: ClassIndex;
  /** Instance types that dynamic works may use without a warning. */
  readonly declaredHardware: ReadonlySet<string>;
  readonly warn: (message: string) => void;
  /** Binds what was attached. */
  readonly adopted: (component: Component) => void;
}

export class TreeKeeper {
  /** Components attached at run time, by full name, in the order in which they were. */
  readonly definitions = new Map<string, ComponentDefinition>();
  readonly #recorder: Recorder;
  readonly #works: WorkBook;
  readonly #options: TreeKeeperOptions;
  readonly #fieldNames = new Map<string, readonly string[]>();
  readonly #deleted = new Set<string>();

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
    const { kind, subject } = metaOf(component);
    checkRebuildable(component);
    const { classes } = this.#options;
    const hasClass = kind === 'work' || kind === 'flow';
    if (hasClass && !classes.refOf(component)) {
      throw appError('WORK_CLASS_UNKNOWN', { work: subject }, { at: name });
    }
    if (isWork(component)) this.#checkHardware(component, name);
    if (kind === 'dict' || kind === 'list') {
      for (const [key, member] of metaOf(component).children) this.check(member, `${name}.${key}`);
    }
  }

  attached(component: Component): void {
    const meta = metaOf(component);
    this.#define(component);
    this.#options.adopted(component);
    for (const each of withBelow(component)) {
      metaOf(each).fields?.drain();
      this.noteFields(each);
      if (isWork(each)) this.#works.touch(this.#works.add(each));
    }
    if (meta.parent && metaOf(meta.parent).kind === 'list') {
      this.#recorder.meta(`${LIST_RECORD}${metaOf(meta.parent).name}`, nextIdOf(meta.parent));
    }
    this.#recorder.op({ op: 'add', path: meta.pointer, value: componentDocument(component) });
  }

  removed(component: Component): void {
    const meta = metaOf(component);
    for (const each of withBelow(component)) {
      const { name } = metaOf(each);
      if (this.definitions.delete(name)) this.#recorder.meta(`${COMPONENT_RECORD}${name}`, null);
      if (!isWork(each)) continue;
      const state = this.#works.of(each);
      state.want('stopped');
      state.work = null;
      this.#works.touch(state);
    }
    if (!meta.dynamic) {
      this.#deleted.add(meta.name);
      this.#recorder.meta(`${COMPONENT_RECORD}${meta.name}`, { name: meta.name, deleted: true });
    }
    this.#recorder.op({ op: 'remove', path: meta.pointer });
  }

  /** Remembers which fields a class has, so that a later version of it can tell a new field from an absent one. */
  noteFields(component: Component): void {
    const { subject, fields } = metaOf(component);
    if (!fields || this.#fieldNames.has(subject)) return;
    this.#fieldNames.set(subject, fields.names());
    this.#recorder.meta(`${FIELDS_RECORD}${subject}`, fields.names());
  }


  /** Takes over a definition that was stored. */
  restored(definition: StoredDefinition): void {
    if ('deleted' in definition) this.#deleted.add(definition.name);
    else this.definitions.set(definition.name, definition);
  }

  /** Everything that is stored about the tree, for a snapshot. */
  toStored(): Record<string, Json> {
    const stored: Record<string, Json> = {};
    for (const [subject, names] of this.#fieldNames) stored[`${FIELDS_RECORD}${subject}`] = [...names];
    for (const name of this.#deleted) stored[`${COMPONENT_RECORD}${name}`] = { name, deleted: true };
    for (const [name, definition] of this.definitions) {
      stored[`${COMPONENT_RECORD}${name}`] = definition as unknown as Json;
    }
    for (const component of componentsBelow(this.#options.root)) {
      const { kind, name } = metaOf(component);
      if (kind === 'list') stored[`${LIST_RECORD}${name}`] = nextIdOf(component);
    }
    return stored;
  }

  /** A structure's members are defined one by one, after it. */
  #define(component: Component): void {
    const { kind, name, children } = metaOf(component);
    const ref = this.#options.classes.refOf(component);
    const definition = definitionOf(component, name, ref);
    this.definitions.set(name, definition);
    this.#recorder.meta(`${COMPONENT_RECORD}${name}`, definition as unknown as Json);
    if (kind === 'dict' || kind === 'list') for (const child of children.values()) this.#define(child);
  }

  #checkHardware(work: Component, name: string): void {
    if (!isWork(work)) return;
    const { instanceType, name: hardware } = work[OPTIONS].cloudCompute;
    if (instanceType === null || isHardwareName(hardware) || this.#options.declaredHardware.has(hardware)) return;
    this.#options.warn(
      `${name} uses ${hardware}, which is not declared: on AWS add new App(root, { hardware: [new CloudCompute({ instanceType: '${hardware}' })] })`,
    );
  }
}
