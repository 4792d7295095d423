/** Entity tags of parts of the state: equal for equal values, whatever the order of their keys. */
import { createHash } from 'node:crypto';
import { canonicalJson } from '../component/canonical-json.ts';
import type { Json, JsonObject } from '../state/json.ts';
import type { Operation } from '../state/operation.ts';
import { commonPointer, getAt, parsePointer } from '../state/pointer.ts';

const HASH_DIGITS = 32;

export function etagOf(value: Json): string {
  return `"${createHash('sha256').update(canonicalJson(value)).digest('hex').slice(0, HASH_DIGITS)}"`;
}

/** The place that `If-Match` of a patch is about: the longest common pointer of its operations. */
export function patchedPointer(ops: readonly Operation[]): string {
  return commonPointer(ops.flatMap((op) => ('from' in op ? [op.path, op.from] : [op.path])));
}

/** The tag of what is at a place; for a place that does not exist yet (`/vars/list/-`), of what is right above it. */
export function tagAt(document: JsonObject, pointer: string): string {
  const segments = parsePointer(pointer);
  let value = getAt(document, segments);
  while (value === undefined && segments.pop() !== undefined) value = getAt(document, segments);
  return etagOf(value ?? document);
}

/** Whether an `If-Match` or `If-None-Match` names what the document has at a place; see {@link tagAt}. `*` is anything. */
export function isMatch(header: string, document: JsonObject, pointer: string): boolean {
  // The end of a list is there when the list is.
  if (header.trim() === '*')
    return getAt(document, parsePointer(pointer.replace(/\/-$/, ''))) !== undefined;
  const tag = tagAt(document, pointer);
  return header.split(',').some((each) => each.trim().replace(/^W\//, '') === tag);
}
