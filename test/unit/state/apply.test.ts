import { describe, test } from 'vitest';
import { applyOperation, applyPatch, type Outcome } from '../../../runtime/state/apply.ts';
import { cloneJson, type Json } from '../../../runtime/state/json.ts';
import { parseOperations, type Operation } from '../../../runtime/state/operation.ts';

type Case = [title: string, doc: Json, patch: unknown, expected: Json];
type Failure = [title: string, doc: Json, patch: unknown, problem: string];

/** RFC 6902, appendix A; A.11 (unrecognised members) is read by parseOperations. */
const RFC: Case[] = [
  [
    'A.1 adding an object member',
    { foo: 'bar' },
    [{ op: 'add', path: '/baz', value: 'qux' }],
    { baz: 'qux', foo: 'bar' },
  ],
  [
    'A.2 adding an array element',
    { foo: ['bar', 'baz'] },
    [{ op: 'add', path: '/foo/1', value: 'qux' }],
    { foo: ['bar', 'qux', 'baz'] },
  ],
  [
    'A.3 removing an object member',
    { baz: 'qux', foo: 'bar' },
    [{ op: 'remove', path: '/baz' }],
    { foo: 'bar' },
  ],
  [
    'A.4 removing an array element',
    { foo: ['bar', 'qux', 'baz'] },
    [{ op: 'remove', path: '/foo/1' }],
    { foo: ['bar', 'baz'] },
  ],
  [
    'A.5 replacing a value',
    { baz: 'qux', foo: 'bar' },
    [{ op: 'replace', path: '/baz', value: 'boo' }],
    { baz: 'boo', foo: 'bar' },
  ],
  [
    'A.6 moving a value',
    { foo: { bar: 'baz', waldo: 'fred' }, qux: { corge: 'grault' } },
    [{ op: 'move', from: '/foo/waldo', path: '/qux/thud' }],
    { foo: { bar: 'baz' }, qux: { corge: 'grault', thud: 'fred' } },
  ],
  [
    'A.7 moving an array element',
    { foo: ['all', 'grass', 'cows', 'eat'] },
    [{ op: 'move', from: '/foo/1', path: '/foo/3' }],
    { foo: ['all', 'cows', 'eat', 'grass'] },
  ],
  [
    'A.8 testing a value: success',
    { baz: 'qux', foo: ['a', 2, 'c'] },
    [
      { op: 'test', path: '/baz', value: 'qux' },
      { op: 'test', path: '/foo/1', value: 2 },
    ],
    { baz: 'qux', foo: ['a', 2, 'c'] },
  ],
  [
    'A.10 adding a nested member object',
    { foo: 'bar' },
    [{ op: 'add', path: '/child', value: { grandchild: {} } }],
    { foo: 'bar', child: { grandchild: {} } },
  ],
  [
    'A.11 ignoring unrecognised elements',
    { foo: 'bar' },
    [{ op: 'add', path: '/baz', value: 'qux', xyz: 123 }],
    { foo: 'bar', baz: 'qux' },
  ],
  [
    'A.14 ~ escape ordering',
    { '/': 9, '~1': 10 },
    [{ op: 'test', path: '/~01', value: 10 }],
    { '/': 9, '~1': 10 },
  ],
  [
    'A.16 adding an array value',
    { foo: ['bar'] },
    [{ op: 'add', path: '/foo/-', value: ['abc', 'def'] }],
    { foo: ['bar', ['abc', 'def']] },
  ],
];

const RFC_FAILURES: Failure[] = [
  [
    'A.9 testing a value: error',
    { baz: 'qux' },
    [{ op: 'test', path: '/baz', value: 'bar' }],
    'test-failed',
  ],
  [
    'A.12 adding to a nonexistent target',
    { foo: 'bar' },
    [{ op: 'add', path: '/baz/bat', value: 'qux' }],
    'missing',
  ],
  [
    'A.15 comparing strings and numbers',
    { '/': 9, '~1': 10 },
    [{ op: 'test', path: '/~01', value: '10' }],
    'test-failed',
  ],
];

