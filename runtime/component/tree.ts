import { appError } from '../errors/index.ts';
import type { Component } from './component.ts';
import type { Flow } from './flow.ts';
import { metaOf } from './meta.ts';
import type { Work } from './work.ts';

/** Every component below one, depth first in declaration order. */
export function* componentsBelow(component: Component): Generator<Component> {
  for (const child of metaOf(component).children.values()) {
    yield child;
    yield* componentsBelow(child);
  }
}

/** A component, then every one below it. */
export function* withBelow(component: Component): Generator<Component> {
  yield component;
  yield* componentsBelow(component);
}

/** Every flow below a component, depth first in declaration order. */
export function flowsBelow(component: Component): Flow[] {
  return [...componentsBelow(component)].filter(isFlow);
}

/** Every work below a component, depth first in declaration order. */
export function worksBelow(component: Component): Work[] {
  return [...componentsBelow(component)].filter(isWork);
}

export function isFlow(component: Component): component is Flow {
  return metaOf(component).kind === 'flow';
}

export function isWork(component: Component): component is Work {
  return metaOf(component).kind === 'work';
}

/**
 * The component with a full name (`root`, `root.d.key`).
 *
 * @throws `COMPONENT_UNKNOWN`
 */
export function componentByName(root: Component, name: string): Component {
  const [first, ...keys] = name.split('.');
  let found: Component | undefined = first === 'root' ? root : undefined;
  for (const key of keys) found = found && metaOf(found).children.get(key);
  if (!found) throw appError('COMPONENT_UNKNOWN', { name });
  return found;
}
