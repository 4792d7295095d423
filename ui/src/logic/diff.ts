/** What differs between two states, place by place. */
import type { Json } from '../../../runtime/state/json.ts';
import type { Operation } from '../../../runtime/state/operation.ts';
import { above, below, childOf, valueAt } from './pointer.ts';
import { applyBatch } from './share.ts';

export interface Change {
  readonly pointer: string;
  readonly kind: 'added' | 'removed' | 'changed';
  readonly before?: Json;
  readonly after?: Json;
}

/** Changes from one value to another, in the order of the later one; at most `limit`. */
export function diffOf(
  before: Json,
  after: Json,
  limit: number,
): { readonly changes: readonly Change[]; readonly isCut: boolean } {
  const changes: Change[] = [];
  const visit = (a: Json, b: Json, pointer: string): void => {
    if (a === b || changes.length > limit) return;
    if (!isSameKind(a, b)) {
      changes.push({ pointer, kind: 'changed', before: a, after: b });
      return;
    }
    if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null) return;
    for (const key of new Set([...Object.keys(b), ...Object.keys(a)])) {
      if (changes.length > limit) return;
      const at = below(pointer, key);
      const [left, right] = [childOf(a, key), childOf(b, key)];
      if (left === undefined && right !== undefined)
        changes.push({ pointer: at, kind: 'added', after: right });
      else if (right === undefined && left !== undefined)
        changes.push({ pointer: at, kind: 'removed', before: left });
      else if (left !== undefined && right !== undefined) visit(left, right, at);
    }
  };
  visit(before, after, '');
  const isCut = changes.length > limit;
  return { changes: isCut ? changes.slice(0, limit) : changes, isCut };
}

/** Whether two values are compared inside, or differ as a whole. Equal primitives never come here. */
function isSameKind(a: Json, b: Json): boolean {
  if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null) return false;
  return Array.isArray(a) === Array.isArray(b);
}

export interface Step {
  readonly op: Operation;
  /** What was there before; absent when nothing was, or when the state before is not known. */
  readonly before?: Json;
}

/** Operations with what each of them replaced. */
export function explain(
  before: Json | undefined,
  ops: readonly Operation[],
): { readonly steps: readonly Step[]; readonly after: Json | undefined } {
  let doc = before;
  const steps: Step[] = [];
  for (const op of ops) {
    const was = doc === undefined || isInsert(doc, op) ? undefined : valueAt(doc, op.path);
    steps.push(was === undefined ? { op } : { op, before: was });
    if (doc !== undefined) doc = applyBatch(doc, [op]);
  }
  return { steps, after: doc };
}

/** Whether an operation puts a new item into an array, so that what is at its path now is moved, not replaced. */
function isInsert(doc: Json, op: Operation): boolean {
  return op.op !== 'replace' && op.op !== 'remove' && Array.isArray(valueAt(doc, above(op.path)));
}