/** In the manner of the json-patch-tests collection. */
const MORE: Case[] = [
  ['an empty patch changes nothing', { a: 1 }, [], { a: 1 }],
  [
    'add replaces an existing member',
    { foo: 1 },
    [{ op: 'add', path: '/foo', value: [] }],
    { foo: [] },
  ],
  [
    'add of null is a value',
    { foo: 1 },
    [{ op: 'add', path: '/bar', value: null }],
    { foo: 1, bar: null },
  ],
  ['add at 0 of an empty array', [], [{ op: 'add', path: '/0', value: 'foo' }], ['foo']],
  ['add at the length appends', ['a'], [{ op: 'add', path: '/1', value: 'b' }], ['a', 'b']],
  ['add at the front shifts', ['a'], [{ op: 'add', path: '/0', value: 'b' }], ['b', 'a']],
  ['the empty key is a key', {}, [{ op: 'add', path: '/', value: 1 }], { '': 1 }],
  [
    'a trailing slash is the empty key',
    { foo: {} },
    [{ op: 'add', path: '/foo/', value: 1 }],
    { foo: { '': 1 } },
  ],
  ['- is an ordinary key of an object', {}, [{ op: 'add', path: '/-', value: 1 }], { '-': 1 }],
  [
    'digits are an ordinary key of an object',
    { foo: 1 },
    [{ op: 'add', path: '/0', value: 'bar' }],
    { foo: 1, '0': 'bar' },
  ],
  [
    'add replaces the root',
    { foo: 'bar' },
    [{ op: 'add', path: '', value: { baz: 'qux' } }],
    { baz: 'qux' },
  ],
  ['replace replaces the root', { foo: 'bar' }, [{ op: 'replace', path: '', value: [1] }], [1]],
  [
    'operations see a replaced root',
    {},
    [
      { op: 'replace', path: '', value: {} },
      { op: 'add', path: '/a', value: 1 },
    ],
    { a: 1 },
  ],
  ['test of the root', { foo: 1 }, [{ op: 'test', path: '', value: { foo: 1 } }], { foo: 1 }],
  [
    'test ignores the order of keys',
    { foo: { a: 1, b: [2] } },
    [{ op: 'test', path: '/foo', value: { b: [2], a: 1 } }],
    { foo: { a: 1, b: [2] } },
  ],
  ['test of null', { foo: null }, [{ op: 'test', path: '/foo', value: null }], { foo: null }],
  [
    'replace of null',
    { foo: null },
    [{ op: 'replace', path: '/foo', value: 'truthy' }],
    { foo: 'truthy' },
  ],
  [
    'replace inside an array',
    [1, [2, 3]],
    [{ op: 'replace', path: '/1/0', value: 4 }],
    [1, [4, 3]],
  ],
  [
    'remove twice at one index',
    [1, 2, 3],
    [
      { op: 'remove', path: '/0' },
      { op: 'remove', path: '/0' },
    ],
    [3],
  ],
  ['move to the same place', { foo: 1 }, [{ op: 'move', from: '/foo', path: '/foo' }], { foo: 1 }],
  [
    'move over another member',
    { foo: 1, bar: 2 },
    [{ op: 'move', from: '/foo', path: '/bar' }],
    { bar: 1 },
  ],
  ['move into the root', { foo: { a: 1 } }, [{ op: 'move', from: '/foo', path: '' }], { a: 1 }],
  [
    'move out of an array',
    { baz: [{ qux: 'hello' }], bar: 1 },
    [{ op: 'move', from: '/baz/0/qux', path: '/baz/1' }],
    { baz: [{}, 'hello'], bar: 1 },
  ],
  [
    'copy into its own child',
    { a: { b: 1 } },
    [{ op: 'copy', from: '/a', path: '/a/c' }],
    { a: { b: 1, c: { b: 1 } } },
  ],
  [
    'copy of null',
    { foo: null },
    [{ op: 'copy', from: '/foo', path: '/bar' }],
    { foo: null, bar: null },
  ],
  [
    'keys named like inherited ones',
    {},
    [
      { op: 'add', path: '/toString', value: 1 },
      { op: 'test', path: '/toString', value: 1 },
    ],
    { toString: 1 },
  ],
];

