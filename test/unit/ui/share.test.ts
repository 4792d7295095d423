import fc from 'fast-check';
import { describe, test } from 'vitest';
import { applyPatch } from '../../../runtime/state/apply.ts';
import { cloneJson, type Json } from '../../../runtime/state/json.ts';
import type { Operation } from '../../../runtime/state/operation.ts';
import { formatPointer } from '../../../runtime/state/pointer.ts';
import { applyBatch, OutOfStep } from '../../../ui/src/logic/share.ts';

const leaf = fc.oneof(fc.integer(), fc.string({ maxLength: 3 }), fc.constant(null), fc.boolean());
const key = fc.constantFrom('a', 'b', 'c/d', 'e~f', '0');
const { doc: anyDoc } = fc.letrec<{ doc: Json }>((tie) => ({
  doc: fc.oneof(
    { depthSize: 'small' },
    leaf,
    fc.array(tie('doc'), { maxLength: 4 }),
    fc.dictionary(key, tie('doc'), { maxKeys: 4 }),
  ),
}));
const segments = fc.array(fc.oneof(key, fc.constantFrom('1', '2', '-')), { maxLength: 3 });
const pointer = segments.map((each) => formatPointer(each));
const anyOperation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ op: fc.constant('add' as const), path: pointer, value: anyDoc }),
  fc.record({ op: fc.constant('replace' as const), path: pointer, value: anyDoc }),
  fc.record({ op: fc.constant('remove' as const), path: pointer }),
  fc.record({ op: fc.constant('move' as const), from: pointer, path: pointer }),
  fc.record({ op: fc.constant('copy' as const), from: pointer, path: pointer }),
);

describe('applyBatch', () => {
  test('gives what the runtime gives for operations that apply, and changes nothing it was given', ({
    expect,
  }) => {
    fc.assert(
      fc.property(anyDoc, fc.array(anyOperation, { maxLength: 8 }), (doc, tried) => {
        // Those that a committed turn could have.
        const ops: Operation[] = [];
        let expected = cloneJson(doc);
        for (const op of tried) {
          const result = applyPatch(cloneJson(expected), [op], 'atomic');
          if (result.outcomes[0]?.ok !== true) continue;
          expected = result.doc;
          ops.push(op);
        }
        const given = JSON.stringify([doc, ops]);
        expect(applyBatch(doc, ops)).toEqual(expected);
        expect(JSON.stringify([doc, ops])).toBe(given);
      }),
      { numRuns: 500 },
    );
  });

  test('copies a container once, and keeps what it does not touch', ({ expect }) => {
    const works = Object.fromEntries(
      Array.from({ length: 1_000 }, (_, index) => [`w${index}`, { vars: { n: 0 }, calls: {} }]),
    );
    const doc: Json = { works, vars: { big: [1, 2, 3] } };
    const ops = Array.from({ length: 1_000 }, (_, n): Operation => {
      return { op: 'replace', path: '/works/w7/vars/n', value: n };
    });
    const next = applyBatch(doc, ops) as typeof doc;
    expect(next['vars']).toBe(doc['vars']);
    expect((next['works'] as typeof works)['w6']).toBe(works['w6']);
    expect((next['works'] as typeof works)['w7']).toEqual({ vars: { n: 999 }, calls: {} });
    expect(works['w7']).toEqual({ vars: { n: 0 }, calls: {} });
  });

  test('says so when an operation does not fit', ({ expect }) => {
    for (const op of [
      { op: 'replace', path: '/none', value: 1 },
      { op: 'remove', path: '/list/3' },
      { op: 'add', path: '/list/9', value: 1 },
      { op: 'add', path: '/deep/er', value: 1 },
      { op: 'copy', from: '/none', path: '/list' },
    ] as const)
      expect(() => applyBatch({ list: [1] }, [op])).toThrow(OutOfStep);
  });
});
