import { describe, test } from 'vitest';
import { parseOperations } from '../../../runtime/state/operation.ts';
import { codeOf, errorOf } from './code-of.ts';

describe('parseOperations', () => {
  test('the six operations are read', ({ expect }) => {
    const ops = [
      { op: 'add', path: '/a', value: null },
      { op: 'remove', path: '/a' },
      { op: 'replace', path: '', value: { a: [1] } },
      { op: 'move', from: '/a', path: '/b' },
      { op: 'copy', from: '/a', path: '/b' },
      { op: 'test', path: '/a', value: false },
    ];
    expect(parseOperations(ops)).toEqual(ops);
  });

  test('members that the operation does not define are ignored', ({ expect }) => {
    expect(parseOperations([{ op: 'remove', path: '/a', value: NaN, from: 'x', note: 1 }])).toEqual(
      [{ op: 'remove', path: '/a' }],
    );
  });

  test('the result shares nothing with the input', ({ expect }) => {
    const value = { a: [1] };
    const [op] = parseOperations([{ op: 'add', path: '/x', value }]);
    value.a.push(2);
    expect(op).toEqual({ op: 'add', path: '/x', value: { a: [1] } });
  });

  test.for<[string, unknown, string]>([
    ['null', null, 'it is not an array of operations'],
    ['an object', { op: 'remove', path: '' }, 'it is not an array of operations'],
    ['a string as operation', ['remove'], 'operation 0 is not an object'],
    ['an array as operation', [[]], 'operation 0 is not an object'],
    ['no op', [{ path: '/a', value: 1 }], 'operation 0 has no "op"'],
    ['an unknown op', [{ op: 'spam', path: '/a' }], 'operation 0 has the unknown op "spam"'],
    ['a number as op', [{ op: 1, path: '/a' }], 'operation 0 has the unknown op number'],
    ['no path', [{ op: 'remove', path: '/a' }, { op: 'remove' }], 'operation 1 has no "path"'],
    [
      'a null path',
      [{ op: 'remove', path: null }],
      'operation 0 has a "path" that is not a string',
    ],
    ['no value', [{ op: 'add', path: '/a' }], 'operation 0 has no "value"'],
    [
      'an undefined value',
      [{ op: 'test', path: '/a', value: undefined }],
      'operation 0 has no "value"',
    ],
    ['no from', [{ op: 'copy', path: '/a' }], 'operation 0 has no "from"'],
    ['an inherited op', [Object.create({ op: 'remove', path: '/a' })], 'operation 0 has no "path"'],
    [
      'a value that is not JSON',
      [{ op: 'add', path: '/a', value: [new Date(0)] }],
      'the value of operation 0[0] holds a Date',
    ],
  ])('%s is refused', ([, value, problem], { expect }) => {
    const error = errorOf(() => parseOperations(value));
    expect(error.code).toBe('STATE_PATCH_INVALID');
    expect(error.message).toContain(problem);
  });

  test('a bad pointer is refused in path and from', ({ expect }) => {
    expect(codeOf(() => parseOperations([{ op: 'remove', path: 'a' }]))).toBe(
      'STATE_POINTER_INVALID',
    );
    expect(codeOf(() => parseOperations([{ op: 'copy', path: '/a', from: '/~' }]))).toBe(
      'STATE_POINTER_INVALID',
    );
  });

  test('prototype keys are refused in path, from and value', ({ expect }) => {
    for (const text of [
      '[{"op":"add","path":"/__proto__/x","value":1}]',
      '[{"op":"move","path":"/a","from":"/constructor"}]',
      '[{"op":"add","path":"/a","value":{"b":{"__proto__":{"x":1}}}}]',
    ]) {
      expect(codeOf(() => parseOperations(JSON.parse(text)))).toBe('STATE_KEY_FORBIDDEN');
    }
  });
});
