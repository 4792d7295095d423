import { isAppError } from '../errors/index.ts';
import { cloneJson, deepEqual, isContainer, setOwn, type Json } from './json.ts';
import type { Operation } from './operation.ts';
import { childOf, getAt, isPrefix, parsePointer, toIndex } from './pointer.ts';

/** Why an operation was not applied. */
export type Problem = 'missing' | 'test-failed' | 'bad-index' | 'not-a-container' | 'forbidden';

/** What became of one operation. */
export type Outcome =
  | { readonly ok: true }
  | { readonly ok: false; readonly problem: Problem; readonly message: string };

/** Undoes one edit; edits are undone last first. */
type Undo = () => void;

interface Target {
  doc: Json;
}

/** The outcome of every operation that was applied. */
export const APPLIED: Outcome = Object.freeze({ ok: true });

/** Applies one operation in place; a failing one changes nothing. */
export function applyOperation(target: Target, op: Operation): Outcome {
  return run(target, op, undefined);
}

/**
 * Applies a patch in place and returns the document, which is another value when the root was replaced.
 *
 * `atomic` is RFC 6902: the outcomes end with the first failure, and when there is one nothing at all was applied.
 * `each` skips the operations that fail. Values are copied: patch and document never share structure.
 */
export function applyPatch(
  doc: Json,
  ops: readonly Operation[],
  mode: 'atomic' | 'each',
): { doc: Json; outcomes: Outcome[] } {
  const target = { doc };
  const outcomes: Outcome[] = [];
  const journal: Undo[] | undefined = mode === 'atomic' ? [] : undefined;
  for (const op of ops) {
    const outcome = run(target, op, journal);
    if (!outcome.ok && journal !== undefined) {
      undo(journal);
      outcomes.push(outcome);
      return { doc, outcomes };
    }
    outcomes.push(outcome);
  }
  return { doc: target.doc, outcomes };
}

/** An outcome of an operation that was not applied. */
export function failed(problem: Problem, message: string): Outcome {
  return { ok: false, problem, message };
}

/** Adds a child to a container: sets a key, or inserts at an index (`-` is the end). */
export function addInto(
  parent: Json | undefined,
  key: string,
  value: Json,
  journal?: Undo[],
): Outcome {
  if (!isContainer(parent)) return noContainer(parent, key);
  if (Array.isArray(parent)) {
    const index = key === '-' ? parent.length : toIndex(key);
    if (index < 0 || index > parent.length) return badIndex(key, parent.length);
    if (index === parent.length) parent.push(value);
    else parent.splice(index, 0, value);
    journal?.push(() => parent.splice(index, 1));
    return APPLIED;
  }
  if (journal !== undefined) {
    const old = childOf(parent, key);
    journal.push(() => (old === undefined ? delete parent[key] : setOwn(parent, key, old)));
  }
  setOwn(parent, key, value);
  return APPLIED;
}

/** Replaces an existing child of a container. */
export function replaceIn(
  parent: Json | undefined,
  key: string,
  value: Json,
  journal?: Undo[],
): Outcome {
  const old = childOf(parent, key);
  if (!isContainer(parent) || old === undefined) return noChild(parent, key);
  if (Array.isArray(parent)) {
    const index = toIndex(key);
    parent[index] = value;
    journal?.push(() => (parent[index] = old));
  } else {
    parent[key] = value;
    journal?.push(() => (parent[key] = old));
  }
  return APPLIED;
}

/** Removes an existing child of a container. */
export function removeFrom(parent: Json | undefined, key: string, journal?: Undo[]): Outcome {
  const old = childOf(parent, key);
  if (!isContainer(parent) || old === undefined) return noChild(parent, key);
  if (Array.isArray(parent)) {
    const index = toIndex(key);
    parent.splice(index, 1);
    journal?.push(() => parent.splice(index, 0, old));
  } else {
    delete parent[key];
    journal?.push(() => setOwn(parent, key, old));
  }
  return APPLIED;
}

/** Turns a pointer or value that is refused into an outcome; other errors pass. */
export function refusalOf(error: unknown): Outcome {
  if (isAppError(error)) return failed('forbidden', error.message);
  throw error;
}

function run(target: Target, op: Operation, journal: Undo[] | undefined): Outcome {
  try {
    const path = parsePointer(op.path);
    switch (op.op) {
      case 'replace':
      case 'add':
        return put(target, op.op, path, cloneJson(op.value, path.length), journal);
      case 'remove':
        return remove(target, path, journal);
      case 'test': {
        const found = getAt(target.doc, path);
        if (found === undefined) return failed('missing', `nothing is at "${op.path}"`);
        return deepEqual(found, op.value)
          ? APPLIED
          : failed('test-failed', `"${op.path}" has another value`);
      }
      case 'copy': {
        const found = getAt(target.doc, parsePointer(op.from));
        if (found === undefined) return failed('missing', `nothing is at "${op.from}"`);
        return put(target, 'add', path, cloneJson(found, path.length), journal);
      }
      case 'move':
        return move(target, op.from, op.path, path, journal);
    }
  } catch (error) {
    return refusalOf(error);
  }
}

function put(
  target: Target,
  kind: 'add' | 'replace',
  path: string[],
  value: Json,
  journal?: Undo[],
): Outcome {
  const key = path.at(-1);
  if (key === undefined) {
    const old = target.doc;
    journal?.push(() => (target.doc = old));
    target.doc = value;
    return APPLIED;
  }
  const parent = parentOf(target.doc, path);
  return kind === 'add'
    ? addInto(parent, key, value, journal)
    : replaceIn(parent, key, value, journal);
}

function remove(target: Target, path: string[], journal?: Undo[]): Outcome {
  const key = path.at(-1);
  if (key === undefined) return failed('forbidden', 'the whole document cannot be removed');
  return removeFrom(parentOf(target.doc, path), key, journal);
}

function move(target: Target, from: string, to: string, path: string[], journal?: Undo[]): Outcome {
  const source = parsePointer(from);
  const found = getAt(target.doc, source);
  if (found === undefined) return failed('missing', `nothing is at "${from}"`);
  if (from === to) return APPLIED;
  if (isPrefix(from, to)) return failed('forbidden', `"${from}" cannot be moved into itself`);
  const value = cloneJson(found, path.length);
  const steps: Undo[] = [];
  const removed = remove(target, source, steps);
  if (!removed.ok) return removed;
  const added = put(target, 'add', path, value, steps);
  if (added.ok) journal?.push(...steps);
  else undo(steps);
  return added;
}

function undo(journal: Undo[]): void {
  for (const step of journal.toReversed()) step();
}

function parentOf(doc: Json, path: readonly string[]): Json | undefined {
  let parent: Json | undefined = doc;
  for (let i = 0; i < path.length - 1; i += 1) parent = childOf(parent, path[i] ?? '');
  return parent;
}

function noChild(parent: Json | undefined, key: string): Outcome {
  if (!isContainer(parent)) return noContainer(parent, key);
  if (!Array.isArray(parent)) return failed('missing', `there is no key "${key}"`);
  return toIndex(key) < 0
    ? badIndex(key, parent.length - 1)
    : failed('missing', `there is no index ${key}`);
}

function noContainer(parent: Json | undefined, key: string): Outcome {
  return parent === undefined
    ? failed('missing', `nothing is above "${key}"`)
    : failed('not-a-container', `the value above "${key}" is not an object or an array`);
}

function badIndex(key: string, highest: number): Outcome {
  return failed('bad-index', `"${key}" is not an index from 0 to ${highest}`);
}
