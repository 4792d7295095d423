import fc from 'fast-check';
import { describe, test } from 'vitest';
import { applyPatch } from '../../../runtime/state/apply.ts';
import { cloneJson, toJsonCopy, type Json, type JsonObject } from '../../../runtime/state/json.ts';
import { parseOperations } from '../../../runtime/state/operation.ts';
import { Fields, snapshot, trackFields } from '../../../runtime/state/tracked.ts';

class Machine {
  count = 0;
  maybe: unknown = undefined;
  list: unknown = [1, { a: 1 }, [2, 3]];
  map: unknown = { a: 1, b: { c: [1, 2] }, d: [{ e: 1 }, { e: 2 }] };
}

const FIELDS = ['count', 'maybe', 'list', 'map'] as const;
const KEYS = ['a', 'b', 'c/~', 'hasOwnProperty', '0'];

type Store = Record<string, unknown>;
type Box = Store | unknown[];

const isBox = (value: unknown): value is Box => typeof value === 'object' && value !== null;

/** A value without refused keys, nor ones with which a default sort throws for plain values too. */
function allowed(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value).replace(
      /"(__proto__|constructor|prototype|toString|valueOf|toJSON)":/g,
      '"p":',
    ),
  );
}

/** One random action: the numbers choose where and how, so that it means the same on the machine and on the model. */
const action = fc.record({
  kind: fc.integer({ min: 0, max: 17 }),
  walk: fc.array(fc.nat(7), { maxLength: 4 }),
  field: fc.nat(3),
  a: fc.nat(9),
  b: fc.nat(4),
  value: fc.jsonValue({ maxDepth: 2 }),
  drain: fc.nat(5).map((n) => n === 0),
});
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;

function child(box: Box, step: number): unknown {
  const keys = Object.keys(box);
  return keys.length === 0 ? undefined : Reflect.get(box, keys[step % keys.length] ?? '');
}

/** Assigns a value from elsewhere, which copies it; assigned to where it already is, it stays. */
function move(
  target: Store,
  key: string,
  value: unknown,
  clone: (value: unknown) => unknown,
): void {
  if (target[key] !== value) target[key] = clone(value);
}

/** Does one action on the fields of `self`; `held` keeps containers read earlier, which may have been detached since. */
function perform(
  self: Store,
  held: Box[],
  { kind, walk, field, a, b, value }: Action,
  clone: (value: unknown) => unknown,
): void {
  const name = FIELDS[field] ?? 'count';
  let box: unknown = kind % 6 === 5 && held.length > 0 ? held[a % held.length] : self[name];
  for (const step of walk) {
    const next: unknown = isBox(box) ? child(box, step) : undefined;
    if (!isBox(next)) break;
    box = next;
  }
  const fresh = clone(allowed(value));
  const key = KEYS[b] ?? 'a';
  if (kind === 0 || !isBox(box)) {
    self[name] = fresh;
    return;
  }
  if (kind === 1) held.push(box);
  else if (kind === 2) self['maybe'] = undefined;
  else if (kind === 3) move(self, FIELDS[b] ?? 'count', box, clone);
  else if (!Array.isArray(box)) {
    if (kind < 9) box[key] = fresh;
    else if (kind < 12) move(box, key, child(box, a) ?? null, clone);
    else delete box[Object.keys(box)[a % 3] ?? key];
  } else {
    const at = box.length === 0 ? 0 : a % box.length;
    const sortKey = (x: unknown): string => JSON.stringify(x) ?? '';
    const acts: (() => unknown)[] = [
      () => box.push(fresh),
      () => box.push(fresh, clone(child(box, a) ?? 1)),
      () => box.pop(),
      () => box.shift(),
      () => box.unshift(fresh),
      () => box.splice(at, b, fresh),
      () => box.splice(at, b),
      () => (box[at] = fresh),
      () => box.sort((x, y) => (sortKey(x) < sortKey(y) ? -1 : sortKey(x) > sortKey(y) ? 1 : 0)),
      () => box.reverse(),
      () => (box.length = at),
      () => box.sort(),
      () => !isBox(fresh) && box.fill(fresh, at),
      () => (box[box.length] = fresh),
    ];
    acts[(kind + a + b) % acts.length]?.();
  }
}

