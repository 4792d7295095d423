/** Puts a stored application back into a tree that the constructors just built. */
import { detach } from '../component/adopt.ts';
import type { App } from '../component/app.ts';
import type { ClassIndex } from '../component/class-ref.ts';
import type { Component } from '../component/component.ts';
import { reserveIds } from '../component/list.ts';
import { metaOf } from '../component/meta.ts';
import { attachDefinitions } from '../component/rebuild.ts';
import { componentByName, withBelow } from '../component/tree.ts';
import type { StoredApp } from '../protocol/turn-record.ts';
import { cloneJson, type Json, type JsonObject } from '../state/json.ts';
import { getAt, parsePointer } from '../state/pointer.ts';
import {
  COMPONENT_RECORD,
  FIELDS_RECORD,
  LIST_RECORD,
  type StoredDefinition,
  type Tombstone,
} from './tree-keeper.ts';

/**
 * Rebuilds what was attached or deleted at run time; gives the records in their order.
 *
 * @param homeless - hears of records whose place this version of the app no longer has
 */
export function restoreTree(
  app: App,
  stored: StoredApp,
  classes: ClassIndex,
  homeless: (record: StoredDefinition) => void,
): StoredDefinition[] {
  const restored: StoredDefinition[] = [];
  const definitions = Object.entries(stored.meta)
    .filter(([key]) => key.startsWith(COMPONENT_RECORD))
    .map(([, value]) => value as unknown as StoredDefinition)
    .toSorted((a, b) => a.order - b.order);
  for (const definition of definitions) {
    if (!hasPlace(app.flow, definition.name)) {
      homeless(definition);
      continue;
    }
    if ('deleted' in definition) bury(app.flow, definition, classes);
    else attachDefinitions(app.flow, [definition], classes);
    restored.push(definition);
  }
  for (const [key, value] of Object.entries(stored.meta)) {
    if (key.startsWith(LIST_RECORD))
      reserveListIds(app.flow, key.slice(LIST_RECORD.length), Number(value));
  }
  return restored;
}

/** Whether something stands above a name that can hold components. */
function hasPlace(root: Component, name: string): boolean {
  try {
    return metaOf(componentByName(root, name.slice(0, name.lastIndexOf('.')))).kind !== 'work';
  } catch {
    return false;
  }
}

/** Loads every component's fields and calls from the stored document. */
export function restoreState(app: App, stored: StoredApp, warn: (message: string) => void): void {
  for (const component of withBelow(app.flow)) {
    const meta = metaOf(component);
    const document = getAt(stored.document, parsePointer(meta.pointer));
    if (!isObject(document) || !meta.fields) continue;
    restoreFields(component, isObject(document['vars']) ? document['vars'] : {}, stored, warn);
    if (isObject(document['calls'])) meta.calls = cloneJson(document['calls']) as JsonObject;
  }
}

function restoreFields(
  component: Component,
  vars: JsonObject,
  stored: StoredApp,
  warn: (message: string) => void,
): void {
  const { fields, subject, name } = metaOf(component);
  if (!fields) return;
  const known = stored.meta[`${FIELDS_RECORD}${subject}`];
  for (const field of fields.names()) {
    const value = Object.hasOwn(vars, field) ? vars[field] : undefined;
    // A field that the stored version did not know keeps the default of the new code.
    if (value === undefined && !(Array.isArray(known) && known.includes(field))) continue;
    fields.setRaw(field, value === undefined ? undefined : cloneJson(value));
  }
  for (const field of Object.keys(vars)) {
    if (!fields.has(field))
      warn(`${name}.${field} is stored but no longer declared; its value was left out`);
  }
}

/** Deletes again what was deleted, so that a flow's field shows it as it did. */
function bury(root: Component, { name, shown, cleared }: Tombstone, classes: ClassIndex): void {
  if (shown) attachDefinitions(root, [shown], classes);
  try {
    detach(componentByName(root, name));
  } catch {
    // The new version of the app no longer builds it.
    return;
  }
  const cut = name.lastIndexOf('.');
  if (cleared)
    Reflect.set(componentByName(root, name.slice(0, cut)), name.slice(cut + 1), undefined);
}

function reserveListIds(root: Component, name: string, next: number): void {
  try {
    reserveIds(componentByName(root, name), next);
  } catch {
    // The list is gone; so are its ids.
  }
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