const MORE_FAILURES: Failure[] = [
  ['add beyond the length', ['a'], [{ op: 'add', path: '/2', value: 1 }], 'bad-index'],
  ['add at a negative index', ['a'], [{ op: 'add', path: '/-1', value: 1 }], 'bad-index'],
  [
    'add at an index with a leading zero',
    ['a', 'b'],
    [{ op: 'add', path: '/01', value: 1 }],
    'bad-index',
  ],
  [
    'add at an index in exponent form',
    ['a', 'b'],
    [{ op: 'add', path: '/1e0', value: 1 }],
    'bad-index',
  ],
  ['add at a name in an array', ['a'], [{ op: 'add', path: '/bar', value: 1 }], 'bad-index'],
  ['add below a scalar', { a: 'x' }, [{ op: 'add', path: '/a/b', value: 1 }], 'not-a-container'],
  ['add below null', { a: null }, [{ op: 'add', path: '/a/b', value: 1 }], 'not-a-container'],
  ['replace of nothing', { a: 1 }, [{ op: 'replace', path: '/b', value: 1 }], 'missing'],
  ['replace of an inherited name', {}, [{ op: 'replace', path: '/toString', value: 1 }], 'missing'],
  ['replace at the length', ['a'], [{ op: 'replace', path: '/1', value: 1 }], 'missing'],
  ['replace at -', ['a'], [{ op: 'replace', path: '/-', value: 1 }], 'bad-index'],
  ['remove of nothing', { a: 1 }, [{ op: 'remove', path: '/b' }], 'missing'],
  ['remove beyond the end', [1], [{ op: 'remove', path: '/1' }], 'missing'],
  ['remove of an index with a leading zero', [1, 2], [{ op: 'remove', path: '/01' }], 'bad-index'],
  ['remove of an array length', [1], [{ op: 'remove', path: '/length' }], 'bad-index'],
  ['remove of the root', {}, [{ op: 'remove', path: '' }], 'forbidden'],
  ['move of nothing', {}, [{ op: 'move', from: '/a', path: '/b' }], 'missing'],
  ['move into itself', { a: { b: {} } }, [{ op: 'move', from: '/a', path: '/a/b/c' }], 'forbidden'],
  ['move to nowhere', { a: 1, b: [1] }, [{ op: 'move', from: '/a', path: '/b/5' }], 'bad-index'],
  ['copy of nothing', {}, [{ op: 'copy', from: '/a', path: '/b' }], 'missing'],
  ['test of nothing', {}, [{ op: 'test', path: '/a', value: null }], 'missing'],
  [
    'test of an array against an object',
    { a: [] },
    [{ op: 'test', path: '/a', value: {} }],
    'test-failed',
  ],
];

const lastProblem = (outcomes: Outcome[]): string | undefined => {
  const last = outcomes.at(-1);
  return last?.ok === false ? last.problem : undefined;
};

