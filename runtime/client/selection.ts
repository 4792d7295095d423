/** Part of an app's state, chosen by a JSON Pointer or a function. */
import type { Json } from '../state/json.ts';
import type { JsonObject } from '../state/json.ts';
import { getAt, parsePointer } from '../state/pointer.ts';
import { shapeOf } from './shape.ts';

/** Gives the part of a document; undefined where there is none. */
export type Select<T> = (document: JsonObject) => T;

/** @throws `STATE_POINTER_INVALID` */
export function selectorOf<S, T>(source: string | ((state: S) => T)): Select<T | Json | undefined> {
  if (typeof source === 'function') return (document) => source(shapeOf(document, 'flow') as S);
  const segments = parsePointer(source);
  return (document) => getAt(document, segments);
}

/**
 * Whether two selected values are the same to those who watch them: the same value, or plain objects and arrays of the same
 * values. Anything else (a Map, a Date, a function) is the same only as itself.
 */
export function isSameValue(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a))
    return (
      Array.isArray(b) && a.length === b.length && a.every((item, i) => isSameValue(item, b[i]))
    );
  if (!isPlain(a) || !isPlain(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every(
      (key) => Object.hasOwn(b, key) && isSameValue(Reflect.get(a, key), Reflect.get(b, key)),
    )
  );
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
