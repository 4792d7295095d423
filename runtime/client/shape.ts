/**
 * The state document as the app's author sees it: fields and children by name, instead of `vars`, `works`, `flows` and
 * `structures`.
 *
 * Made once per part of a document and kept as long as it lives, so what did not change keeps its identity (S2 of `share.ts`).
 */
import { statusOf } from '../component/work-status.ts';
import type { WorkStatus } from '../protocol/events.ts';
import { isContainer, setOwn, type Json, type JsonObject } from '../state/json.ts';
import { childOf } from '../state/pointer.ts';

/** Kinds of components that a document has. */
export type Kind = 'flow' | 'work' | 'structure';

/** A plain frozen object. */
export type Shape = Readonly<Record<string, unknown>>;

/** Where a component's children stand, and what is there. */
const GROUPS = [
  ['works', 'work'],
  ['flows', 'flow'],
  ['structures', 'structure'],
] as const satisfies readonly (readonly [string, Kind])[];

const known = new WeakMap<JsonObject, Shape>();

/** A component, with everything below it. */
export function shapeOf(document: JsonObject, kind: Kind): Shape {
  const found = known.get(document);
  if (found !== undefined) return found;
  const shape: Record<string, unknown> = {};
  const set = (name: string, value: unknown): void => {
    Object.defineProperty(shape, name, { value, enumerable: true });
  };
  for (const name of fieldsOf(document)) set(name, fieldOf(document, name));
  for (const { name, child, kind: below } of childrenOf(document)) set(name, shapeOf(child, below));
  if (kind === 'work') {
    set('status', workStatus(document));
    set('url', workUrl(document));
  }
  known.set(document, Object.freeze(shape));
  return shape;
}

/** Names of a component's public fields. */
export function fieldsOf(document: JsonObject): string[] {
  const vars = document['vars'];
  return isContainer(vars) ? Object.keys(vars).filter((name) => !name.startsWith('_')) : [];
}

/** The value of a public field; undefined when it has none. */
export function fieldOf(document: JsonObject, name: string): Json | undefined {
  return name.startsWith('_') ? undefined : childOf(document['vars'], name);
}

/** A component inside another. */
export interface Child {
  readonly name: string;
  readonly kind: Kind;
  /** Member of the parent's document that holds it. */
  readonly group: string;
  readonly child: JsonObject;
}

/** All children, in the order of the document. */
export function childrenOf(document: JsonObject): Child[] {
  return GROUPS.flatMap(([group, kind]) => {
    const members = objectIn(document, group);
    return Object.keys(members ?? {}).flatMap((name) => {
      const child = objectIn(members, name);
      return child === null ? [] : [{ name, kind, group, child }];
    });
  });
}

/** The child of a name; `null` when there is none. */
export function childNamed(document: JsonObject, name: string): Child | null {
  for (const [group, kind] of GROUPS) {
    const child = objectIn(objectIn(document, group), name);
    if (child !== null) return { name, kind, group, child };
  }
  return null;
}

export function workStatus(document: JsonObject): WorkStatus {
  return statusOf(objectIn(document, 'calls') ?? { latest_call_hash: null });
}

export function workUrl(document: JsonObject): string {
  const url = childOf(document['vars'], '_url');
  return typeof url === 'string' ? url : '';
}

/** A member that is an object; `null` for anything else. */
export function objectIn(parent: Json | null | undefined, key: string): JsonObject | null {
  const value = childOf(parent ?? undefined, key);
  return isContainer(value) && !Array.isArray(value) ? value : null;
}

/** A copy of a value that nobody has frozen. */
export function thawed(value: Json): Json {
  if (!isContainer(value)) return value;
  if (Array.isArray(value)) return value.map(thawed);
  const copy: JsonObject = {};
  for (const [key, item] of Object.entries(value)) setOwn(copy, key, thawed(item));
  return copy;
}
