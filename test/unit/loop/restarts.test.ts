import fc from 'fast-check';
import { describe, test } from 'vitest';
import { App, Dict, Flow, List, type Operation } from 'stormkite';
import { testApp, type TestApp, type WorkScript } from 'stormkite/testing';
import type { Json, JsonObject } from '../../../runtime/state/json.ts';
import { Step } from './step.ts';

const NAMES = ['x', 'y', 'z'] as const;

/** A flow that follows what clients ask for; everything that it and its works do is idempotent. */
class Root extends Flow {
  wanted: string[] = [];
  stopped: string[] = [];
  rounds = 1;
  seen: { [name: string]: number } = {};
  passed = 0;
  a = new Step();
  b = new Step({ parallel: false });
  later?: Step;
  d = new Dict<Step>();
  l = new List<Step>();
  run(): void {
    for (const name of Object.keys(this.d)) if (!this.wanted.includes(name)) delete this.d[name];
    for (const name of this.wanted) {
      const step = (this.d[name] ??= new Step());
      step.run(this.rounds);
      if (this.stopped.includes(name)) step.stop();
      this.seen[name] = step.counter;
    }
    for (let round = 1; round <= this.rounds; round += 1) this.a.run(round);
    if (this.rounds > 2) {
      this.later ??= new Step();
      this.later.run('late');
    }
    while (this.l.length < this.rounds) this.l.push(new Step());
    for (const step of this.l) step.run();
    for (const round of this.iterate([1, 2, 3], { key: 'rounds' })) this.b.run(round);
    this.passed = this.rounds;
  }
}

const play: WorkScript = async (work, arg) => {
  await Promise.resolve();
  work.set({ counter: (Number(arg) || 0) * 2 });
  await Promise.resolve();
  work.patch([{ op: 'add', path: `/vars/data/${JSON.stringify(arg ?? null)}`, value: 'done' }]);
};

const WORKS: Record<string, WorkScript> = {
  'root.a': play,
  'root.b': play,
  'root.later': play,
  ...Object.fromEntries(NAMES.map((name) => [`root.d.${name}`, play])),
  ...Object.fromEntries(Array.from({ length: 6 }, (_, id) => [`root.l.${id}`, play])),
};

/** What a client asks for, and after how many more turns the flow is killed; 0 for never. */
interface Step_ {
  readonly ops: readonly Operation[];
  readonly killAfter: number;
  readonly waitMs: number;
}

const anOp: fc.Arbitrary<Operation> = fc.oneof(
  fc
    .constantFrom(...NAMES)
    .map((name) => ({ op: 'add' as const, path: '/vars/wanted/-', value: name })),
  fc.constant<Operation>({ op: 'replace', path: '/vars/wanted', value: [] }),
  fc
    .constantFrom(...NAMES)
    .map((name) => ({ op: 'add' as const, path: '/vars/stopped/-', value: name })),
  fc
    .integer({ min: 1, max: 4 })
    .map((value) => ({ op: 'replace' as const, path: '/vars/rounds', value })),
);

const aStep: fc.Arbitrary<Step_> = fc.record({
  ops: fc.array(anOp, { maxLength: 3 }),
  killAfter: fc.integer({ min: 0, max: 6 }),
  waitMs: fc.constantFrom(0, 30, 200),
});

/** Plays a script; gives the final state without times and attempts, and which calls ran twice although they had ended. */
async function playOut(
  script: readonly Step_[],
  kills: boolean,
): Promise<{ state: Json; repeated: string[] }> {
  let app: TestApp<Root> = await testApp(() => new App(new Root(), { idleTurn: null }), {
    works: WORKS,
  });
  const repeated: string[] = [];
  let ended = new Set<string>();
  const check = (): void => {
    for (const { name } of app.loop.works()) {
      for (const args of app.work(name).calls) {
        const call = `${name} ${JSON.stringify(args)}`;
        if (ended.has(call)) repeated.push(call);
      }
    }
  };
  for (const { ops, killAfter, waitMs } of script) {
    let answered = false;
    const answer = app.loop.patch(ops).then(() => (answered = true));
    for (let turns = 0; !answered && turns < 100; turns += 1) await app.turn();
    await answer;
    if (kills && killAfter > 0) {
      for (let turn = 1; turn < killAfter; turn += 1) await app.turn();
      app = await app.restart();
      ended = endedCalls(app.state);
    }
    // What a work did before the next wish of the client is part of the outcome: both apps come to rest.
    await app.advance(100 + waitMs);
    check();
    ended = new Set();
  }
  await app.advance('2 s');
  if (app.result) throw new Error('the app ended');
  const state = outcomeOf(app.state);
  await app.close();
  return { state, repeated };
}

