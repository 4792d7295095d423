import { appError, type AppError } from '../errors/index.ts';
import { handleOf } from './handle.ts';
import { extendPlace, type Origin, type Step } from './place.ts';
import { describeProperty, describeRefused, type Refusal } from './refusal.ts';

/** Levels of nested containers that one field may hold. */
export const MAX_DEPTH = 200;

/** Levels of nested containers that a whole document may reach, with every component above the field. */
export const MAX_DOCUMENT_DEPTH = 1_000;

/** Everything that state can hold. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** A plain object of JSON values. */
export type JsonObject = { [key: string]: Json };

/** Whether a key could reach an object prototype: `__proto__`, `constructor`, `prototype`. Refused wherever a key is accepted. */
export function isForbiddenKey(key: string): boolean {
  return key === '__proto__' || key === 'constructor' || key === 'prototype';
}

/** Whether a JSON value has values inside it. */
export function isContainer(value: Json | undefined): value is Json[] | JsonObject {
  return typeof value === 'object' && value !== null;
}

/** Sets an own property, also where the prototype has one of that name. */
export function setOwn(object: JsonObject, key: string, value: Json): void {
  if (key in object && !Object.hasOwn(object, key)) {
    Object.defineProperty(object, key, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  } else {
    object[key] = value;
  }
}

/**
 * Checks that a value can be state and copies it, so that later changes of the original are not seen.
 *
 * Tracked values are copied as plain ones; `toJSON` methods are not called; `-0` becomes `0`.
 *
 * @param subject - the value's name for messages, as `Train.history`; extended to the exact spot that is refused
 * @param at - the value's full name, as `root.train.history`; extended likewise
 * @throws `STATE_NOT_JSON` for a value that JSON cannot hold, `STATE_TOO_DEEP` beyond {@link MAX_DEPTH} levels,
 * `STATE_KEY_FORBIDDEN` for a key that {@link isForbiddenKey}.
 */
export function toJsonCopy(value: unknown, subject: string, at?: string): Json {
  return copyJson(value, 0, () => ({ subject, at }));
}

/**
 * Does the work of {@link toJsonCopy} for a value that will sit below `depth` levels; the name is made only for an error.
 *
 * @internal
 */
export function copyJson(value: unknown, depth: number, origin: Origin): Json {
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value === 0 ? 0 : value;
  return new Copier(depth, origin).copy(value);
}

/** Copies valid JSON. @throws `STATE_KEY_FORBIDDEN`, and `STATE_TOO_DEEP` beyond {@link MAX_DOCUMENT_DEPTH} levels. */
export function cloneJson(value: Json, depth = 0): Json {
  if (!isContainer(value)) return value;
  if (depth >= MAX_DOCUMENT_DEPTH) {
    throw appError('STATE_TOO_DEEP', { subject: 'the document', limit: MAX_DOCUMENT_DEPTH });
  }
  if (Array.isArray(value)) {
    const copy: Json[] = [];
    for (const item of value) copy.push(isContainer(item) ? cloneJson(item, depth + 1) : item);
    return copy;
  }
  const copy: JsonObject = {};
  for (const key of Object.keys(value)) {
    if (isForbiddenKey(key))
      throw appError('STATE_KEY_FORBIDDEN', { subject: 'the document', key });
    const item = value[key];
    if (item !== undefined)
      setOwn(copy, key, isContainer(item) ? cloneJson(item, depth + 1) : item);
  }
  return copy;
}

/** Whether two JSON values are the same document; the order of keys does not count. */
export function deepEqual(a: Json, b: Json): boolean {
  if (a === b) return true;
  if (!isContainer(a) || !isContainer(b)) return false;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    for (const [index, item] of a.entries()) {
      const other = b[index];
      if (other === undefined || !deepEqual(item, other)) return false;
    }
    return true;
  }
  if (Array.isArray(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  for (const key of keys) {
    if (!Object.hasOwn(b, key)) return false;
    const [left, right] = [a[key], b[key]];
    if (left === undefined || right === undefined || !deepEqual(left, right)) return false;
  }
  return true;
}

/** One validating copy; remembers where it is, for messages and for cycles. */
class Copier {
  readonly #baseDepth: number;
  readonly #origin: Origin;
  readonly #trail: Step[] = [];
  readonly #ancestors: object[] = [];

  constructor(baseDepth: number, origin: Origin) {
    this.#baseDepth = baseDepth;
    this.#origin = origin;
  }

  copy(value: unknown): Json {
    if (typeof value === 'string' || typeof value === 'boolean' || value === null) return value;
    if (typeof value === 'number' && Number.isFinite(value)) return value === 0 ? 0 : value;
    if (typeof value !== 'object') throw this.#refuse(describeRefused(value));
    const source = handleOf(value)?.raw ?? value;
    if (this.#ancestors.includes(source)) throw this.#refuse(describeProperty('cycle'));
    if (this.#baseDepth + this.#ancestors.length >= MAX_DEPTH) {
      const { subject, at } = this.#place();
      throw appError(
        'STATE_TOO_DEEP',
        { subject, limit: MAX_DEPTH },
        at === undefined ? {} : { at },
      );
    }
    this.#ancestors.push(source);
    const copy = Array.isArray(source) ? this.#array(source) : this.#object(source);
    this.#ancestors.pop();
    return copy;
  }

  #array(source: readonly unknown[]): Json[] {
    if (!isArrayPrototype(Object.getPrototypeOf(source)))
      throw this.#refuse(describeRefused(source));
    const copy: Json[] = [];
    for (let index = 0; index < source.length; index += 1) {
      const item = source[index];
      if (typeof item === 'string') {
        copy.push(item);
        continue;
      }
      this.#trail.push(index);
      if (item === undefined && !Object.hasOwn(source, index))
        throw this.#refuse(describeProperty('hole'));
      copy.push(this.copy(item));
      this.#trail.pop();
    }
    return copy;
  }

  #object(source: object): JsonObject {
    if (!isObjectPrototype(Object.getPrototypeOf(source)))
      throw this.#refuse(describeRefused(source));
    const copy: JsonObject = {};
    for (const key of Reflect.ownKeys(source)) {
      if (typeof key === 'symbol') throw this.#refuse(describeProperty('symbol key'));
      const property = Reflect.getOwnPropertyDescriptor(source, key);
      if (property?.enumerable !== true) continue;
      if (isForbiddenKey(key)) {
        const { subject, at } = this.#place();
        throw appError('STATE_KEY_FORBIDDEN', { subject, key }, at === undefined ? {} : { at });
      }
      this.#trail.push(key);
      if (property.get !== undefined || property.set !== undefined)
        throw this.#refuse(describeProperty('accessor'));
      setOwn(copy, key, this.copy(property.value));
      this.#trail.pop();
    }
    return copy;
  }

  #place(): ReturnType<Origin> {
    return extendPlace(this.#origin(), this.#trail);
  }

  #refuse(refusal: Refusal): AppError {
    return notJson(this.#place(), refusal);
  }
}

/** The error for a value or property that JSON cannot hold. @internal */
export function notJson(place: ReturnType<Origin>, { what, advice }: Refusal): AppError {
  const { subject, at } = place;
  return appError('STATE_NOT_JSON', { subject, what, advice }, at === undefined ? {} : { at });
}

/** True for null and for `Object.prototype`, also of another realm. */
function isObjectPrototype(prototype: unknown): boolean {
  if (prototype === Object.prototype || prototype === null) return true;
  return (
    typeof prototype === 'object' &&
    Object.getPrototypeOf(prototype) === null &&
    Object.hasOwn(prototype, 'isPrototypeOf')
  );
}

/** True for `Array.prototype`, also of another realm. */
function isArrayPrototype(prototype: unknown): boolean {
  return (
    prototype === Array.prototype ||
    (Array.isArray(prototype) && isObjectPrototype(Object.getPrototypeOf(prototype)))
  );
}
