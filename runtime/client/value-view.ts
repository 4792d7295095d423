/**
 * Objects and arrays inside fields, as `app.state` gives them: every change becomes operations of a patch.
 *
 * V4 Writing to, or removing, an item of a list applies only if that item is still what this client saw (`Writes.guard`);
 *    appending always applies. What replaces a list as a whole (an assignment, `sort`) wins over what others did to it.
 */
import { appError } from '../errors/index.ts';
import { isContainer, toJsonCopy, type Json } from '../state/json.ts';
import { childOf, escapeSegment, parsePointer, toIndex } from '../state/pointer.ts';
import { describeProperty } from '../state/refusal.ts';
import { arrayMethods, isArrayMethod } from './array-methods.ts';
import { valueAt } from './share.ts';
import type { Writes } from './writes.ts';

const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/** A place inside a field. */
export interface Place {
  /** Pointer of the field. */
  readonly field: string;
  readonly pointer: string;
  /** As it is written in code: `state.requests[0].name`. */
  readonly name: string;
}

export class ValueViews {
  readonly #writes: Writes;
  readonly #known = new WeakMap<object, { readonly pointer: string; readonly view: unknown }>();

  constructor(writes: Writes) {
    this.#writes = writes;
  }

  /** The view of a value; a value that is no container is itself. */
  of(value: Json, place: Place): unknown {
    if (!isContainer(value)) return value;
    const known = this.#known.get(value);
    if (known?.pointer === place.pointer) return known.view;
    const view = Array.isArray(value) ? this.#arrayView(place) : this.#objectView(place);
    this.#known.set(value, { pointer: place.pointer, view });
    return view;
  }

  /** What is at a place now. */
  at({ pointer }: Place): Json | undefined {
    const { document } = this.#writes;
    return document === null ? undefined : valueAt(document, pointer);
  }

  /** The items at a place now; none when something else is there. */
  items(place: Place): readonly Json[] {
    const value = this.at(place);
    return Array.isArray(value) ? value : [];
  }

  /** Puts a copy of a value into a container. @throws what state cannot hold */
  put(place: Place, key: string, value: unknown): void {
    const container = this.at(place);
    const below = placeBelow(place, key, container);
    const copy = toJsonCopy(value, below.name);
    if (Array.isArray(container)) return this.#putItem(place, below, container, key, copy);
    const op = childOf(container, key) === undefined ? 'add' : 'replace';
    this.#guard(place.field, below.pointer);
    this.#writes.write(place.field, [{ op, path: below.pointer, value: copy }]);
  }

  /** Replaces everything at a place. */
  replace({ field, pointer }: Place, value: Json): void {
    this.#guard(field, pointer);
    this.#writes.write(field, [{ op: 'replace', path: pointer, value }]);
  }

  /** Puts a value before an item of a list, or at its end. */
  insert(place: Place, index: number, value: Json): void {
    const key = index >= this.items(place).length ? '-' : String(index);
    this.#guard(place.field, place.pointer);
    this.#writes.write(place.field, [{ op: 'add', path: `${place.pointer}/${key}`, value }]);
  }

  /** Removes a member; nothing when there is none. */
  remove(place: Place, key: string): void {
    const container = this.at(place);
    if (childOf(container, key) === undefined) return;
    const path = `${place.pointer}/${escapeSegment(key)}`;
    this.#guard(place.field, path);
    this.#writes.write(place.field, [{ op: 'remove', path }]);
  }

