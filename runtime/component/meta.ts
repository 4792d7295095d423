/**
 * The hidden record of each component.
 *
 * C1 A component has at most one place in at most one tree; `name` is empty until it has one.
 * C2 User code never sees the record: it hangs on a symbol.
 */
import type { Fields } from '../state/tracked.ts';
import type { JsonObject } from '../state/json.ts';
import type { FlowBinding, WorkProcess } from './binding.ts';
import type { Component } from './component.ts';

const META: unique symbol = Symbol.for('stormkite.component') as never;

export type ComponentKind = 'flow' | 'work' | 'dict' | 'list';

/** Group of a component in its parent's state document. */
export type Registry = 'flows' | 'works' | 'structures';

export interface ComponentMeta {
  readonly kind: ComponentKind;
  /** Class name, for messages only. */
  readonly subject: string;
  /** Full name (`root.d.key`); empty until attached. */
  name: string;
  /** Last segment of the name. */
  key: string;
  /** JSON Pointer of its document in the app's state. */
  pointer: string;
  parent: Component | null;
  /** Attached components by key, in declaration order. */
  readonly children: Map<string, Component>;
  /** Tracked fields; `null` for structures and before adoption. */
  fields: Fields | null;
  /** Fields whose class lets them be undefined: those that were so when they were adopted. */
  readonly optionalFields: Set<string>;
  /** The `calls` document: ledger of a work, schedules and iterations of a flow. */
  calls: JsonObject;
  /** True when it was attached while the app ran. */
  dynamic: boolean;
  deleted: boolean;
  /** The name for people that was set before the component was attached. */
  displayName: string;
  /** Whether the constructor passed an object to `super`, so that there is one to build it again from. */
  hasProps: boolean;
  /** Set on the flow's side of a running app. */
  binding: FlowBinding | null;
  /** Set in a work's own process, on that work. */
  process: WorkProcess | null;
}

/** Gives a new component its record. */
export function createMeta(component: object, kind: ComponentKind): ComponentMeta {
  const meta: ComponentMeta = {
    kind,
    subject: component.constructor.name,
    name: '',
    key: '',
    pointer: '',
    parent: null,
    children: new Map(),
    fields: null,
    optionalFields: new Set(),
    calls: kind === 'work' ? { latest_call_hash: null } : {},
    dynamic: false,
    deleted: false,
    displayName: '',
    hasProps: false,
    binding: null,
    process: null,
  };
  Object.defineProperty(component, META, { value: meta });
  return meta;
}

/** The record of a component. */
export function metaOf(component: Component): ComponentMeta {
  return (component as unknown as { [META]: ComponentMeta })[META];
}

/** Whether a value is a flow, work, Dict or List, also of another copy of this module. */
export function isComponent(value: unknown): value is Component {
  return typeof value === 'object' && value !== null && Reflect.has(value, META);
}

/** Where a kind of component stands in its parent's document. */
export function registryOf(kind: ComponentKind): Registry {
  if (kind === 'flow') return 'flows';
  return kind === 'work' ? 'works' : 'structures';
}
