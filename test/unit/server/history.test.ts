import { describe, test } from 'vitest';
import { History } from '../../../runtime/server/history.ts';
import { App } from '../../../runtime/component/app.ts';
import { Dict } from '../../../runtime/component/structures.ts';
import { Flow } from '../../../runtime/component/flow.ts';
import { Work } from '../../../runtime/component/work.ts';
import type { CommittedTurn } from '../../../runtime/protocol/events.ts';
import { applyPatch } from '../../../runtime/state/apply.ts';
import { cloneJson, type Json } from '../../../runtime/state/json.ts';
import { testApp } from '../../../runtime/testing.ts';

const first = (document: Json): CommittedTurn => ({
  version: 1,
  at: 0,
  ops: [{ op: 'replace', path: '', value: document }],
  sources: [{ source: 'flow', ops: 1 }],
});
const turn = (version: number, value: Json): CommittedTurn => ({
  version,
  at: version,
  ops: [{ op: 'add', path: '/list/-', value }],
  sources: [{ source: 'root.w', ops: 1 }],
});
const listUpTo = (version: number): number[] =>
  Array.from({ length: version - 1 }, (_, index) => index + 2);

describe('History', () => {
  test('knows the state at every version that it keeps', ({ expect }) => {
    const history = new History({ turns: 10, bytes: 1_000_000 });
    history.add(first({ list: [] }));
    for (let version = 2; version <= 50; version += 1) {
      history.add(turn(version, version));
      // Asked for in between or not, it makes no difference.
      if (version % 7 === 0) expect(history.head().document).toEqual({ list: listUpTo(version) });
    }
    expect([history.oldest, history.newest]).toEqual([40, 50]);
    for (let version = 40; version <= 50; version += 1)
      expect(history.state(version)).toEqual({ list: listUpTo(version) });
    expect(history.state(39)).toBe(null);
    expect(history.state(51)).toBe(null);
    expect(history.turn(40)).toBe(undefined);
    expect(history.turn(41)).toMatchObject({ version: 41 });
  });

  test('knows a state from before an item was moved into one that moved up', ({ expect }) => {
    const history = new History();
    const list = [{ n: 0 }, { n: 1 }, { n: 2 }];
    history.add(first({ list }));
    history.add({
      ...turn(2, null),
      ops: [{ op: 'move', from: '/list/0', path: '/list/1/child' }],
    });
    expect(history.state(2)).toEqual({ list: [{ n: 1 }, { n: 2, child: { n: 0 } }] });
    expect(history.state(1)).toEqual({ list });
  });

  test('knows the state of an app that has ended and tells of no version', ({ expect }) => {
    const history = new History();
    const document = { vars: { n: 1 }, app_state: { stage: 'stopped' } };
    history.begin(7, document);
    expect(history.head()).toEqual({ version: 7, document });
    expect(history.state(7)).toEqual(document);
    expect(history.state(6)).toBe(null);
    expect([history.oldest, history.newest]).toEqual([7, 7]);
  });

  test('keeps no more than its bytes, however large the turns are', ({ expect }) => {
    const history = new History({ turns: 1_000, bytes: 10_000 });
    history.add(first({ list: [] }));
    for (let version = 2; version <= 100; version += 1)
      history.add(turn(version, 'x'.repeat(2_000)));
    expect(history.newest - history.oldest).toBe(4);
    history.add(turn(101, 'x'.repeat(20_000)));
    expect(history.oldest).toBe(101);
    expect(history.state(101)).toMatchObject({ list: expect.any(Array) });
  });

  test('finds any state by a twentieth of the turns at most', ({ expect }) => {
    const turns = 2_000;
    const history = new History({ turns, bytes: 1_000_000_000 });
    history.add(first({ list: [], n: 0 }));
    let applied = 0;
    for (let version = 2; version <= 3_000; version += 1) {
      const op = {
        op: 'replace' as const,
        value: version,
        get path() {
          applied += 1;
          return '/n';
        },
      };
      history.add({ version, at: 0, ops: [op], sources: [{ source: 'flow', ops: 1 }] });
    }
    const each = Math.ceil(applied / 3_000);
    for (const version of [history.oldest, 1_099, 1_500, 2_047, 2_999, 3_000, 1_200]) {
      applied = 0;
      expect(history.state(version)).toMatchObject({ n: version });
      expect(applied).toBeLessThanOrEqual((each * turns) / 20);
    }
  });

  test('versions share what did not change, and none changes another', ({ expect }) => {
    const history = new History({ turns: 100, bytes: 1_000_000 });
    history.add(first({ list: [], still: { big: ['x'] }, n: 0 }));
    for (let version = 2; version <= 60; version += 1) history.add(turn(version, { n: version }));
    history.add({
      ...turn(61, null),
      ops: [{ op: 'move', from: '/list/0', path: '/still/big/0' }],
    });
    history.add({
      ...turn(62, null),
      ops: [{ op: 'replace', path: '/still/big/0/n', value: 'y' }],
    });
    const still = (version: number) => {
      const state = history.state(version) as { still: unknown };
      return state.still;
    };
    expect(still(3)).toBe(still(33));
    expect(still(60)).toEqual({ big: ['x'] });
    expect(still(61)).toEqual({ big: [{ n: 2 }, 'x'] });
    expect(still(62)).toEqual({ big: [{ n: 'y' }, 'x'] });
    expect(history.state(60)).toEqual({
      list: listUpTo(60).map((n) => ({ n })),
      still: { big: ['x'] },
      n: 0,
    });
  });

  test('what was told of a state does not change with later turns', ({ expect }) => {
    const history = new History();
    history.add(first({ list: [{ a: 1 }] }));
    history.add(turn(2, { b: 2 }));
    history.add({
      ...turn(3, null),
      ops: [{ op: 'replace', path: '/list/1/b', value: 3 }],
    });
    expect(history.state(2)).toEqual({ list: [{ a: 1 }, { b: 2 }] });
    expect(history.turn(2)?.ops).toEqual([{ op: 'add', path: '/list/-', value: { b: 2 } }]);
  });
});

