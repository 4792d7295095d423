import fc from 'fast-check';
import { describe, test } from 'vitest';
import { isAppError } from '../../../runtime/errors/index.ts';
import {
  beforeRemoval,
  commonPointer,
  escapeSegment,
  formatPointer,
  getAt,
  isPrefix,
  parsePointer,
  pathsConflict,
  toIndex,
} from '../../../runtime/state/pointer.ts';
import { codeOf } from './code-of.ts';

const RFC_DOC = {
  foo: ['bar', 'baz'],
  '': 0,
  'a/b': 1,
  'c%d': 2,
  'e^f': 3,
  'g|h': 4,
  'i\\j': 5,
  'k"l': 6,
  ' ': 7,
  'm~n': 8,
};

describe('beforeRemoval', () => {
  test.for([
    ['an item behind the removed one', '/list/0', '/list/1/-', '/list/2/-'],
    ['an item that takes its place', '/list/1', '/list/1/a', '/list/2/a'],
    ['an item before it', '/list/2', '/list/0/a', '/list/0/a'],
    ['a place below an item of another list', '/list/0', '/other/1/a', '/other/1/a'],
    ['a key of an object', '/map/0', '/map/1/a', '/map/1/a'],
    ['a deeper list', '/map/1/a/0', '/map/1/a/0/b', '/map/1/a/1/b'],
    ['the end of the list', '/list/0', '/list/-', '/list/-'],
    ['what is no item', '/list/x', '/list/1/a', '/list/1/a'],
    ['the document', '', '/list/1', '/list/1'],
  ] as const)('%s', ([, from, path, before], { expect }) => {
    const doc = { list: [{}, {}, {}], other: [{}, {}], map: { 0: {}, 1: { a: [{}, {}] } } };
    expect(beforeRemoval(doc, from, path)).toBe(before);
  });
});

describe('parsePointer', () => {
  test.for([
    ['', []],
    ['/', ['']],
    ['/foo/0', ['foo', '0']],
    ['/a~1b/m~0n', ['a/b', 'm~n']],
    ['/~01', ['~1']],
    ['//', ['', '']],
  ] as const)('%j is split into %j', ([text, segments], { expect }) => {
    expect(parsePointer(text)).toEqual(segments);
  });

  test.for(['a', 'a/b', '#/a', '/~', '/~2', '/a~', '/a/~x'])(
    '%j is refused',
    (text, { expect }) => {
      expect(codeOf(() => parsePointer(text))).toBe('STATE_POINTER_INVALID');
    },
  );

  test.for(['/__proto__', '/a/constructor/b', '/a/prototype'])(
    '%j is refused as a way to a prototype',
    (text, { expect }) => {
      expect(codeOf(() => parsePointer(text))).toBe('STATE_KEY_FORBIDDEN');
    },
  );

  test('segments survive being written and read', ({ expect }) => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('~', '/', '0', '1', 'a') })),
        ),
        (segments) => {
          try {
            expect(parsePointer(formatPointer(segments))).toEqual(segments);
          } catch (error) {
            if (!isAppError(error, 'STATE_KEY_FORBIDDEN')) throw error;
          }
        },
      ),
    );
  });

  test('an escaped segment has no slash', ({ expect }) => {
    expect(escapeSegment('~/~1')).toBe('~0~1~01');
  });
});

describe('getAt', () => {
  test.for([
    ['', RFC_DOC],
    ['/foo', ['bar', 'baz']],
    ['/foo/0', 'bar'],
    ['/', 0],
    ['/a~1b', 1],
    ['/c%d', 2],
    ['/e^f', 3],
    ['/g|h', 4],
    ['/i\\j', 5],
    ['/k"l', 6],
    ['/ ', 7],
    ['/m~0n', 8],
    ['/foo/01', undefined],
    ['/foo/2', undefined],
    ['/foo/-', undefined],
    ['/foo/length', undefined],
    ['/toString', undefined],
    ['/a~1b/x', undefined],
  ] as const)('%j of the document of RFC 6901 is %j', ([pointer, value], { expect }) => {
    expect(getAt(RFC_DOC, parsePointer(pointer))).toEqual(value);
  });

  test('only canonical texts are indices', ({ expect }) => {
    expect(
      ['0', '7', '10', '', '00', '01', '-1', '+1', '1.0', '1e0', ' 1', '99999999999'].map(toIndex),
    ).toEqual([0, 7, 10, -1, -1, -1, -1, -1, -1, -1, -1, -1]);
  });
});

describe('pointer texts', () => {
  test.for([
    ['', '/a', true],
    ['/a', '/a', true],
    ['/a', '/a/b', true],
    ['/a/b', '/a', false],
    ['/a', '/ab', false],
    ['/a', '/b', false],
  ] as const)('%j is equal to or above %j: %j', ([a, b, above], { expect }) => {
    expect(isPrefix(a, b)).toBe(above);
  });

  test('a conflict is the same place, or one above the other', ({ expect }) => {
    expect([
      pathsConflict('/a', '/a'),
      pathsConflict('/a/b', '/a'),
      pathsConflict('', '/x'),
      pathsConflict('/a', '/ab'),
    ]).toEqual([true, true, true, false]);
  });

  test.for([
    [[], ''],
    [['/a/b/c'], '/a/b/c'],
    [['/a/b/c', '/a/b/d'], '/a/b'],
    [['/ab', '/ac'], ''],
    [['/a/bc', '/a/bd', '/a/bc/e'], '/a'],
    [['/a', '/a/b'], '/a'],
  ] as const)('the longest common pointer of %j is %j', ([pointers, common], { expect }) => {
    expect(commonPointer(pointers)).toBe(common);
  });
});
