import fc from 'fast-check';
import { describe, test } from 'vitest';
import { partOf } from '../../../runtime/server/turn-part.ts';
import { applyPatch } from '../../../runtime/state/apply.ts';
import type { Json } from '../../../runtime/state/json.ts';
import type { Operation } from '../../../runtime/state/operation.ts';
import { getAt, parsePointer } from '../../../runtime/state/pointer.ts';

const turnOf = (...ops: Operation[]) => ({
  version: 2,
  at: 0,
  ops,
  sources: ops.map((_, index) => ({ source: `root.w${index}`, ops: 1 })),
});

const DOCUMENT: Json = { a: { b: [1, 2, 3], c: { d: 1 } }, list: [{ x: 1 }, { x: 2 }], n: 0 };
const PATHS = [
  '',
  '/a',
  '/a/b',
  '/a/b/0',
  '/a/b/1',
  '/a/b/-',
  '/a/c',
  '/a/c/d',
  '/list',
  '/list/0',
];
const POINTERS = ['/a', '/a/b', '/a/b/1', '/a/c/d', '/list/1', '/list/1/x', '/n', '/new'];

const path = fc.constantFrom(...PATHS, '/list/1', '/list/1/x', '/n', '/new', '/new/y');
const value = fc.constantFrom<Json>(7, [], {}, [9], { d: 5 }, { b: [4], c: {} });
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ op: fc.constantFrom('add' as const, 'replace' as const), path, value }),
  fc.record({ op: fc.constant('remove' as const), path }),
  fc.record({ op: fc.constantFrom('move' as const, 'copy' as const), from: path, path }),
);

describe('the part of a turn at one place', () => {
  test('keeps who made which operation', ({ expect }) => {
    const turn = turnOf(
      { op: 'replace', path: '/n', value: 1 },
      { op: 'replace', path: '/a/c/d', value: 2 },
      { op: 'add', path: '/a/c/e', value: 3 },
    );
    expect(partOf(turn, '/a/c')).toEqual({
      ops: turn.ops.slice(1),
      sources: [
        { source: 'root.w1', ops: 1 },
        { source: 'root.w2', ops: 1 },
      ],
    });
    expect(partOf(turn, '/list')).toBe('none');
    expect(partOf(turn, '')).toEqual({ ops: turn.ops, sources: turn.sources });
  });

  test('a reader of a place that applies its parts has what the whole state has there', ({
    expect,
  }) => {
    fc.assert(
      fc.property(
        fc.array(operation, { maxLength: 6 }),
        fc.constantFrom(...POINTERS),
        (given, pointer) => {
          // Only what applies is ever committed.
          let whole: Json = structuredClone(DOCUMENT);
          const ops: Operation[] = [];
          for (const op of given) {
            const { doc, outcomes } = applyPatch(whole, [op], 'atomic');
            if (outcomes.every(({ ok }) => ok)) ops.push(op);
            whole = doc;
          }
          const segments = parsePointer(pointer);
          const part = partOf(turnOf(...ops), pointer);
          const before = getAt(DOCUMENT, segments);
          if (part === 'whole') return;
          const after = getAt(whole, segments);
          if (part === 'none') {
            expect(after).toEqual(before);
            return;
          }
          const kept = applyPatch(structuredClone(DOCUMENT), part.ops, 'atomic');
          expect(kept.outcomes.every(({ ok }) => ok)).toBe(true);
          expect(getAt(kept.doc, segments)).toEqual(after);
        },
      ),
      { numRuns: 3_000 },
    );
  });
});
