import { toJsonCopy, type Json, type JsonObject } from '../state/json.ts';
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
  return isComponent(value) || componentsOf(value) !== null;
}

/** Members of a non-empty array or plain object made only of components (or of such arrays and objects); else `null`. */
export function componentsOf(value: unknown): readonly (readonly [string, unknown])[] | null {
  if (typeof value !== 'object' || value === null || isComponent(value)) return null;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) return null;
  const entries = Object.entries(value);
  return entries.length > 0 && entries.every(([, member]) => isComponentField(member)) ? entries : null;
}

/** A value that is not what was asked for, in words. */
export function describe(value: unknown): string {
  if (typeof value === 'function') return `the class ${value.name} (did you forget \`new\`?)`;
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object' && value !== null) return `a ${value.constructor?.name ?? 'plain object'}`;
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
