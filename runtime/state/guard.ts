import { appError } from '../errors/index.ts';
import { isForbiddenKey } from './json.ts';
import { Fields } from './fields.ts';

const guarded = new WeakSet<object>();

/**
 * Sees what is assigned to properties that an object does not have, at the end of the prototype chain.
 *
 * A set trap there costs nothing for fields that exist, for the search ends before it.
 */
const root: object = new Proxy(Object.create(Object.prototype) as object, {
  set(target, key, value: unknown, receiver: object): boolean {
    const fields = typeof key === 'string' ? Fields.of(receiver) : undefined;
    if (fields !== undefined && typeof key === 'string') {
      if (isForbiddenKey(key))
        throw appError(
          'STATE_KEY_FORBIDDEN',
          { subject: fields.subject, key },
          { at: fields.at() },
        );
      if (!key.startsWith('_')) return assignUndeclared(fields, key, value);
    }
    if (key === '__proto__') return Reflect.set(target, key, value, receiver);
    return Reflect.defineProperty(receiver, key, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  },
});

/**
 * Makes assignments of undeclared public names on tracked instances of a class reach `hooks.assign`, or throw
 * `STATE_FIELD_NOT_DECLARED`.
 *
 * Names that start with `_`, symbols, and instances that are not tracked (yet) get a property as usual, and so does what a
 * class declares by a setter. Calling it again for the same class does nothing.
 *
 * @param proto - the prototype of the base class that users extend
 */
export function guardPrototype(proto: object): void {
  let last = proto;
  for (;;) {
    if (guarded.has(last)) return;
    const next: unknown = Object.getPrototypeOf(last);
    if (typeof next !== 'object' || next === null || next === Object.prototype) break;
    last = next;
  }
  guarded.add(last);
  Object.setPrototypeOf(last, root);
}

function assignUndeclared(fields: Fields, name: string, value: unknown): boolean {
  if (fields.hooks.assign?.(name, value, false) === true) return true;
  throw appError(
    'STATE_FIELD_NOT_DECLARED',
    { component: fields.subject, field: name },
    { at: `${fields.at()}.${name}` },
  );
}
