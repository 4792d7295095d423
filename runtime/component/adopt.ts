/**
 * Taking components into a tree: naming them, tracking their fields, and letting them go.
 *
 * A1 Fields are adopted when a component is attached, because only then has its construction ended.
 * A2 A component is registered with its parent only after everything below it was adopted.
 */
import { appError } from '../errors/index.ts';
import { escapeSegment } from '../state/pointer.ts';
import { trackFields, type FieldsHooks } from '../state/tracked.ts';
import type { Json } from '../state/json.ts';
import type { Component } from './component.ts';
import { checkKey } from './key.ts';
import { isComponent, metaOf, registryOf } from './meta.ts';
import { withBelow } from './tree.ts';
import { componentsOf, publicFields } from './untracked.ts';
import type { Work } from './work.ts';
import { OPTIONS } from './work-symbols.ts';

/** Makes a structure out of an array or object of components; set by `structures.ts`, which depends on this module. */
let structureOf: (members: object) => Component = () => {
  throw appError('COMPONENT_EXPECTED', { where: 'a structure', got: 'nothing' });
};

export function setStructureMaker(maker: (members: object) => Component): void {
  structureOf = maker;
}

/** Makes a component the root of a tree. */
export function adoptRoot(root: Component): void {
  adopt(root, null, 'root');
}

/**
 * Puts a component below a parent, in a running app or before.
 *
 * @throws `COMPONENT_DELETED`, `COMPONENT_ATTACHED_TWICE`, `COMPONENT_KEY_INVALID`, and what the running app refuses
 */
export function attachChild(parent: Component, key: string, child: Component): void {
  checkKey(key);
  const parentMeta = metaOf(parent);
  if (parentMeta.name === '') {
    parentMeta.children.set(key, child);
    return;
  }
  checkAttachable(parent, key, child);
  adopt(child, parent, key);
  if (!parentMeta.binding) return;
  for (const component of withBelow(child)) {
    const meta = metaOf(component);
    meta.dynamic = true;
    meta.binding = parentMeta.binding;
  }
  parentMeta.binding.attached(child);
}

/**
 * Refuses what cannot be attached, before anything makes room for it.
 *
 * @throws `COMPONENT_DELETED`, `COMPONENT_ATTACHED_TWICE`, and what the running app refuses
 */
export function checkAttachable(parent: Component, key: string, child: Component): void {
  const { name, binding } = metaOf(parent);
  checkFree(child);
  binding?.beforeAttach(child, `${name}.${key}`);
}

/** Takes a component and all below it out of the tree for good. */
export function detach(component: Component): void {
  const meta = metaOf(component);
  if (meta.deleted) return;
  if (meta.parent) metaOf(meta.parent).children.delete(meta.key);
  for (const each of withBelow(component)) metaOf(each).deleted = true;
  meta.binding?.removed(component);
}

/** The component in a value: itself, or a structure made of its members; `null` for plain values. */
export function toComponent(value: unknown): Component | null {
  if (isComponent(value)) return value;
  return componentsOf(value) === null ? null : structureOf(value as object);
}

function checkFree(component: Component): void {
  const meta = metaOf(component);
  if (meta.deleted) throw appError('COMPONENT_DELETED', { component: meta.subject });
  if (meta.name !== '') {
    throw appError('COMPONENT_ATTACHED_TWICE', { component: meta.subject, name: meta.name });
  }
}

function adopt(component: Component, parent: Component | null, key: string): void {
  checkFree(component);
  const meta = metaOf(component);
  const parentMeta = parent && metaOf(parent);
  meta.key = key;
  meta.parent = parent;
  meta.name = parentMeta ? `${parentMeta.name}.${key}` : key;
  meta.pointer = parentMeta
    ? `${parentMeta.pointer}/${registryOf(meta.kind)}/${escapeSegment(key)}`
    : '';
  if (meta.kind === 'flow' || meta.kind === 'work') adoptFields(component);
  else for (const [childKey, child] of [...meta.children]) adopt(child, component, childKey);
  parentMeta?.children.set(key, component);
}

function adoptFields(component: Component): void {
  const meta = metaOf(component);
  const children = new Map<string, Component>();
  for (const name of publicFields(component)) {
    const child = toComponent(Reflect.get(component, name));
    if (child === null) continue;
    if (meta.kind === 'work') throw inWork(meta.subject, name);
    checkKey(name);
    children.set(name, child);
  }
  meta.fields = trackFields(component, {
    subject: meta.subject,
    at: () => meta.name,
    skip: (name) => children.has(name),
    hooks: hooksOf(component),
  });
  for (const name of meta.fields.names()) {
    if (meta.fields.raw(name) === undefined) meta.optionalFields.add(name);
  }
  if (meta.kind === 'work') declareInternals(component as Work<object>);
  for (const [name, child] of children) {
    adopt(child, component, name);
    defineChild(component, name, child);
  }
}

function hooksOf(component: Component): FieldsHooks {
  const meta = metaOf(component);
  return {
    onDirty: () => meta.binding?.dirty(component),
    beforeChange: (field) => meta.binding?.beforeChange(component, field),
    assign: (field, value) => {
      const child = toComponent(value);
      if (child === null) return false;
      if (meta.kind === 'work') throw inWork(meta.subject, field);
      attachChild(component, field, child);
      defineChild(component, field, child);
      return true;
    },
  };
}

/**
 * Lets a flow's field show its child and refuse another value while that child lives.
 *
 * A deleted child stays visible, so that using it says so, until the field is given something else.
 */
function defineChild(flow: Component, name: string, first: Component): void {
  let shown: Component | null = first;
  const set = (value: unknown): void => {
    if (shown !== null && value === shown) return;
    if (shown !== null && !metaOf(shown).deleted) {
      const { name: child } = metaOf(shown);
      throw appError('COMPONENT_REASSIGNED', { name: child }, { at: child });
    }
    const next = toComponent(value);
    if (next !== null) {
      attachChild(flow, name, next);
      shown = next;
      return;
    }
    const { fields, binding } = metaOf(flow);
    if (value !== undefined || fields?.has(name) === true) fields?.set(name, value);
    if (shown !== null) binding?.cleared(flow, name);
    shown = null;
  };
  // Not configurable: `delete flow.work` would hide a work that goes on running.
  Object.defineProperty(flow, name, {
    enumerable: true,
    get: () => shown ?? Reflect.get(Object.getPrototypeOf(flow) as object, name, flow),
    set,
  });
}

/** Variables of a work that Stormkite itself keeps in its document. */
function declareInternals(work: Work<object>): void {
  const { fields } = metaOf(work);
  const options = work[OPTIONS];
  const internals: Record<string, Json> = {
    _host: options.host ?? '',
    _port: options.port,
    _url: '',
    _internal_ip: '',
    _public_ip: '',
    _display_name: metaOf(work).displayName,
    _cloud_compute: options.cloudCompute.toJSON(),
  };
  for (const [name, value] of Object.entries(internals)) fields?.declare(name, value);
}

function inWork(work: string, field: string): Error {
  return appError('COMPONENT_IN_WORK', { work, field }, { at: `${work}.${field}` });
}
