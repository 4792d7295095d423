import fc from 'fast-check';
import { describe, test, type TestContext } from 'vitest';
import type { StateStore } from '../../runtime/ports/state-store.ts';
import type { Delta } from '../../runtime/protocol/delta.ts';
import { foldTurn, type StoredApp, type TurnRecord } from '../../runtime/protocol/turn-record.ts';
import type { Json } from '../../runtime/state/json.ts';

/** One place where a store keeps its data; `reach` gives a store over it, as another process would. */
export interface StorePlace {
  reach(): StateStore;
  remove(): Promise<void>;
}

export interface StoreContract {
  readonly name: string;
  readonly createPlace: () => Promise<StorePlace>;
  /** What a second `open` does while a lease is held: it fences the first, or is refused as `STORE_LOCKED`. */
  readonly whileHeld: 'takes-over' | 'refuses';
}

const APP = 'app';
const noSnapshot = (): StoredApp => {
  throw new Error('no snapshot expected');
};

/** Builds delta `seq` of a work. */
export function deltaOf(work: string, seq: number, epoch = 1): Delta {
  return { work, epoch, seq, ops: [{ op: 'replace', path: '/vars/n', value: seq }] };
}

/** Builds a turn record that puts one field. */
export function turnOf(
  version: number,
  value: Json = version,
  marks: Record<string, number> = {},
): TurnRecord {
  const ops =
    version === 1
      ? ([{ op: 'add', path: '', value: { n: value } }] as const)
      : ([{ op: 'replace', path: '/n', value }] as const);
  return {
    version,
    at: 1_700_000_000_000 + version,
    ops,
    marks,
    meta: { [`intent-${version % 7}`]: value },
  };
}

/** The app that turn records add up to. */
export class Model {
  app: StoredApp = { version: 0, document: {}, marks: {}, meta: {} };

  readonly snapshot = (): StoredApp => this.app;

  add(turn: TurnRecord): TurnRecord {
    this.app = foldTurn(structuredClone(this.app), turn);
    return turn;
  }
}

