import { appError } from '../errors/index.ts';
import { isForbiddenKey, type Json } from './json.ts';

/** Digits in the largest array index that is accepted. */
const MAX_INDEX_DIGITS = 10;

const SLASH = 0x2f;
const ZERO = 0x30;
const NINE = 0x39;

/**
 * Splits a JSON Pointer (RFC 6901) into its unescaped segments; `""` has none.
 *
 * @throws `STATE_POINTER_INVALID`, and `STATE_KEY_FORBIDDEN` when a segment could reach a prototype.
 */
export function parsePointer(text: string): string[] {
  if (text === '') return [];
  if (text.charCodeAt(0) !== SLASH) {
    throw appError('STATE_POINTER_INVALID', {
      pointer: text,
      problem: 'it must be empty or start with "/"',
    });
  }
  const segments = text.slice(1).split('/');
  const escaped = text.includes('~');
  for (let i = 0; i < segments.length; i += 1) {
    let segment = segments[i] ?? '';
    if (escaped && segment.includes('~')) {
      segment = unescapeSegment(segment, text);
      segments[i] = segment;
    }
    if (isForbiddenKey(segment))
      throw appError('STATE_KEY_FORBIDDEN', { subject: text, key: segment });
  }
  return segments;
}

/** Joins segments into a JSON Pointer. */
export function formatPointer(segments: readonly string[]): string {
  let text = '';
  for (const segment of segments) text += `/${escapeSegment(segment)}`;
  return text;
}

/** Writes `~` as `~0` and `/` as `~1`. */
export function escapeSegment(segment: string): string {
  if (!segment.includes('~') && !segment.includes('/')) return segment;
  return segment.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** Whether pointer text `a` equals `b` or is above it. */
export function isPrefix(a: string, b: string): boolean {
  return b.startsWith(a) && (a.length === b.length || b.charCodeAt(a.length) === SLASH);
}

/** Whether two pointer texts name the same place or one is above the other. */
export function pathsConflict(a: string, b: string): boolean {
  return a.length <= b.length ? isPrefix(a, b) : isPrefix(b, a);
}

/** The longest pointer that is equal to or above all of them; `""` for none. */
export function commonPointer(pointers: readonly string[]): string {
  let common = pointers[0] ?? '';
  for (const pointer of pointers) {
    while (!isPrefix(common, pointer)) common = common.slice(0, common.lastIndexOf('/'));
  }
  return common;
}

/**
 * Where what is at `path` once `from` was removed stands before that: items of an array move up when one before them goes.
 *
 * @param doc - the document, before
 */
export function beforeRemoval(doc: Json, from: string, path: string): string {
  const source = parsePointer(from);
  const target = parsePointer(path);
  const depth = source.length - 1;
  if (depth < 0 || target.length <= depth) return path;
  const above = source.slice(0, depth);
  if (!above.every((segment, at) => segment === target[at])) return path;
  if (!Array.isArray(getAt(doc, above))) return path;
  const [removed, index] = [source, target].map((segments) => toIndex(segments[depth] ?? ''));
  if (removed === undefined || index === undefined || removed < 0 || index < removed) return path;
  return formatPointer(target.with(depth, String(index + 1)));
}

/** The value at a place; undefined when there is none. Only own properties and canonical array indices count. */
export function getAt(doc: Json, segments: readonly string[]): Json | undefined {
  let value: Json | undefined = doc;
  for (const segment of segments) {
    value = childOf(value, segment);
    if (value === undefined) return undefined;
  }
  return value;
}

/** The own child of a container under one segment. */
export function childOf(parent: Json | undefined, segment: string): Json | undefined {
  if (typeof parent !== 'object' || parent === null) return undefined;
  if (Array.isArray(parent)) return parent[toIndex(segment)];
  return Object.hasOwn(parent, segment) ? parent[segment] : undefined;
}

/** The number of a canonical array index (no sign, no leading zero); -1 for any other text. */
export function toIndex(segment: string): number {
  const { length } = segment;
  if (length === 0 || length > MAX_INDEX_DIGITS) return -1;
  const first = segment.charCodeAt(0);
  if (first === ZERO) return length === 1 ? 0 : -1;
  let index = 0;
  for (let i = 0; i < length; i += 1) {
    const digit = segment.charCodeAt(i);
    if (digit < ZERO || digit > NINE) return -1;
    index = index * 10 + (digit - ZERO);
  }
  return index;
}

function unescapeSegment(segment: string, pointer: string): string {
  if (/~(?![01])/.test(segment)) {
    throw appError('STATE_POINTER_INVALID', { pointer, problem: '"~" must be followed by 0 or 1' });
  }
  return segment.replaceAll('~1', '/').replaceAll('~0', '~');
}
