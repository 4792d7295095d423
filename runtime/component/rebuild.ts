/**
 * Building components again from what was stored or sent: `new Class(props)`, attached in the order in which they were.
 */
import { appError } from '../errors/index.ts';
import type { ClassRef, ComponentDefinition } from '../protocol/work-spec.ts';
import { attachChild, detach } from './adopt.ts';
import type { ClassIndex } from './class-ref.ts';
import type { Component } from './component.ts';
import { Dict } from './dict.ts';
import type { Flow } from './flow.ts';
import { List, restoreMember } from './list.ts';
import { metaOf } from './meta.ts';
import { decodeProps, encodeProps } from './props.ts';
import { componentByName, withBelow } from './tree.ts';
import type { Work } from './work.ts';

/** Attaches rebuilt components to a tree, in place of what the constructors built there. */
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
export function definitionOf(
  component: Component,
  name: string,
  ref: ClassRef | undefined,
): ComponentDefinition {
  const { kind, hasProps } = metaOf(component);
  if (ref === undefined) return { name, kind };
  if (!hasProps) return { name, kind, ref };
  return { name, kind, ref, props: encodeProps((component as Work<object> | Flow<object>).props) };
}

function rebuild(definition: ComponentDefinition, classes: ClassIndex): Component {
  if (definition.kind === 'dict') return new Dict() as unknown as Component;
  if (definition.kind === 'list') return new List() as unknown as Component;
  if (!definition.ref) throw appError('WORK_CLASS_UNKNOWN', { work: definition.name });
  const { ref, props } = definition;
  return new (classes.classOf(ref, placeOf(ref)))(decodeProps(props));
}

/** Where a class was found: what the user may have renamed or removed. */
function placeOf(ref: ClassRef): string {
  return ref.by === 'listed' ? `works[${ref.index}]` : ref.name;
}
