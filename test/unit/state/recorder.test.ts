import { describe, test } from 'vitest';
import type { Json } from '../../../runtime/state/json.ts';
import type { Operation } from '../../../runtime/state/operation.ts';
import { trackFields } from '../../../runtime/state/tracked.ts';
import { errorOf } from './code-of.ts';

class Sample {
  n = 0;
  text = 'a';
  token: string | undefined = undefined;
  o: Record<string, unknown> = { a: 1, b: { c: 2 }, 'x/y~': 1 };
  log: unknown[] = [1, 2, 3];
  items: Record<string, unknown>[] = [{ v: 0 }, { v: 1 }, { v: 2 }];
  big: number[] = Array.from({ length: 40 }, (_, index) => index);
  empty: unknown[] = [];
}

const replace = (path: string, value: Json): Operation => ({ op: 'replace', path, value });
const add = (path: string, value: Json): Operation => ({ op: 'add', path, value });
const remove = (path: string): Operation => ({ op: 'remove', path });

function item(s: Sample, index: number): Record<string, unknown> {
  const found = s.items[index];
  if (found === undefined) throw new Error('no item');
  return found;
}

describe('what is recorded', () => {
  test.for<[title: string, mutate: (s: Sample) => void, ops: Operation[]]>([
    ['nothing', () => undefined, []],
    [
      'a scalar written many times is one operation',
      (s) => {
        s.n = 1;
        s.n = 2;
        s.n += 1;
      },
      [replace('/n', 3)],
    ],
    [
      'the same scalar is no change',
      (s) => {
        s.n = 0;
        s.text = 'a';
      },
      [],
    ],
    [
      'a scalar that is back at what it was is no change',
      (s) => {
        s.n = 5;
        s.n = 0;
      },
      [],
    ],
    [
      'minus zero is zero',
      (s) => {
        s.n = 1;
        s.n = -0;
      },
      [],
    ],
    [
      'a value for an absent field adds',
      (s) => {
        s.token = 'x';
      },
      [add('/token', 'x')],
    ],
    [
      'undefined for an absent field is no change',
      (s) => {
        s.token = undefined;
      },
      [],
    ],
    [
      'added, then removed is no change',
      (s) => {
        s.token = 'x';
        s.token = undefined;
      },
      [],
    ],
    [
      'undefined removes',
      (s) => {
        Reflect.set(s, 'text', undefined);
      },
      [remove('/text')],
    ],
    [
      'removed, then added replaces',
      (s) => {
        Reflect.set(s, 'text', undefined);
        s.text = 'b';
      },
      [replace('/text', 'b')],
    ],
    [
      'a field set, then changed inside is one operation',
      (s) => {
        s.o = { k: 1 };
        s.o['k'] = 2;
        s.o['l'] = [3];
      },
      [replace('/o', { k: 2, l: [3] })],
    ],
    [
      'changed inside, then set is one operation',
      (s) => {
        s.o['a'] = 2;
        s.o = {};
      },
      [replace('/o', {})],
    ],
    [
      'an equal document is no change',
      (s) => {
        s.o = { b: { c: 2 }, a: 1, 'x/y~': 1 };
        s.log = [1, 2, 3];
      },
      [],
    ],
    [
      'a field assigned to itself is no change',
      (s) => {
        const { o } = s;
        const { b } = o;
        s.o = o;
        s.items[0] = item(s, 0);
        s.o['b'] = b;
      },
      [],
    ],
    [
      'an existing key is replaced',
      (s) => {
        s.o['a'] = 5;
        s.o['a'] = 6;
      },
      [replace('/o/a', 6)],
    ],
    [
      'a new key is added',
      (s) => {
        s.o['z'] = { deep: [1] };
      },
      [add('/o/z', { deep: [1] })],
    ],
    [
      'a new key changed inside is one operation',
      (s) => {
        s.o['z'] = [];
        (s.o['z'] as unknown[]).push(1);
      },
      [add('/o/z', [1])],
    ],
    [
      'a deleted key is removed',
      (s) => {
        delete s.o['a'];
      },
      [remove('/o/a')],
    ],
    [
      'a missing key deleted is no change',
      (s) => {
        delete s.o['nothing'];
      },
      [],
    ],
    [
      'a key added and deleted is no change',
      (s) => {
        s.o['z'] = 1;
        delete s.o['z'];
      },
      [],
    ],
    [
      'a key deleted and added is replaced',
      (s) => {
        delete s.o['a'];
        s.o['a'] = 9;
      },
      [replace('/o/a', 9)],
    ],
    [
      'a nested key is one small operation',
      (s) => {
        (s.o['b'] as Record<string, number>)['c'] = 3;
      },
      [replace('/o/b/c', 3)],
    ],
    [
      'keys are escaped',
      (s) => {
        s.o['x/y~'] = 2;
      },
      [replace('/o/x~1y~0', 2)],
    ],
    [
      'push',
      (s) => {
        s.log.push('x');
      },
      [add('/log/3', 'x')],
    ],
    [
      'push of several',
      (s) => {
        s.log.push(4, 5);
      },
      [add('/log/3', 4), add('/log/4', 5)],
    ],
    [
      'the index behind the last appends',
      (s) => {
        s.log[3] = 4;
      },
      [add('/log/3', 4)],
    ],
    [
      'push, then change of the same element is one operation',
      (s) => {
        s.log.push(0);
        s.log[3] = 7;
      },
      [add('/log/3', 7)],
    ],
    [
      'push, then pop is no change',
      (s) => {
        s.log.push(4);
        s.log.pop();
      },
      [],
    ],
    [
      'pop',
      (s) => {
        s.log.pop();
      },
      [remove('/log/2')],
    ],
    [
      'pop, then push',
      (s) => {
        s.log.pop();
        s.log.push(9);
      },
      [remove('/log/2'), add('/log/2', 9)],
    ],
    [
      'shift',
      (s) => {
        s.log.shift();
      },
      [remove('/log/0')],
    ],
    [
      'unshift',
      (s) => {
        s.log.unshift(8, 9);
      },
      [add('/log/0', 8), add('/log/1', 9)],
    ],
    [
      'splice',
      (s) => {
        s.log.splice(1, 1, 'a', 'b');
      },
      [remove('/log/1'), add('/log/1', 'a'), add('/log/2', 'b')],
    ],
    [
      'splice with a negative start',
      (s) => {
        s.log.splice(-1);
      },
      [remove('/log/2')],
    ],
    [
      'an element written many times is one operation',
      (s) => {
        s.log[0] = 5;
        s.log[1] = 6;
        s.log[0] = 7;
      },
      [replace('/log/0', 7), replace('/log/1', 6)],
    ],
    [
      'writes before and after an unshift stay apart',
      (s) => {
        s.log[1] = 5;
        s.log.unshift(0);
        s.log[1] = 6;
      },
      [replace('/log/1', 5), add('/log/0', 0), replace('/log/1', 6)],
    ],
    [
      'writes before and after a shift stay apart',
      (s) => {
        s.log[1] = 5;
        s.log.shift();
        s.log[1] = 6;
      },
      [replace('/log/1', 5), remove('/log/0'), replace('/log/1', 6)],
    ],
    [
      'length cuts',
      (s) => {
        s.log.length = 1;
      },
      [remove('/log/2'), remove('/log/1')],
    ],
    [
      'length zero replaces',
      (s) => {
        s.log.length = 0;
      },
      [replace('/log', [])],
    ],
    [
      'a long cut replaces',
      (s) => {
        s.big.length = 2;
      },
      [replace('/big', [0, 1])],
    ],
    [
      'fill',
      (s) => {
        s.log.fill(0, 1);
      },
      [replace('/log/1', 0), replace('/log/2', 0)],
    ],
    [
      'copyWithin',
      (s) => {
        s.log.copyWithin(0, 1);
      },
      [replace('/log/0', 2), replace('/log/1', 3)],
    ],
    [
      'sort of few scalars',
      (s) => {
        s.big[0] = 2.5;
        s.big.sort((a, b) => a - b);
      },
      [replace('/big/0', 1), replace('/big/1', 2), replace('/big/2', 2.5)],
    ],
    [
      'sort of what is sorted is no change',
      (s) => {
        s.log.sort();
      },
      [],
    ],
    [
      'reverse of much replaces the array',
      (s) => {
        s.big.reverse();
      },
      [
        replace(
          '/big',
          Array.from({ length: 40 }, (_, i) => 39 - i),
        ),
      ],
    ],
    [
      'sort of objects replaces the array',
      (s) => {
        s.items.sort((a, b) => Number(b['v']) - Number(a['v']));
      },
      [replace('/items', [{ v: 2 }, { v: 1 }, { v: 0 }])],
    ],
    [
      'a change inside an element names its final index',
      (s) => {
        item(s, 2)['v'] = 9;
        s.items.shift();
      },
      [remove('/items/0'), replace('/items/1/v', 9)],
    ],
    [
      'structure comes first, then what changed inside',
      (s) => {
        item(s, 0)['v'] = 9;
        s.items.unshift({ v: -1 });
        item(s, 3)['w'] = 1;
      },
      [add('/items/0', { v: -1 }), replace('/items/1/v', 9), add('/items/3/w', 1)],
    ],
    [
      'changes inside an added element are in its value',
      (s) => {
        s.items.push({ v: 3 });
        item(s, 3)['v'] = 4;
        item(s, 3)['w'] = [1];
      },
      [add('/items/3', { v: 4, w: [1] })],
    ],
    [
      'changes of a removed element are not sent',
      (s) => {
        const first = item(s, 0);
        first['v'] = 9;
        s.items.shift();
        first['v'] = 10;
      },
      [remove('/items/0')],
    ],
    [
      'what an element held when it left again is not sent',
      (s) => {
        s.items.push({ v: 3 }, { v: 4 });
        const gone = s.items.splice(3, 1)[0];
        if (gone) gone['v'] = new Map();
      },
      [add('/items/3', null), add('/items/4', { v: 4 }), remove('/items/3')],
    ],
    [
      'two elements swapped are copies',
      (s) => {
        const [a, b] = [item(s, 0), item(s, 1)];
        s.items[0] = b;
        s.items[1] = a;
      },
      [replace('/items/0', { v: 1 }), replace('/items/1', { v: 0 })],
    ],
    [
      'many pushes to an empty array are one operation',
      (s) => {
        for (let i = 0; i < 40; i += 1) s.empty.push({ i });
      },
      [
        replace(
          '/empty',
          Array.from({ length: 40 }, (_, i) => ({ i })),
        ),
      ],
    ],
    [
      'fields come in the order of their first change',
      (s) => {
        s.text = 'b';
        s.n = 1;
        s.text = 'c';
      },
      [replace('/text', 'c'), replace('/n', 1)],
    ],
  ])('%s', ([, mutate, ops], { expect }) => {
    const sample = new Sample();
    const fields = trackFields(sample, { subject: 'Sample', at: () => 'root' });
    mutate(sample);
    expect(fields.drain()).toEqual(ops);
    expect(fields.dirty).toBe(false);
    expect(fields.drain()).toEqual([]);
  });

  test('a queue that turns over for long keeps no more than one replacement', ({ expect }) => {
    const sample = new Sample();
    const fields = trackFields(sample, { subject: 'Sample', at: () => 'root' });
    for (let i = 0; i < 10_000; i += 1) {
      sample.log.push(i);
      sample.log.shift();
    }
    expect(fields.drain()).toEqual([replace('/log', [9_997, 9_998, 9_999])]);
  });

  test('keys that come and go leave nothing pending', ({ expect }) => {
    const sample = new Sample();
    const fields = trackFields(sample, { subject: 'Sample', at: () => 'root' });
    for (let i = 0; i < 1_000; i += 1) {
      sample.o[`k${i}`] = i;
      delete sample.o[`k${i}`];
    }
    expect(fields.drain()).toEqual([]);
  });

  test('the values of operations are copies', ({ expect }) => {
    const sample = new Sample();
    const fields = trackFields(sample, { subject: 'Sample', at: () => 'root' });
    sample.o = { list: [1] };
    const ops = fields.drain();
    (sample.o['list'] as number[]).push(2);
    expect(ops).toEqual([replace('/o', { list: [1] })]);
  });
});

