import { MAX_DEPTH, toJsonCopy, type Json, type JsonObject } from '../state/json.ts';
import type { Component } from './component.ts';
import { isComponent, metaOf } from './meta.ts';

/** Public own fields of a component that belongs to no app yet. */
export function untrackedVars(component: Component): JsonObject {
  const { subject } = metaOf(component);
  const vars: Record<string, Json> = {};
  for (const name of publicFields(component)) {
    const value: unknown = Reflect.get(component, name);
    if (value === undefined || isComponentField(value)) continue;
    vars[name] = toJsonCopy(value, `${subject}.${name}`);
  }
  return vars;
}

/** Names of a component's own public fields: no leading underscore, no symbols. */
export function publicFields(component: Component): string[] {
  return Object.keys(component).filter((name) => !name.startsWith('_'));
}

/** Whether a field's value is a component, or a non-empty array or plain object of nothing but components. */
export function isComponentField(value: unknown): boolean {
  return isOnlyComponents(value, 0);
}

/** Members of a non-empty array or plain object made only of components (or of such arrays and objects); else `null`. */
export function componentsOf(value: unknown): readonly (readonly [string, unknown])[] | null {
  return isComponent(value) || !isOnlyComponents(value, 0) ? null : Object.entries(value as object);
}

/** Looks at no more than the first member that is something else. */
function isOnlyComponents(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (isComponent(value)) return true;
  if (depth > MAX_DEPTH) return false;
  if (Array.isArray(value))
    return value.length > 0 && value.every((member) => isOnlyComponents(member, depth + 1));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  const keys = Object.keys(value);
  return (
    keys.length > 0 && keys.every((key) => isOnlyComponents(Reflect.get(value, key), depth + 1))
  );
}

/** A value that is not what was asked for, in words. */
export function describe(value: unknown): string {
  if (typeof value === 'function') return `the class ${value.name} (did you forget \`new\`?)`;
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object' && value !== null)
    return `a ${value.constructor?.name ?? 'plain object'}`;
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

/** The names and kinds of the components below one that belongs to no app yet. */
export function shapeOf(component: Component): JsonObject {
  const { kind, children } = metaOf(component);
  const shape: Record<string, Json> = {};
  const add = (name: string, value: unknown): void => {
    if (isComponent(value)) shape[name] = { kind: metaOf(value).kind, below: shapeOf(value) };
    else for (const [key, member] of componentsOf(value) ?? []) add(`${name}.${key}`, member);
  };
  if (kind === 'dict' || kind === 'list') for (const [key, member] of children) add(key, member);
  else for (const name of publicFields(component)) add(name, Reflect.get(component, name));
  return shape;
}