class Step extends Work {
  n = 0;
  log: string[] = [];
  constructor() {
    super({ parallel: true, raiseException: false });
  }
  run(n: number): void {
    this.n = n;
  }
}

class Root extends Flow {
  step = new Step();
  more = new Dict<Step>();
  rounds = 0;
  seen: Record<string, number> = {};
  run(): void {
    this.rounds += 1;
    this.step.run(Math.floor(this.rounds / 3));
    if (this.rounds % 4 === 0) this.more[`k${this.rounds}`] = new Step();
    if (this.rounds % 8 === 0) delete this.more[`k${this.rounds - 4}`];
    this.seen[`r${this.rounds}`] = this.step.n;
    if (this.rounds > 5) delete this.seen[`r${this.rounds - 5}`];
    for (const [, work] of this.more) work.run(1);
  }
}

describe('committed turns', () => {
  test('each leads exactly from the state before to the next, whatever happens in the app', async ({
    expect,
  }) => {
    const app = await testApp(() => new App(new Root()));
    const turns: CommittedTurn[] = [];
    const history = new History();
    app.loop.commits((each) => {
      turns.push(each);
      history.add(each);
    });
    for (let round = 0; round < 60; round += 1) {
      await app.advance(120);
      const step = app.work('root.step');
      if (step.isBusy) {
        step.set({ n: round, log: [`${round}`] });
        step.patch([{ op: 'add', path: '/vars/log/-', value: 'more' }]);
        if (round % 3 === 0) step.succeed();
        else if (round % 7 === 0) step.fail(new Error('no'));
      }
      await app.patch([{ op: 'add', path: '/works/step/vars/log/-', value: 'client' }]);
      if (round % 10 === 9) app.loop.command('root.step', 'stop').catch(() => undefined);
      if (round % 10 === 2) app.loop.command('root.step', 'start').catch(() => undefined);
    }
    await app.advance(1_000);
    // A patch is committed at once, with the turn that follows it.
    await app.patch([{ op: 'replace', path: '/vars/rounds', value: 1_000 }]);
    expect(turns.length).toBeGreaterThan(60);
    let state: Json = {};
    for (const { version, ops, sources } of turns) {
      const { doc, outcomes } = applyPatch(state, ops, 'atomic');
      expect(outcomes.filter(({ ok }) => !ok)).toEqual([]);
      expect(sources.reduce((sum, { ops: count }) => sum + count, 0)).toBe(ops.length);
      expect(version).toBe(
        (turns[0]?.version ?? 0) + turns.findIndex((t) => t.version === version),
      );
      state = doc;
      expect(history.state(version)).toEqual(state);
    }
    expect(state).toEqual(cloneJson(app.loop.document()));
    const sources = new Set(turns.flatMap((each) => each.sources.map(({ source }) => source)));
    expect([...sources]).toEqual(expect.arrayContaining(['flow', 'root.step', 'client']));
    await app.close();
  });

  test('what a timer of the flow wrote is in the version that its snapshot is of', async ({
    expect,
  }) => {
    class Timed extends Flow {
      list: number[] = [];
      run(): void {}
    }
    const app = await testApp(() => new App(new Timed()));
    const turns: CommittedTurn[] = [];
    app.loop.commits((each) => turns.push(each));
    await app.settle();
    app.root.list.push(1);
    // A client's patch is committed before the turn that would collect the timer's write.
    await app.patch([{ op: 'add', path: '/vars/list/-', value: 2 }]);
    await app.settle();
    let state: Json = {};
    for (const { ops } of turns) state = applyPatch(state, ops, 'each').doc;
    expect(state).toEqual(cloneJson(app.loop.document()));
    await app.close();
  });
});
