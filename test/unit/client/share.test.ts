import fc from 'fast-check';
import { describe, test } from 'vitest';
import { patched, shared } from '../../../runtime/client/share.ts';
import { applyPatch } from '../../../runtime/state/apply.ts';
import { cloneJson, type Json, type JsonObject } from '../../../runtime/state/json.ts';
import type { Operation } from '../../../runtime/state/operation.ts';

const frozen = (value: JsonObject): JsonObject => shared(undefined, cloneJson(value) as JsonObject);

function isDeeplyFrozen(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return Object.isFrozen(value) && Object.values(value).every(isDeeplyFrozen);
}

/** Pointers of every place in a document. */
function placesIn(value: Json, at = ''): string[] {
  if (typeof value !== 'object' || value === null) return [at];
  return [at, ...Object.entries(value).flatMap(([key, item]) => placesIn(item, `${at}/${key}`))];
}

const key = fc.constantFrom('a', 'b', 'c', '0', '1');
const value = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom<Json>(null, true, 1, 2, 'x'),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(key, tie('value'), { maxKeys: 3 }),
  ),
})).value;
const document = fc.dictionary(key, value, { maxKeys: 4 });

describe('patched', () => {
  test('gives what applying in place gives, and leaves the old document alone', ({ expect }) => {
    const step = fc.record({
      op: fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test'),
      path: fc.nat(),
      from: fc.nat(),
      last: fc.option(fc.constantFrom('a', '-', '0', '1')),
      value,
    });
    fc.assert(
      fc.property(document, fc.array(step, { maxLength: 6 }), (start, steps) => {
        const before = frozen(start);
        const copy = cloneJson(before);
        let plain = cloneJson(before);
        let doc = before;
        for (const { op, path, from, last, value: given } of steps) {
          const places = placesIn(plain);
          const at = places[path % places.length] ?? '';
          const target = last === null ? at : `${at}/${last}`;
          const operation = {
            op,
            path: target,
            from: places[from % places.length] ?? '',
            value: given,
          } as Operation;
          if (target === '' || (op === 'move' && operation.path === '')) continue;
          const expected = applyPatch(plain, [operation], 'atomic');
          const result = patched(doc, [operation]);
          const isApplied = expected.outcomes.every(({ ok }) => ok);
          expect('doc' in result).toBe(isApplied);
          if ('doc' in result) doc = result.doc;
          plain = expected.doc;
          expect(doc).toEqual(plain);
          expect(isDeeplyFrozen(doc)).toBe(true);
        }
        expect(before).toEqual(copy);
      }),
      { numRuns: 1_000 },
    );
  }, 30_000);

  test('what did not change keeps its identity, also in a list that is replaced', ({ expect }) => {
    const before = frozen({ a: { x: [1], y: {} }, list: [{ id: 1 }, { id: 2, tags: ['t'] }] });
    const result = patched(before, [
      { op: 'replace', path: '/a/x/0', value: 2 },
      { op: 'replace', path: '/list', value: [{ id: 1 }, { id: 3, tags: ['t'] }] },
    ]);
    if (!('doc' in result)) throw new Error('it does not apply');
    const { a, list } = result.doc as { a: JsonObject; list: JsonObject[] };
    const old = before as { a: JsonObject; list: JsonObject[] };
    expect(a).not.toBe(old.a);
    expect(a['y']).toBe(old.a['y']);
    expect(list).not.toBe(old.list);
    expect(list[0]).toBe(old.list[0]);
    expect(list[1]).not.toBe(old.list[1]);
    expect(list[1]?.['tags']).toBe(old.list[1]?.['tags']);
  });

  test('a patch that changes nothing gives the same document', ({ expect }) => {
    const before = frozen({ a: { x: [1] }, b: 'text' });
    const result = patched(before, [
      { op: 'replace', path: '/a', value: { x: [1] } },
      { op: 'add', path: '/b', value: 'text' },
    ]);
    expect(result).toEqual({ doc: before });
    expect('doc' in result && result.doc).toBe(before);
  });

  test('items keep their identity when others before them are removed', ({ expect }) => {
    const before = frozen({ list: [{ id: 1 }, { id: 2 }] });
    const result = patched(before, [{ op: 'remove', path: '/list/0' }]);
    const second = (before['list'] as Json[])[1];
    expect('doc' in result && (result.doc['list'] as Json[])[0]).toBe(second);
  });

  test('a move into an item that it shifts leaves the old document alone', ({ expect }) => {
    const before = frozen({ list: [1, 2, ['in']] });
    const result = patched(before, [{ op: 'move', from: '/list/0', path: '/list/1/-' }]);
    expect(result).toEqual({ doc: { list: [2, ['in', 1]] } });
    expect(before).toEqual({ list: [1, 2, ['in']] });
  });

  test('an operation that does not apply is named, and nothing is applied', ({ expect }) => {
    const before = frozen({ a: 1 });
    const result = patched(before, [
      { op: 'replace', path: '/a', value: 2 },
      { op: 'remove', path: '/b' },
    ]);
    expect(result).toMatchObject({ op: { path: '/b' }, failed: { problem: 'missing' } });
    expect(before).toEqual({ a: 1 });
  });
});

describe('shared', () => {
  test('equals the new value, and is the old one wherever they are equal', ({ expect }) => {
    fc.assert(
      fc.property(document, document, (a, b) => {
        const old = frozen(a);
        const next = shared<JsonObject>(old, cloneJson(b) as JsonObject);
        expect(next).toEqual(b);
        for (const [name, item] of Object.entries(next))
          if (JSON.stringify(item) === JSON.stringify(old[name])) expect(item).toBe(old[name]);
        expect(isDeeplyFrozen(next)).toBe(true);
      }),
    );
  });
});