/** What every `StateStore` keeps to. */
export function stateStoreContract({ name, createPlace, whileHeld }: StoreContract): void {
  const placeOf = async ({ onTestFinished }: TestContext): Promise<StorePlace> => {
    const place = await createPlace();
    onTestFinished(() => place.remove());
    return place;
  };

  describe(`${name} keeps the StateStore contract`, () => {
    test('a new app is empty', async (context) => {
      const lease = await (await placeOf(context)).reach().open(APP);
      context.expect(await lease.load()).toBeNull();
      context.expect(await lease.deltasAfter('root.w', 0)).toEqual([]);
      await lease.close();
    });

    test('what was committed is loaded, by this lease and by the next one', async (context) => {
      const place = await placeOf(context);
      const model = new Model();
      const lease = await place.reach().open(APP);
      context
        .expect(await lease.commit(model.add(turnOf(1)), model.snapshot))
        .toEqual({ ok: true });
      context
        .expect(await lease.commit(model.add(turnOf(2, 'x', { 'root.w': 3 })), model.snapshot))
        .toEqual({ ok: true });
      context.expect(await lease.load()).toEqual(model.app);
      context.expect(await lease.load()).toEqual(model.app);
      await lease.close();
      const next = await place.reach().open(APP);
      context.expect(await next.load()).toEqual(model.app);
      context.expect(next.fence).toBeGreaterThan(lease.fence);
      context
        .expect(
          await next.commit(model.add(turnOf(3, { deep: ['ü', '\ud800', null] })), model.snapshot),
        )
        .toEqual({ ok: true });
      context.expect(await next.load()).toEqual(model.app);
      await next.close();
    });

    test('what is loaded shares nothing with the store', async (context) => {
      const lease = await (await placeOf(context)).reach().open(APP);
      const model = new Model();
      await lease.commit(model.add(turnOf(1, { list: [1] })), model.snapshot);
      const first = await lease.load();
      Object.assign(first?.document ?? {}, { n: 'changed' });
      context.expect(await lease.load()).toEqual(model.app);
      await lease.close();
    });

    test('a version that is not the next one is a conflict and changes nothing', async (context) => {
      const lease = await (await placeOf(context)).reach().open(APP);
      const model = new Model();
      context
        .expect(await lease.commit(turnOf(2), noSnapshot))
        .toEqual({ ok: false, conflict: 'version' });
      await lease.commit(model.add(turnOf(1)), model.snapshot);
      context
        .expect(await lease.commit(turnOf(1, 'again'), noSnapshot))
        .toEqual({ ok: false, conflict: 'version' });
      context
        .expect(await lease.commit(turnOf(3), noSnapshot))
        .toEqual({ ok: false, conflict: 'version' });
      context.expect(await lease.load()).toEqual(model.app);
      await lease.close();
    });

    if (whileHeld === 'takes-over') {
      test('a newer lease fences the older one', async (context) => {
        const place = await placeOf(context);
        const model = new Model();
        const older = await place.reach().open(APP);
        await older.commit(model.add(turnOf(1)), model.snapshot);
        const newer = await place.reach().open(APP);
        context.expect(newer.fence).toBeGreaterThan(older.fence);
        context
          .expect(await older.commit(turnOf(2), noSnapshot))
          .toEqual({ ok: false, conflict: 'fenced' });
        await context
          .expect(older.appendDeltas([deltaOf('root.w', 1)]))
          .rejects.toMatchObject({ code: 'STORE_CONFLICT' });
        await context.expect(older.clear()).rejects.toMatchObject({ code: 'STORE_CONFLICT' });
        context.expect(await newer.load()).toEqual(model.app);
        context.expect(await newer.commit(turnOf(2), model.snapshot)).toEqual({ ok: true });
        await older.close();
        await newer.close();
      });
    } else {
      test('a second lease is refused while the first is held, and then works', async (context) => {
        const place = await placeOf(context);
        const older = await place.reach().open(APP);
        await context
          .expect(place.reach().open(APP))
          .rejects.toMatchObject({ code: 'STORE_LOCKED' });
        await older.close();
        const newer = await place.reach().open(APP);
        context.expect(newer.fence).toBeGreaterThan(older.fence);
        await newer.close();
      });
    }

    test('deltas come back in order, per work, above a seq', async (context) => {
      const lease = await (await placeOf(context)).reach().open(APP);
      await lease.appendDeltas([deltaOf('root.a', 1), deltaOf('root.b', 1), deltaOf('root.a', 2)]);
      await lease.appendDeltas([]);
      await lease.appendDeltas(
        Array.from({ length: 120 }, (_, index) => deltaOf('root.a', index + 3)),
      );
      await lease.appendDeltas([deltaOf('root.a/b#c %ü\ud800', 1)]);
      const found = await lease.deltasAfter('root.a', 1);
      context
        .expect(found.map((delta) => delta.seq))
        .toEqual(Array.from({ length: 121 }, (_, index) => index + 2));
      context.expect(found[0]).toEqual(deltaOf('root.a', 2));
      context.expect(await lease.deltasAfter('root.b', 0)).toEqual([deltaOf('root.b', 1)]);
      context
        .expect(await lease.deltasAfter('root.a/b#c %ü\ud800', 0))
        .toEqual([deltaOf('root.a/b#c %ü\ud800', 1)]);
      context.expect(await lease.deltasAfter('root.a', 122)).toEqual([]);
      await lease.close();
    });

    test('a repeated delta is stored once', async (context) => {
      const lease = await (await placeOf(context)).reach().open(APP);
      await Promise.all([
        lease.appendDeltas([deltaOf('root.w', 1), deltaOf('root.w', 2)]),
        lease.appendDeltas([deltaOf('root.w', 1), deltaOf('root.w', 2), deltaOf('root.w', 3)]),
        lease.appendDeltas([deltaOf('root.w', 3), deltaOf('root.w', 3)]),
      ]);
      context
        .expect(await lease.deltasAfter('root.w', 0))
        .toEqual([1, 2, 3].map((seq) => deltaOf('root.w', seq)));
      await lease.close();
    });

    test('where two processes used one seq, the newer process counts, whichever came first', async (context) => {
      const lease = await (await placeOf(context)).reach().open(APP);
      await lease.appendDeltas([1, 2, 3].map((seq) => deltaOf('root.w', seq, 1)));
      await lease.appendDeltas([deltaOf('root.w', 2, 2)]);
      await lease.appendDeltas([deltaOf('root.w', 2, 1), deltaOf('root.w', 4, 2)]);
      const found = await lease.deltasAfter('root.w', 0);
      context.expect(found.map(({ seq, epoch }) => [seq, epoch])).toEqual([
        [1, 1],
        [2, 2],
        [3, 1],
        [4, 2],
      ]);
      await lease.close();
    });

    test('committed marks drop deltas, and their repeats stay out', async (context) => {
      const place = await placeOf(context);
      const lease = await place.reach().open(APP);
      const model = new Model();
      await lease.appendDeltas([1, 2, 3].map((seq) => deltaOf('root.w', seq)));
      await lease.appendDeltas([4, 5].map((seq) => deltaOf('root.w', seq)));
      await lease.commit(model.add(turnOf(1, 1, { 'root.w': 4 })), model.snapshot);
      await lease.appendDeltas([3, 4].map((seq) => deltaOf('root.w', seq)));
      context.expect(await lease.deltasAfter('root.w', 4)).toEqual([deltaOf('root.w', 5)]);
      await lease.commit(model.add(turnOf(2, 1, { 'root.w': 5 })), model.snapshot);
      context.expect(await lease.deltasAfter('root.w', 0)).toEqual([]);
      await lease.appendDeltas([deltaOf('root.w', 6)]);
      await lease.close();
      const next = await place.reach().open(APP);
      context.expect(await next.deltasAfter('root.w', 5)).toEqual([deltaOf('root.w', 6)]);
      await next.close();
    });

    test('a mark that moves back makes room for a new work of the same name', async (context) => {
      const place = await placeOf(context);
      const lease = await place.reach().open(APP);
      const model = new Model();
      await lease.commit(model.add(turnOf(1, 1, { 'root.w': 7 })), model.snapshot);
      await lease.appendDeltas([deltaOf('root.w', 8)]);
      await lease.commit(model.add(turnOf(2, 1, { 'root.w': 0 })), model.snapshot);
      await lease.appendDeltas([deltaOf('root.w', 1, 2)]);
      await lease.close();
      const next = await place.reach().open(APP);
      context.expect(await next.deltasAfter('root.w', 0)).toEqual([deltaOf('root.w', 1, 2)]);
      await next.close();
    });

    test('deltas survive reopening, also before anything was committed', async (context) => {
      const place = await placeOf(context);
      const lease = await place.reach().open(APP);
      await lease.appendDeltas([1, 2].map((seq) => deltaOf('root.w', seq)));
      await lease.close();
      const next = await place.reach().open(APP);
      context.expect(await next.load()).toBeNull();
      await next.appendDeltas([2, 3].map((seq) => deltaOf('root.w', seq)));
      context
        .expect((await next.deltasAfter('root.w', 0)).map((delta) => delta.seq))
        .toEqual([1, 2, 3]);
      await next.close();
    });

    test('clear empties and the lease goes on', async (context) => {
      const place = await placeOf(context);
      const lease = await place.reach().open(APP);
      const old = new Model();
      for (let version = 1; version <= 5; version += 1)
        await lease.commit(old.add(turnOf(version, 1, { 'root.w': 4 })), old.snapshot);
      await lease.appendDeltas([deltaOf('root.w', 9)]);
      await lease.clear();
      context.expect(await lease.load()).toBeNull();
      context.expect(await lease.deltasAfter('root.w', 0)).toEqual([]);
      const model = new Model();
      context
        .expect(await lease.commit(model.add(turnOf(1, 'new')), model.snapshot))
        .toEqual({ ok: true });
      await lease.appendDeltas([deltaOf('root.w', 1)]);
      await lease.close();
      const next = await place.reach().open(APP);
      context.expect(await next.load()).toEqual(model.app);
      context.expect(await next.deltasAfter('root.w', 0)).toEqual([deltaOf('root.w', 1)]);
      await next.close();
    });

    test('closing twice is fine, using a closed lease is a coded error', async (context) => {
      const lease = await (await placeOf(context)).reach().open(APP);
      const model = new Model();
      const underWay = lease.commit(model.add(turnOf(1)), model.snapshot);
      await Promise.all([lease.close(), lease.close()]);
      await lease.close();
      context.expect(await underWay).toEqual({ ok: true });
      const closed = { code: 'STORE_CLOSED' };
      await context.expect(lease.load()).rejects.toMatchObject(closed);
      await context.expect(lease.commit(turnOf(2), noSnapshot)).rejects.toMatchObject(closed);
      await context.expect(lease.appendDeltas([])).rejects.toMatchObject(closed);
      await context.expect(lease.deltasAfter('root.w', 0)).rejects.toMatchObject(closed);
      await context.expect(lease.clear()).rejects.toMatchObject(closed);
    });

    test('concurrent commits are kept in the order of the calls', async (context) => {
      const place = await placeOf(context);
      const lease = await place.reach().open(APP);
      const model = new Model();
      const done: number[] = [];
      const commits = Array.from({ length: 50 }, (_, index) => {
        const turn = model.add(turnOf(index + 1));
        const app = model.app;
        return lease
          .commit(turn, () => app)
          .then((result) => done.push(result.ok ? turn.version : -1));
      });
      await Promise.all(commits);
      context.expect(done).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
      await lease.close();
      const next = await place.reach().open(APP);
      context.expect(await next.load()).toEqual(model.app);
      await next.close();
    });

    test('1,000 commits load as they were', { timeout: 120_000 }, async (context) => {
      const place = await placeOf(context);
      const lease = await place.reach().open(APP);
      const model = new Model();
      for (let version = 1; version <= 1_000; version += 1) {
        await lease.appendDeltas([deltaOf('root.w', version)]);
        await lease.commit(
          model.add(turnOf(version, 'v'.repeat(version % 50), { 'root.w': version })),
          model.snapshot,
        );
      }
      context.expect(await lease.load()).toEqual(model.app);
      await lease.close();
      const next = await place.reach().open(APP);
      context.expect(await next.load()).toEqual(model.app);
      context.expect(await next.deltasAfter('root.w', 0)).toEqual([]);
      await next.close();
    });

    test(
      'any turn records, reopened anywhere, load as they add up',
      { timeout: 120_000 },
      async (context) => {
        const step = fc.record({
          key: fc.constantFrom('a', 'b', 'c'),
          value: fc.option(fc.jsonValue({ maxDepth: 2 }), { nil: null }),
          mark: fc.nat(20),
          isReopened: fc.boolean(),
        });
        await fc.assert(
          fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
            const place = await createPlace();
            const model = new Model();
            let lease = await place.reach().open(APP);
            for (const [index, { key, value, mark, isReopened }] of steps.entries()) {
              const json = JSON.parse(JSON.stringify(value)) as Json;
              const turn: TurnRecord = {
                version: index + 1,
                at: index,
                ops: [{ op: 'add', path: `/${key}`, value: json }],
                marks: { [`root.${key}`]: mark },
                meta: { [key]: json },
              };
              await lease.commit(model.add(turn), model.snapshot);
              if (!isReopened) continue;
              await lease.close();
              lease = await place.reach().open(APP);
            }
            context.expect(await lease.load()).toEqual(steps.length === 0 ? null : model.app);
            await lease.close();
            const next = await place.reach().open(APP);
            context.expect(await next.load()).toEqual(steps.length === 0 ? null : model.app);
            await next.close();
            await place.remove();
          }),
          { numRuns: 30 },
        );
      },
    );
  });
}