describe('applyPatch', () => {
  test.for([...RFC, ...MORE])('%s', ([, doc, patch, expected], { expect }) => {
    const ops = parseOperations(patch);
    for (const mode of ['atomic', 'each'] as const) {
      const result = applyPatch(cloneJson(doc), ops, mode);
      expect(result.doc).toEqual(expected);
      expect(result.outcomes).toEqual(ops.map(() => ({ ok: true })));
    }
  });

  test.for([...RFC_FAILURES, ...MORE_FAILURES])(
    '%s fails and changes nothing',
    ([, doc, patch, problem], { expect }) => {
      const ops = parseOperations(patch);
      for (const mode of ['atomic', 'each'] as const) {
        const result = applyPatch(cloneJson(doc), ops, mode);
        expect(lastProblem(result.outcomes)).toBe(problem);
        expect(result.doc).toEqual(doc);
      }
    },
  );

  test('A.13 an operation with two op members is read as the last one', ({ expect }) => {
    const ops = parseOperations(
      JSON.parse('[{"op":"add","path":"/baz","value":"qux","op":"remove"}]'),
    );
    expect(lastProblem(applyPatch({ foo: 'bar' }, ops, 'atomic').outcomes)).toBe('missing');
  });

  test('an atomic patch that fails restores every kind of edit', ({ expect }) => {
    const doc = { list: [1, { a: 1 }, 3], map: { x: 1, y: { z: 2 } } };
    const before = cloneJson(doc);
    const ops = parseOperations([
      { op: 'add', path: '/list/1', value: 'new' },
      { op: 'remove', path: '/list/0' },
      { op: 'replace', path: '/list/1', value: 'other' },
      { op: 'add', path: '/map/x', value: 2 },
      { op: 'add', path: '/map/new', value: 2 },
      { op: 'move', from: '/map/y', path: '/list/-' },
      { op: 'copy', from: '/list', path: '/copy' },
      { op: 'replace', path: '', value: { map: {} } },
      { op: 'add', path: '/map/late', value: 1 },
      { op: 'test', path: '/map', value: null },
      { op: 'add', path: '/never', value: 1 },
    ]);
    const result = applyPatch(doc, ops, 'atomic');
    expect(result.doc).toBe(doc);
    expect(result.doc).toEqual(before);
    expect(result.outcomes).toHaveLength(10);
    expect(lastProblem(result.outcomes)).toBe('test-failed');
  });

  test('each skips what fails and applies the rest', ({ expect }) => {
    const ops = parseOperations([
      { op: 'remove', path: '/nothing' },
      { op: 'replace', path: '/a', value: 2 },
      { op: 'test', path: '/a', value: 1 },
      { op: 'add', path: '/b', value: 3 },
    ]);
    const result = applyPatch({ a: 1 }, ops, 'each');
    expect(result.doc).toEqual({ a: 2, b: 3 });
    expect(result.outcomes.map(({ ok }) => ok)).toEqual([false, true, false, true]);
  });

  test('a patch can be applied twice, for documents share nothing with it or with themselves', ({
    expect,
  }) => {
    const ops: Operation[] = [
      { op: 'add', path: '/a', value: { n: [1] } },
      { op: 'copy', from: '/a', path: '/b' },
      { op: 'add', path: '/a/n/-', value: 2 },
    ];
    expect(applyPatch({}, ops, 'atomic').doc).toEqual({ a: { n: [1, 2] }, b: { n: [1] } });
    expect(applyPatch({}, ops, 'atomic').doc).toEqual({ a: { n: [1, 2] }, b: { n: [1] } });
  });

  test('a move that cannot arrive leaves the value where it was', ({ expect }) => {
    const target = { doc: { a: { x: 1 }, b: 1 } };
    expect(applyOperation(target, { op: 'move', from: '/a', path: '/b/c' }).ok).toBe(false);
    expect(target.doc).toEqual({ a: { x: 1 }, b: 1 });
  });

  test('operations that were never parsed cannot reach a prototype', ({ expect }) => {
    const target: { doc: Json } = { doc: { a: {} } };
    const ops: Operation[] = [
      { op: 'add', path: '/__proto__/polluted', value: 1 },
      { op: 'add', path: '/a/constructor/prototype/polluted', value: 1 },
      { op: 'add', path: '/a/b', value: JSON.parse('{"__proto__":{"polluted":1}}') },
      { op: 'copy', from: '/__proto__', path: '/c' },
      { op: 'remove', path: 'no pointer' },
    ];
    for (const op of ops) {
      const outcome = applyOperation(target, op);
      expect(outcome.ok ? 'applied' : outcome.problem).toBe('forbidden');
    }
    expect(target.doc).toEqual({ a: {} });
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
  });

  test('a document that grows level by level is stopped before it can overflow the stack', ({
    expect,
  }) => {
    const target: { doc: Json } = { doc: {} };
    let path = '';
    let refused = 0;
    for (let i = 0; i < 3_000; i += 1) {
      path += '/a';
      if (!applyOperation(target, { op: 'add', path, value: {} }).ok) refused += 1;
    }
    expect(refused).toBeGreaterThan(1_000);
    expect(() => cloneJson(target.doc)).not.toThrow();
  });
});