  #putItem(place: Place, below: Place, items: readonly Json[], key: string, value: Json): void {
    const index = toIndex(key);
    if (index < 0)
      throw appError('STATE_PATCH_INVALID', { problem: `${below.name} is no item of a list` });
    if (index > items.length) throw hole(below.name);
    if (index === items.length) return this.insert(place, index, value);
    this.#guard(place.field, below.pointer);
    this.#writes.write(place.field, [{ op: 'replace', path: below.pointer, value }]);
  }

  /** Compares the outermost item of a list that a pointer is at or in, if it is in one. */
  #guard(field: string, pointer: string): void {
    const { document } = this.#writes;
    let value = document === null ? undefined : valueAt(document, field);
    let path = field;
    for (const segment of parsePointer(pointer.slice(field.length))) {
      path += `/${escapeSegment(segment)}`;
      if (Array.isArray(value)) return this.#writes.guard(field, path);
      value = childOf(value, segment);
    }
  }

  #read(place: Place, key: string): unknown {
    const container = this.at(place);
    const value = childOf(container, key);
    return value === undefined ? undefined : this.of(value, placeBelow(place, key, container));
  }

  #objectView(place: Place): unknown {
    const keys = (): string[] => {
      const value = this.at(place);
      return isContainer(value) ? Object.keys(value) : [];
    };
    return this.#proxy({}, place, keys, (key) => {
      const value = this.#read(place, key);
      return value === undefined ? Reflect.get(Object.prototype, key) : value;
    });
  }

  #arrayView(place: Place): unknown {
    const keys = (): string[] => [...Object.keys(this.items(place)), 'length'];
    const methods = arrayMethods(this, place);
    return this.#proxy([], place, keys, (key) => {
      if (key === 'length') return this.items(place).length;
      if (isArrayMethod(key)) return methods[key];
      return toIndex(key) < 0 ? Reflect.get(Array.prototype, key) : this.#read(place, key);
    });
  }

  #proxy(
    target: object,
    place: Place,
    keys: () => string[],
    get: (key: string) => unknown,
  ): unknown {
    const isList = Array.isArray(target);
    Object.defineProperty(target, INSPECT, {
      value: () => this.at(place),
      configurable: true,
      enumerable: false,
    });
    const assign = (key: string | symbol, value: unknown): boolean => {
      if (typeof key === 'symbol')
        throw appError('STATE_NOT_JSON', {
          subject: place.name,
          ...describeProperty('symbol key'),
        });
      if (isList && key === 'length') this.#truncate(place, value);
      else this.put(place, key, value);
      return true;
    };
    return new Proxy(target, {
      get: (_, key) => (typeof key === 'symbol' ? Reflect.get(target, key) : get(key)),
      has: (_, key) => (typeof key === 'symbol' ? key in target : keys().includes(key)),
      ownKeys: keys,
      getOwnPropertyDescriptor: (_, key) => {
        if (typeof key === 'symbol' || !keys().includes(key)) return undefined;
        const isLength = isList && key === 'length';
        return {
          value: get(key),
          writable: true,
          enumerable: !isLength,
          configurable: !isLength,
        };
      },
      getPrototypeOf: () => (isList ? Array.prototype : Object.prototype),
      set: (_, key, value) => assign(key, value),
      defineProperty: (_, key, { value }) => assign(key, value),
      deleteProperty: (_, key) => {
        if (typeof key === 'symbol') return true;
        if (isList && this.items(place)[toIndex(key)] !== undefined)
          throw hole(`${place.name}[${key}]`);
        this.remove(place, key);
        return true;
      },
    });
  }

  #truncate(place: Place, length: unknown): void {
    const { length: before } = this.items(place);
    if (typeof length !== 'number' || !Number.isInteger(length) || length < 0)
      throw appError('STATE_PATCH_INVALID', {
        problem: `${place.name}.length cannot be ${String(length)}`,
      });
    if (length > before) throw hole(place.name);
    for (let index = before - 1; index >= length; index -= 1) this.remove(place, String(index));
  }
}

const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;

function placeBelow(place: Place, key: string, container: Json | undefined): Place {
  const step = Array.isArray(container)
    ? `[${key}]`
    : IDENTIFIER.test(key)
      ? `.${key}`
      : `[${JSON.stringify(key)}]`;
  return {
    field: place.field,
    pointer: `${place.pointer}/${escapeSegment(key)}`,
    name: place.name + step,
  };
}

function hole(subject: string): Error {
  return appError('STATE_NOT_JSON', { subject, ...describeProperty('hole') });
}
