/** Why a value cannot be state, and what its author can do. */
export interface Refusal {
  readonly what: string;
  readonly advice: string;
}

const PRIVATE = 'keep it in a #private field';

const BY_TAG: Readonly<Record<string, Refusal>> = {
  Date: { what: 'a Date', advice: 'store date.toISOString() or date.getTime()' },
  Map: { what: 'a Map', advice: `${PRIVATE}, or store Object.fromEntries(map)` },
  Set: { what: 'a Set', advice: `${PRIVATE}, or store Array.from(set)` },
  WeakMap: { what: 'a WeakMap', advice: PRIVATE },
  WeakSet: { what: 'a WeakSet', advice: PRIVATE },
  Promise: { what: 'a Promise', advice: 'await it and store the result' },
  RegExp: { what: 'a RegExp', advice: 'store regexp.source' },
  Error: { what: 'an Error', advice: 'store error.message' },
  ArrayBuffer: {
    what: 'an ArrayBuffer',
    advice: `${PRIVATE}, or write it to a file and store its path`,
  },
  SharedArrayBuffer: { what: 'a SharedArrayBuffer', advice: PRIVATE },
};

/** The text of a refused value: anything but null, booleans, finite numbers, strings and plain containers. */
export function describeRefused(value: unknown): Refusal {
  switch (typeof value) {
    case 'number':
      return { what: String(value), advice: 'store null when there is no number' };
    case 'bigint':
      return {
        what: 'a bigint',
        advice: 'store String(value), or Number(value) when it is small enough',
      };
    case 'function':
      return { what: 'a function', advice: `make it a method of the class, or ${PRIVATE}` };
    case 'symbol':
      return { what: 'a symbol', advice: 'store a string' };
    case 'undefined':
      return { what: 'undefined', advice: 'store null, or leave the key out' };
    case 'string':
    case 'boolean':
    case 'object':
      return describeObject(Object(value));
  }
}

/** The text of a property that no JSON document can have. */
export function describeProperty(kind: 'symbol key' | 'accessor' | 'hole' | 'cycle'): Refusal {
  switch (kind) {
    case 'symbol key':
      return { what: 'a symbol key', advice: 'use string keys' };
    case 'accessor':
      return { what: 'a getter or setter', advice: 'store the value itself, as in { ...object }' };
    case 'hole':
      return { what: 'a hole', advice: 'fill the array with null, or build it with push' };
    case 'cycle':
      return {
        what: 'a reference to one of its own parents',
        advice: 'store an id or a key instead of the object',
      };
  }
}

function describeObject(value: object): Refusal {
  if (ArrayBuffer.isView(value)) {
    const name = constructorName(value) ?? 'typed array';
    const advice =
      name === 'Buffer' ? "store buffer.toString('base64')" : 'store Array.from(array)';
    return { what: `a ${name}`, advice: `${advice}, or write it to a file and store its path` };
  }
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  const known = Object.hasOwn(BY_TAG, tag) ? BY_TAG[tag] : undefined;
  if (known !== undefined) return known;
  const name = constructorName(value);
  return {
    what: name === undefined ? 'an object with a prototype of its own' : `an instance of ${name}`,
    advice: `${PRIVATE}, or store a plain object with the values you need`,
  };
}

function constructorName(value: object): string | undefined {
  const found: unknown = value.constructor;
  return typeof found === 'function' && found.name !== '' ? found.name : undefined;
}