/** Every call that is stored as succeeded, as `name arguments`. */
function endedCalls(document: JsonObject, name = 'root'): Set<string> {
  const found = new Set<string>();
  for (const entry of Object.values((document['calls'] ?? {}) as JsonObject)) {
    const { outcome, args } = (entry ?? {}) as JsonObject;
    if (outcome === 'succeeded' && args !== undefined) found.add(`${name} ${JSON.stringify(args)}`);
  }
  for (const group of ['flows', 'works', 'structures']) {
    for (const [key, child] of Object.entries((document[group] ?? {}) as JsonObject)) {
      for (const call of endedCalls(child as JsonObject, `${name}.${key}`)) found.add(call);
    }
  }
  return found;
}

/** A state without what a restart may change: times, attempts, histories, the order in which calls waited. */
function outcomeOf(document: JsonObject): Json {
  const { vars, calls, flows, works, structures } = document as Record<
    string,
    JsonObject | undefined
  >;
  const own = Object.entries(vars ?? {}).filter(([name]) => !name.startsWith('_'));
  const outcomes = Object.entries(calls ?? {}).map(([hash, entry]): [string, Json] => {
    const { outcome, statuses } = (entry ?? {}) as { outcome?: Json; statuses?: { stage: Json }[] };
    return statuses === undefined
      ? [hash, null]
      : [hash, [outcome ?? null, statuses.at(-1)?.stage ?? null]];
  });
  const kept = outcomes
    .filter(([hash]) => !['queue', 'latest_call_hash'].includes(hash))
    .toSorted();
  const children = [flows, works, structures].map((group) =>
    Object.entries(group ?? {}).map(([key, child]): Json => [key, outcomeOf(child as JsonObject)]),
  );
  return [
    Object.fromEntries(own),
    Object.fromEntries(kept),
    ...children,
    calls?.['num_successes'] ?? 0,
  ];
}

describe('a flow that is killed and opened again', () => {
  test(
    'ends in the state of one that ran on, and repeats no call that had ended',
    { timeout: 60_000 },
    async ({ expect }) => {
      await fc.assert(
        fc.asyncProperty(fc.array(aStep, { minLength: 1, maxLength: 6 }), async (script) => {
          const calm = await playOut(script, false);
          const rough = await playOut(script, true);
          expect(rough.repeated).toEqual([]);
          expect(rough.state).toEqual(calm.state);
        }),
        { numRuns: 60 },
      );
    },
  );

  test('goes on without what a new version of the app has no place for', async ({ expect }) => {
    class Shelf extends Flow {
      d = new Dict<Step>();
      run(): void {
        (this.d['a'] ??= new Step()).run();
      }
    }
    class Before extends Flow {
      d = new Dict<Step>();
      shelves = new Dict<Shelf>();
      gone = new Dict<Step>();
      run(): void {
        for (const name of ['a', 'b']) (this.d[name] ??= new Step()).run();
        (this.shelves['s'] ??= new Shelf()).run();
        if (this.d['a']?.hasSucceeded) delete this.d['a'];
      }
    }
    class After extends Flow {
      n = 0;
      /** A work stands where a Dict was. */
      gone = new Step();
      run(): void {
        this.n += 1;
      }
    }
    let isNew = false;
    const app = await testApp(() => new App(isNew ? new After() : new Before()), {
      works: { 'root.d.a': play, 'root.shelves.s.d.a': play },
    });
    await app.settle();
    isNew = true;
    for (let time = 1; time <= 2; time += 1) {
      const next = await app.restart();
      await next.settle();
      expect(next.result).toBe(null);
      expect(next.state['works']).toHaveProperty('gone');
      expect(next.state['structures']).toEqual({});
      expect(next.root).toMatchObject({ n: time });
      await next.close();
    }
  });

  test('is the same when it is killed before its first turn', async ({ expect }) => {
    const app = await testApp(() => new App(new Root()), { works: WORKS });
    const again = await app.restart();
    await again.advance('1 s');
    expect(again.root.passed).toBe(1);
    await again.close();
  });
});