describe('what is refused', () => {
  test.for<[title: string, mutate: (s: Sample) => void, code: string, at: string]>([
    [
      'NaN',
      (s) => {
        s.n = NaN;
      },
      'STATE_NOT_JSON',
      'root.s.n',
    ],
    [
      'a nested Date',
      (s) => {
        item(s, 1)['when'] = new Date(0);
      },
      'STATE_NOT_JSON',
      'root.s.items.1.when',
    ],
    [
      'a Map deep inside a pushed value',
      (s) => {
        s.log.push({ m: [new Map()] });
      },
      'STATE_NOT_JSON',
      'root.s.log.3.m.0',
    ],
    [
      'a nested undefined',
      (s) => {
        s.o['a'] = undefined;
      },
      'STATE_NOT_JSON',
      'root.s.o.a',
    ],
    [
      'an index behind the end',
      (s) => {
        s.log[5] = 1;
      },
      'STATE_NOT_JSON',
      'root.s.log',
    ],
    [
      'a longer length',
      (s) => {
        s.log.length = 9;
      },
      'STATE_NOT_JSON',
      'root.s.log',
    ],
    [
      'deletion of an element',
      (s) => {
        delete s.log[1];
      },
      'STATE_NOT_JSON',
      'root.s.log',
    ],
    [
      'a named property of an array',
      (s) => {
        Reflect.set(s.log, 'total', 1);
      },
      'STATE_NOT_JSON',
      'root.s.log',
    ],
    [
      'a symbol key',
      (s) => {
        Reflect.set(s.o, Symbol('k'), 1);
      },
      'STATE_NOT_JSON',
      'root.s.o',
    ],
    [
      'Object.defineProperty',
      (s) => {
        Object.defineProperty(s.o, 'k', { value: 1 });
      },
      'STATE_NOT_JSON',
      'root.s.o.k',
    ],
    [
      'Object.setPrototypeOf',
      (s) => {
        Object.setPrototypeOf(s.o, null);
      },
      'STATE_NOT_JSON',
      'root.s.o',
    ],
    [
      'Object.freeze',
      (s) => {
        Object.freeze(s.o);
      },
      'STATE_NOT_JSON',
      'root.s.o',
    ],
    [
      'the key constructor',
      (s) => {
        Reflect.set(s.o, 'constructor', 1);
      },
      'STATE_KEY_FORBIDDEN',
      'root.s.o',
    ],
    [
      'the key __proto__',
      (s) => {
        Reflect.set(s.o, '__proto__', {});
      },
      'STATE_KEY_FORBIDDEN',
      'root.s.o',
    ],
    [
      'the key prototype of an array',
      (s) => {
        Reflect.set(s.log, 'prototype', {});
      },
      'STATE_KEY_FORBIDDEN',
      'root.s.log',
    ],
  ])('%s, and nothing is changed or recorded', ([, mutate, code, at], { expect }) => {
    const sample = new Sample();
    const fields = trackFields(sample, { subject: 'Sample', at: () => 'root.s' });
    const before = fields.snapshot();
    const error = errorOf(() => mutate(sample));
    expect(error.code).toBe(code);
    expect(error.at).toBe(at);
    expect(fields.snapshot()).toEqual(before);
    expect(fields.drain()).toEqual([]);
  });

  test('a value that grows level by level is stopped at the limit', ({ expect }) => {
    const sample = new Sample();
    trackFields(sample, { subject: 'Sample', at: () => 'root' });
    const error = errorOf(() => {
      let { o } = sample;
      for (;;) {
        o['next'] = {};
        o = o['next'] as Record<string, unknown>;
      }
    });
    expect(error.code).toBe('STATE_TOO_DEEP');
  });
});
