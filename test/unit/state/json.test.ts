import fc from 'fast-check';
import { describe, test } from 'vitest';
import {
  cloneJson,
  deepEqual,
  MAX_DEPTH,
  toJsonCopy,
  type Json,
} from '../../../runtime/state/json.ts';
import { codeOf, errorOf } from './code-of.ts';

class Point {
  x = 1;
}
class Stack extends Array<number> {}

function nest(levels: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < levels; i += 1) value = { v: value };
  return value;
}

function hole(): unknown[] {
  const list: unknown[] = [1, 2, 3];
  delete list[1];
  return list;
}

function cycle(): unknown {
  const a: Record<string, unknown> = { list: [] };
  a['list'] = [0, { back: a }];
  return a;
}

const getter = Object.defineProperty({}, 'when', { get: () => 1, enumerable: true });

describe('toJsonCopy', () => {
  test.for<[kind: string, value: unknown, subject: string, at: string, what: string]>([
    ['NaN', { a: NaN }, 'Train.history.a', 'root.train.history.a', 'NaN'],
    ['Infinity', [Infinity], 'Train.history[0]', 'root.train.history.0', 'Infinity'],
    ['-Infinity', -Infinity, 'Train.history', 'root.train.history', '-Infinity'],
    ['a bigint', [1, 2n], 'Train.history[1]', 'root.train.history.1', 'a bigint'],
    ['a function', { f: () => 1 }, 'Train.history.f', 'root.train.history.f', 'a function'],
    ['a symbol', [Symbol('s')], 'Train.history[0]', 'root.train.history.0', 'a symbol'],
    ['undefined', undefined, 'Train.history', 'root.train.history', 'undefined'],
    [
      'a nested undefined',
      { a: [undefined] },
      'Train.history.a[0]',
      'root.train.history.a.0',
      'undefined',
    ],
    [
      'a Date',
      [0, 0, 0, { when: new Date(0) }],
      'Train.history[3].when',
      'root.train.history.3.when',
      'a Date',
    ],
    ['a Map', new Map(), 'Train.history', 'root.train.history', 'a Map'],
    ['a Set', { 'a b': new Set() }, 'Train.history["a b"]', 'root.train.history.a b', 'a Set'],
    [
      'a typed array',
      [new Float32Array(2)],
      'Train.history[0]',
      'root.train.history.0',
      'a Float32Array',
    ],
    ['a Buffer', { b: Buffer.from('x') }, 'Train.history.b', 'root.train.history.b', 'a Buffer'],
    [
      'a class instance',
      { p: new Point() },
      'Train.history.p',
      'root.train.history.p',
      'an instance of Point',
    ],
    [
      'a boxed number',
      [Object(1)],
      'Train.history[0]',
      'root.train.history.0',
      'an instance of Number',
    ],
    [
      'an array subclass',
      new Stack(),
      'Train.history',
      'root.train.history',
      'an instance of Stack',
    ],
    [
      'a promise',
      { p: Promise.resolve(1) },
      'Train.history.p',
      'root.train.history.p',
      'a Promise',
    ],
    ['an error', [new RangeError('x')], 'Train.history[0]', 'root.train.history.0', 'an Error'],
    ['a hole', { l: hole() }, 'Train.history.l[1]', 'root.train.history.l.1', 'a hole'],
    [
      'a symbol key',
      { o: { [Symbol('k')]: 1 } },
      'Train.history.o',
      'root.train.history.o',
      'a symbol key',
    ],
    [
      'an accessor',
      [getter],
      'Train.history[0].when',
      'root.train.history.0.when',
      'a getter or setter',
    ],
    [
      'a cycle',
      cycle(),
      'Train.history.list[1].back',
      'root.train.history.list.1.back',
      'a reference to one of its own parents',
    ],
  ])('%s is refused at its exact place', ([, value, subject, at, what], { expect }) => {
    const error = errorOf(() => toJsonCopy(value, 'Train.history', 'root.train.history'));
    expect(error.code).toBe('STATE_NOT_JSON');
    expect(error.at).toBe(at);
    expect(error.message).toBe(`${subject} holds ${what}, which cannot be stored`);
    expect(error.hint).not.toBe('');
  });

  test('the advice for a Map names the way out', ({ expect }) => {
    expect(errorOf(() => toJsonCopy(new Map(), 'Train.history')).hint).toBe(
      'keep it in a #private field, or store Object.fromEntries(map)',
    );
  });

  test('an error has no place when none was given', ({ expect }) => {
    expect(errorOf(() => toJsonCopy([NaN], 'x')).at).toBeUndefined();
  });

  test.for([
    ['{"a":{"__proto__":{"x":1}}}', 'the value.a'],
    ['{"constructor":1}', 'the value'],
    ['[{"prototype":1}]', 'the value[0]'],
  ] as const)('the keys of %s are refused', ([text, subject], { expect }) => {
    const error = errorOf(() => toJsonCopy(JSON.parse(text), 'the value'));
    expect(error.code).toBe('STATE_KEY_FORBIDDEN');
    expect(error.message).toContain(`${subject} uses the key`);
  });

  test('the deepest allowed value passes and one more level does not', ({ expect }) => {
    expect(toJsonCopy(nest(MAX_DEPTH), 'x')).toEqual(nest(MAX_DEPTH));
    expect(codeOf(() => toJsonCopy(nest(MAX_DEPTH + 1), 'x'))).toBe('STATE_TOO_DEEP');
  });

  test('the copy shares nothing with the original', ({ expect }) => {
    const original = { list: [{ a: 1 }] };
    const copy = toJsonCopy(original, 'x');
    original.list[0] = { a: 2 };
    expect(copy).toEqual({ list: [{ a: 1 }] });
  });

  test('a value used twice is copied twice, for it is no cycle', ({ expect }) => {
    const shared = { a: 1 };
    expect(toJsonCopy([shared, shared], 'x')).toEqual([{ a: 1 }, { a: 1 }]);
  });

  test('minus zero becomes zero', ({ expect }) => {
    expect(Object.is(toJsonCopy(-0, 'x'), 0)).toBe(true);
    expect(toJsonCopy([-0], 'x')).toSatisfy((list: number[]) => Object.is(list[0], 0));
  });

  test('objects without a prototype, and keys named like inherited ones, pass', ({ expect }) => {
    const copy = toJsonCopy(
      Object.assign(Object.create(null), { toString: 1, hasOwnProperty: 2 }),
      'x',
    );
    expect(JSON.stringify(copy)).toBe('{"toString":1,"hasOwnProperty":2}');
  });

  test('a toJSON method is not called but refused', ({ expect }) => {
    const error = errorOf(() => toJsonCopy({ toJSON: () => 1 }, 'x'));
    expect(error.message).toContain('x.toJSON holds a function');
  });

  test('every JSON document is equal to its copies', ({ expect }) => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        if (/"(__proto__|constructor|prototype)":/.test(text)) return;
        const parsed: Json = JSON.parse(text);
        expect(toJsonCopy(parsed, 'x')).toEqual(parsed);
        expect(deepEqual(cloneJson(parsed), parsed)).toBe(true);
      }),
    );
  });
});

describe('deepEqual', () => {
  test.for<[Json, Json, boolean]>([
    [1, 1, true],
    [1, '1', false],
    [null, {}, false],
    [[], {}, false],
    [{}, [], false],
    [[1, 2], [1, 2], true],
    [[1, 2], [2, 1], false],
    [[1], [1, 2], false],
    [{ a: 1, b: 2 }, { b: 2, a: 1 }, true],
    [{ a: 1 }, { a: 1, b: 1 }, false],
    [{ a: 1 }, { b: 1 }, false],
    [{ a: { b: [null] } }, { a: { b: [null] } }, true],
    [{ toString: 1 }, {}, false],
    [[null], [0], false],
  ])('%j and %j: %j', ([a, b, equal], { expect }) => {
    expect(deepEqual(a, b)).toBe(equal);
  });
});