describe('random programs', () => {
  test('deltas, copies, a second instance and a plain model all agree', ({ expect }) => {
    fc.assert(
      fc.property(fc.array(action, { minLength: 1, maxLength: 40 }), (actions) => {
        const machine = new Machine();
        const fields = trackFields(machine, { subject: 'Machine', at: () => 'root' });
        const other = new Machine();
        const otherFields = trackFields(other, { subject: 'Machine', at: () => 'root' });
        const model: Store = { ...new Machine() };
        const held: Box[] = [];
        const heldModel: Box[] = [];
        let copy: Json = fields.snapshot();
        for (const [index, step] of actions.entries()) {
          perform(machine as unknown as Store, held, step, (value) => value);
          perform(model, heldModel, step, (value) =>
            isBox(value) ? structuredClone(value) : value,
          );
          if (!step.drain && index < actions.length - 1) continue;
          const ops = parseOperations(JSON.parse(JSON.stringify(fields.drain())));
          const live = fields.snapshot();
          expect(live).toEqual(JSON.parse(JSON.stringify(model)));
          const result = applyPatch(copy, ops, 'atomic');
          expect(result.outcomes.every(({ ok }) => ok)).toBe(true);
          copy = result.doc;
          expect(copy).toEqual(live);
          expect(otherFields.apply(ops).every(({ ok }) => ok)).toBe(true);
          expect(otherFields.snapshot()).toEqual(live);
          expect(otherFields.drain()).toEqual([]);
        }
        expect(Object.keys(Object.prototype)).toEqual([]);
      }),
      { numRuns: 1_500 },
    );
  });

  test('pending changes and applied deltas together still converge, when the applied ones are seen first', ({
    expect,
  }) => {
    fc.assert(
      fc.property(
        fc.array(action, { maxLength: 12 }),
        fc.array(action, { maxLength: 12 }),
        (mine, theirs) => {
          const [here, there] = [new Machine(), new Machine()];
          const hereFields = trackFields(here, { subject: 'Machine', at: () => 'root' });
          const thereFields = trackFields(there, { subject: 'Machine', at: () => 'root' });
          for (const step of theirs) perform(there as unknown as Store, [], step, (value) => value);
          for (const step of mine) perform(here as unknown as Store, [], step, (value) => value);
          const before = hereFields.snapshot();
          const outcomes = hereFields.apply(thereFields.drain());
          // An operation that no longer applies here leaves the sides apart; the caller knows it by its outcome.
          fc.pre(outcomes.every(({ ok }) => ok));
          const ops = hereFields.drain();
          const target = applyPatch(thereFields.snapshot(), ops, 'each');
          fc.pre(target.outcomes.every(({ ok }) => ok));
          if (theirs.length === 0) expect(hereFields.snapshot()).toEqual(before);
          expect(target.doc).toEqual(hereFields.snapshot());
        },
      ),
      { numRuns: 500 },
    );
  });

  test('what is read from state reads like the plain value', ({ expect }) => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const plain = allowed(value);
        const machine = new Machine();
        trackFields(machine, { subject: 'Machine', at: () => 'root' });
        machine.maybe = plain;
        const expected = toJsonCopy(plain, 'x');
        expect(JSON.stringify(machine.maybe)).toBe(JSON.stringify(expected));
        expect(snapshot(machine.maybe)).toStrictEqual(expected);
        expect(Array.isArray(machine.maybe)).toBe(Array.isArray(expected));
        if (isBox(machine.maybe) && isBox(expected)) {
          expect(Object.keys(machine.maybe)).toEqual(Object.keys(expected));
          expect({ ...machine.maybe }).toEqual({ ...expected });
          expect(structuredClone(snapshot(machine.maybe))).toEqual(expected);
        }
      }),
    );
  });

  test('load after snapshot restores everything', ({ expect }) => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 15 }), (actions) => {
        const machine = new Machine();
        const fields = trackFields(machine, { subject: 'Machine', at: () => 'root' });
        const start: JsonObject = fields.snapshot();
        for (const step of actions)
          perform(machine as unknown as Store, [], step, (value) => value);
        expect(fields.load({ ...start, stranger: 1 })).toEqual(['stranger']);
        expect(fields.snapshot()).toEqual(cloneJson(start));
        expect(fields.drain()).toEqual([]);
        expect(Fields.of(machine)).toBe(fields);
      }),
      { numRuns: 100 },
    );
  });
});
