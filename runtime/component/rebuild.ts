/**
 * Building components again from what was stored or sent: `new Class(props)`, attached in the order in which they were.
 */
import { appError } from '../errors/index.ts';
import type { ClassRef, ComponentDefinition } from '../protocol/work-spec.ts';
import { deepEqual, toJsonCopy, type Json } from '../state/json.ts';
import { attachChild, detach } from './adopt.ts';
import type { ClassIndex, ComponentClass } from './class-ref.ts';
import type { Component } from './component.ts';
import { Dict } from './dict.ts';
import { List, restoreMember } from './list.ts';
import { metaOf } from './meta.ts';
import { decodeProps, encodeProps } from './props.ts';
import { componentByName, withBelow } from './tree.ts';
import { publicFields } from './untracked.ts';
import type { Work } from './work.ts';

/** Attaches rebuilt components to a tree; those that were attached already are left alone. */
export function attachDefinitions(
  root: Component,
  definitions: readonly ComponentDefinition[],
  classes: ClassIndex,
): void {
  for (const definition of definitions) {
    const cut = definition.name.lastIndexOf('.');
    const parent = componentByName(root, definition.name.slice(0, cut));
    const key = definition.name.slice(cut + 1);
    const existing = metaOf(parent).children.get(key);
    if (existing && metaOf(existing).dynamic) continue;
    // The one that the constructors built was deleted and replaced at run time.
    if (existing) detach(existing);
    const component = rebuild(definition, classes);
    const { kind } = metaOf(parent);
    if (kind === 'flow') Reflect.set(parent, key, component);
    else if (kind === 'list') restoreMember(parent, key, component);
    else attachChild(parent, key, component);
    for (const each of withBelow(component)) metaOf(each).dynamic = true;
  }
}

/** How a component that is being attached will be built again. */
export function definitionOf(component: Component, name: string, ref: ClassRef | undefined): ComponentDefinition {
  const { kind } = metaOf(component);
  if (ref === undefined) return { name, kind };
  const props = kind === 'work' ? encodeProps((component as Work<object>).props) : undefined;
  return { name, kind, ref, ...(props === undefined ? {} : { props }) };
}

/**
 * Refuses a component whose constructor needs more than its props.
 *
 * @throws `WORK_NOT_REBUILDABLE`
 */
export function checkRebuildable(component: Component): void {
  const { kind, subject } = metaOf(component);
  if (kind !== 'work' && kind !== 'flow') return;
  const constructorLength = component.constructor.length;
  const props = kind === 'work' ? (component as Work<object>).props : {};
  const given = Object.keys(props).length > 0;
  const refuse = (problem: string): Error =>
    appError('WORK_NOT_REBUILDABLE', {
      work: subject,
      problem,
      line: `constructor(props: { … }) { super(props); } in ${subject}, and pass everything in that one object`,
    });
  if (constructorLength > 1) throw refuse(`its constructor takes ${constructorLength} arguments`);
  if (constructorLength === 1 && !given) throw refuse('its constructor takes an argument that super() did not get');
  if (kind === 'work' && given) checkTrial(component as Work<object>, refuse);
}

/** Builds one more instance from the props and looks whether it took them for what they are. */
function checkTrial(work: Work<object>, refuse: (problem: string) => Error): void {
  const encoded = encodeProps(work.props);
  let trial: Work<object>;
  try {
    trial = new (work.constructor as ComponentClass)(decodeProps(encoded)) as Work<object>;
  } catch (error) {
    throw refuse(`its constructor fails when given its props (${String(error)})`);
  }
  if (!deepEqual(encodeProps(trial.props), encoded)) {
    throw refuse('its constructor does not accept the object that it passed to super()');
  }
  for (const name of publicFields(trial)) {
    const value = plainOrNull(Reflect.get(trial, name));
    if (value !== null && deepEqual(value, encoded) && !deepEqual(plainOrNull(Reflect.get(work, name)), encoded)) {
      throw refuse(`its constructor takes a positional argument into ${name}`);
    }
  }
}

function plainOrNull(value: unknown): Json {
  try {
    return toJsonCopy(value, 'value');
  } catch {
    return null;
  }
}

function rebuild(definition: ComponentDefinition, classes: ClassIndex): Component {
  if (definition.kind === 'dict') return new Dict() as unknown as Component;
  if (definition.kind === 'list') return new List() as unknown as Component;
  if (!definition.ref) throw appError('WORK_CLASS_UNKNOWN', { work: definition.name });
  return new (classes.classOf(definition.ref, definition.name))(decodeProps(definition.props));
}
