import { addInto, APPLIED, failed, removeFrom, replaceIn, type Outcome } from './apply.ts';
import type { Cell } from './cell.ts';
import { cloneJson, deepEqual, type Json, type JsonObject } from './json.ts';
import type { Node } from './node.ts';
import type { Operation } from './operation.ts';
import { childOf, getAt, isPrefix, parsePointer } from './pointer.ts';

/** The fields of an instance as an operation sees them. */
export interface FieldsView {
  cell(name: string): Cell | undefined;
  /** Sets a declared field, unrecorded. */
  set(name: string, value: Json | undefined): void;
  document(): JsonObject;
}

/** Applies one operation to tracked fields, unrecorded, and keeps the nodes of what it touches in step. */
export function applyToFields(fields: FieldsView, op: Operation): Outcome {
  const path = parsePointer(op.path);
  switch (op.op) {
    case 'replace':
    case 'add':
      return put(fields, op.op, path, cloneJson(op.value, path.length));
    case 'remove':
      return remove(fields, path);
    case 'test': {
      const found = find(fields, path);
      if (found === undefined) return missing(op.path);
      return deepEqual(found, op.value)
        ? APPLIED
        : failed('test-failed', `"${op.path}" has another value`);
    }
    case 'copy': {
      const found = find(fields, parsePointer(op.from));
      return found === undefined
        ? missing(op.from)
        : put(fields, 'add', path, cloneJson(found, path.length));
    }
    case 'move':
      return move(fields, op.from, op.path, path);
  }
}

function move(fields: FieldsView, from: string, to: string, path: string[]): Outcome {
  const source = parsePointer(from);
  const found = find(fields, source);
  if (found === undefined) return missing(from);
  if (from === to) return APPLIED;
  if (isPrefix(from, to)) return failed('forbidden', `"${from}" cannot be moved into itself`);
  const value = cloneJson(found, path.length);
  const removed = remove(fields, source);
  if (!removed.ok) return removed;
  const added = put(fields, 'add', path, value);
  if (!added.ok) put(fields, 'add', source, value);
  return added;
}

function put(
  fields: FieldsView,
  kind: 'add' | 'replace',
  path: readonly string[],
  value: Json,
): Outcome {
  const [name, key] = [path[0], path.at(-1)];
  if (name === undefined || key === undefined)
    return failed('forbidden', 'the fields cannot be replaced as a whole');
  const cell = fields.cell(name);
  if (cell === undefined || (kind === 'replace' && cell.value === undefined)) return missing(name);
  if (path.length === 1) {
    fields.set(name, value);
    return APPLIED;
  }
  const { parent, node } = locate(cell, path);
  const old = kind === 'add' && Array.isArray(parent) ? undefined : childOf(parent, key);
  const outcome = kind === 'add' ? addInto(parent, key, value) : replaceIn(parent, key, value);
  if (outcome.ok) node?.patched(key, old);
  return outcome;
}

function remove(fields: FieldsView, path: readonly string[]): Outcome {
  const [name, key] = [path[0], path.at(-1)];
  if (name === undefined || key === undefined)
    return failed('forbidden', 'the fields cannot be removed as a whole');
  const cell = fields.cell(name);
  if (cell === undefined || cell.value === undefined) return missing(name);
  if (path.length === 1) {
    fields.set(name, undefined);
    return APPLIED;
  }
  const { parent, node } = locate(cell, path);
  const old = childOf(parent, key);
  const outcome = removeFrom(parent, key);
  if (outcome.ok) node?.patched(key, old);
  return outcome;
}

function find(fields: FieldsView, path: readonly string[]): Json | undefined {
  const name = path[0];
  if (name === undefined) return fields.document();
  const value = fields.cell(name)?.value;
  return value === undefined ? undefined : getAt(value, path.slice(1));
}

function missing(path: string): Outcome {
  return failed('missing', `nothing is at "${path}"`);
}

/** The container above the last segment, with its node if one was made; no node, nothing pending and no proxy. */
function locate(
  cell: Cell,
  path: readonly string[],
): { parent: Json | undefined; node: Node | undefined } {
  let parent = cell.value;
  let { node } = cell;
  for (let i = 1; i < path.length - 1; i += 1) {
    node?.passed();
    parent = childOf(parent, path[i] ?? '');
    node = node?.existing(parent);
  }
  return { parent, node };
}
