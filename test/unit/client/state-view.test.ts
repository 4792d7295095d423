import fc from 'fast-check';
import { describe, test } from 'vitest';
import { Replica } from '../../../runtime/client/replica.ts';
import { valueAt } from '../../../runtime/client/share.ts';
import { stateView } from '../../../runtime/client/state-view.ts';
import { Writes } from '../../../runtime/client/writes.ts';
import { appError } from '../../../runtime/errors/index.ts';
import { applyPatch } from '../../../runtime/state/apply.ts';
import { cloneJson, type Json, type JsonObject } from '../../../runtime/state/json.ts';
import type { Operation } from '../../../runtime/state/operation.ts';

type Loose = Record<string, any>;

const work = (vars: JsonObject): JsonObject => ({
  vars: { _url: 'http://w', ...vars },
  calls: { latest_call_hash: null },
  changes: {},
});

const START: JsonObject = {
  vars: { n: 1, list: [{ id: 1 }, { id: 2 }], map: { a: 1, deep: { x: [1, 2] } }, _own: 1 },
  calls: {},
  works: { train: work({ loss: null }) },
  flows: {
    child: { vars: { c: 1 }, calls: {}, works: {}, flows: {}, structures: {}, changes: {} },
  },
  structures: {
    extra: { works: { 'a b': work({ loss: 2 }) }, flows: {}, structures: {} },
  },
  changes: {},
  app_state: { stage: 'running' },
};

/** An app in memory: applies patches and tells the replica of them, as the stream does. */
class Rig {
  readonly replica = new Replica();
  readonly sent: (readonly Operation[])[] = [];
  readonly errors: Error[] = [];
  readonly writes: Writes;
  readonly state: Loose;
  document = cloneJson(START);
  #version = 1;
  /** Runs before a patch is applied. */
  before: () => void | Promise<void> = () => undefined;

  constructor() {
    this.replica.load(1, cloneJson(START) as JsonObject);
    this.writes = new Writes(this.replica, {
      send: (ops) => this.#apply(ops),
      reached: () => Promise.resolve(),
      onError: (error) => this.errors.push(error),
    });
    this.state = stateView(this.writes) as Loose;
  }

  /** What others do. */
  change(ops: readonly Operation[]): void {
    const { doc, outcomes } = applyPatch(this.document, ops, 'atomic');
    if (outcomes.some(({ ok }) => !ok)) throw new Error('the test is wrong');
    this.document = doc;
    this.#version += 1;
    this.replica.apply({ version: this.#version, ops });
  }

  at(pointer: string): unknown {
    return valueAt(this.document, pointer);
  }

  async #apply(ops: readonly Operation[]): Promise<number> {
    await this.before();
    this.sent.push(ops);
    const { doc, outcomes } = applyPatch(this.document, ops, 'atomic');
    const failed = outcomes.find(({ ok }) => !ok);
    if (failed && !failed.ok)
      throw appError('SERVER_PATCH_REFUSED', { problem: `${failed.problem}: ${failed.message}` });
    this.document = doc;
    this.#version += 1;
    this.replica.apply({ version: this.#version, ops });
    return this.#version;
  }
}

describe('reading the state', () => {
  test('fields, works, flows and members are found by name', ({ expect }) => {
    const { state } = new Rig();
    expect(state['n']).toBe(1);
    expect(state['map'].deep.x[1]).toBe(2);
    expect(state['train'].loss).toBeNull();
    expect(state['child'].c).toBe(1);
    expect(state['extra']['a b'].loss).toBe(2);
    expect(state['nothing']).toBeUndefined();
    expect(state['_own']).toBeUndefined();
    expect(state['train']).toMatchObject({ url: 'http://w', status: { stage: 'not_started' } });
    expect(Object.keys(state)).toEqual(['n', 'list', 'map', 'train', 'child', 'extra']);
    expect(Object.keys(state['extra'])).toEqual(['a b']);
    expect('train' in state).toBe(true);
    expect(JSON.parse(JSON.stringify(state['list']))).toEqual([{ id: 1 }, { id: 2 }]);
  });

  test('lists behave like arrays', ({ expect }) => {
    const { state } = new Rig();
    const { list } = state;
    expect(Array.isArray(list)).toBe(true);
    expect(list.length).toBe(2);
    expect([...list].map(({ id }) => id)).toEqual([1, 2]);
    expect(list.find((item: Loose) => item['id'] === 2)).toEqual({ id: 2 });
    expect(list.concat([3]).length).toBe(3);
    expect(list.map((item: Loose) => item['id'])).toEqual([1, 2]);
    expect(state['list']).toBe(list);
  });

  test('it is the latest that arrived', ({ expect }) => {
    const rig = new Rig();
    const { list, train } = rig.state;
    rig.change([
      { op: 'add', path: '/vars/list/-', value: { id: 3 } },
      { op: 'replace', path: '/works/train/vars/loss', value: 0.5 },
    ]);
    expect(list.length).toBe(3);
    expect(train.loss).toBe(0.5);
  });

  test('before the first state it says what to do', ({ expect }) => {
    const writes = new Writes(new Replica(), {
      send: () => Promise.resolve(1),
      reached: () => Promise.resolve(),
      onError: undefined,
    });
    const state = stateView(writes) as Loose;
    const notReady = expect.objectContaining({ code: 'CLIENT_NOT_READY' });
    expect(() => state['n']).toThrow(notReady);
    expect(() => {
      state['n'] = 1;
    }).toThrow(notReady);
  });
});

describe('writing the state', () => {
  test('what is written in one go is one patch, and shows at once', async ({ expect }) => {
    const rig = new Rig();
    rig.state['n'] += 1;
    rig.state['n'] += 1;
    rig.state['map'].deep.x.push(3);
    rig.state['train'].loss = 0.25;
    rig.state['extra']['a b'].loss = 1;
    delete rig.state['map'].a;
    rig.state['note'] = 'new';
    expect(rig.state['n']).toBe(3);
    expect(rig.replica.document).toMatchObject({ vars: { n: 1 } });
    await rig.writes.settled();
    expect(rig.sent).toEqual([
      [
        { op: 'replace', path: '/vars/n', value: 3 },
        { op: 'add', path: '/vars/map/deep/x/-', value: 3 },
        { op: 'replace', path: '/works/train/vars/loss', value: 0.25 },
        { op: 'replace', path: '/structures/extra/works/a b/vars/loss', value: 1 },
        { op: 'remove', path: '/vars/map/a' },
        { op: 'add', path: '/vars/note', value: 'new' },
      ],
    ]);
    expect(rig.replica.document).toEqual(rig.document);
  });

  test('patches follow each other in the order of the writes', async ({ expect }) => {
    const rig = new Rig();
    let open = 0;
    rig.before = async () => {
      open += 1;
      expect(open).toBe(1);
      await Promise.resolve();
      open -= 1;
    };
    for (let step = 0; step < 5; step += 1) {
      rig.state['n'] += 1;
      await Promise.resolve();
    }
    await rig.writes.settled();
    expect(rig.at('/vars/n')).toBe(6);
    expect(rig.sent.length).toBeGreaterThan(1);
  });

  test("an item that changed meanwhile is not overwritten, nor another's item", async ({
    expect,
  }) => {
    const rig = new Rig();
    rig.before = () => {
      rig.before = () => undefined;
      rig.change([{ op: 'remove', path: '/vars/list/0' }]);
    };
    rig.state['list'][0].stop = true;
    await expect(rig.writes.settled()).rejects.toMatchObject({ code: 'SERVER_PATCH_REFUSED' });
    expect(rig.at('/vars/list')).toEqual([{ id: 2 }]);
    expect(rig.state['list']).toEqual([{ id: 2 }]);
    rig.before = () => {
      rig.before = () => undefined;
      rig.change([{ op: 'add', path: '/vars/list/0', value: { id: 9 } }]);
    };
    rig.state['list'].push({ id: 3 });
    await rig.writes.settled();
    expect(rig.at('/vars/list')).toEqual([{ id: 9 }, { id: 2 }, { id: 3 }]);
  });

  test('a failure drops what was based on it, and is told', async ({ expect }) => {
    const rig = new Rig();
    let fail: () => void = () => undefined;
    rig.before = () =>
      new Promise((_resolve, reject) => {
        fail = () => reject(appError('SERVER_UNREACHABLE', { url: 'u', problem: 'p' }));
      });
    rig.state['list'].push({ id: 3 });
    await Promise.resolve();
    await Promise.resolve();
    rig.state['list'].push({ id: 4 });
    expect(rig.state['list'].length).toBe(4);
    const settled = rig.writes.settled();
    rig.before = () => undefined;
    fail();
    await expect(settled).rejects.toMatchObject({ code: 'SERVER_UNREACHABLE' });
    expect(rig.errors.map((error) => (error as { code?: string }).code)).toEqual([
      'SERVER_UNREACHABLE',
      'CLIENT_WRITE_DROPPED',
    ]);
    expect(rig.state['list'].length).toBe(2);
    rig.state['n'] = 5;
    await rig.writes.settled();
    expect(rig.at('/vars')).toMatchObject({ n: 5, list: [{ id: 1 }, { id: 2 }] });
  });

  test('what state cannot hold, and what is no field, is refused at the assignment', ({
    expect,
  }) => {
    const { state } = new Rig();
    const refuses = (code: string, write: () => unknown): void =>
      expect(write).toThrow(expect.objectContaining({ code }));
    refuses('STATE_NOT_JSON', () => (state['n'] = new Map()));
    refuses('STATE_NOT_JSON', () => (state['map'].deep = { x: Number.NaN }));
    refuses('STATE_NOT_JSON', () => (state['list'][5] = 1));
    refuses('STATE_NOT_JSON', () => (state['list'].length = 5));
    refuses('STATE_PATCH_INVALID', () => (state['list'].name = 1));
    refuses('STATE_KEY_FORBIDDEN', () => (state['map']['constructor'] = 1));
    refuses('CLIENT_STATE_FIXED', () => (state['train'] = {}));
    refuses('CLIENT_STATE_FIXED', () => delete state['extra']['a b']);
    refuses('CLIENT_STATE_FIXED', () => (state['extra']['c'] = {}));
    refuses('CLIENT_STATE_FIXED', () => (state['train'].url = 'x'));
    refuses('CLIENT_STATE_FIXED', () => (state['_own'] = 2));
    refuses('SERVER_POINTER_UNKNOWN', () => {
      const rig = new Rig();
      const { child } = rig.state;
      rig.change([{ op: 'remove', path: '/flows/child' }]);
      child.c = 1;
    });
  });

  test('a list that is given what state cannot hold stays as it is', async ({ expect }) => {
    const rig = new Rig();
    const { list } = rig.state;
    const notJson = expect.objectContaining({ code: 'STATE_NOT_JSON' });
    expect(() => list.splice(0, 1, new Date())).toThrow(notJson);
    expect(() => list.push('ok', Number.NaN)).toThrow(notJson);
    expect(() => list.unshift('ok', undefined)).toThrow(notJson);
    expect(list).toEqual([{ id: 1 }, { id: 2 }]);
    await rig.writes.settled();
    expect(rig.sent).toEqual([]);
  });

  test('a list reads positions as arrays do', async ({ expect }) => {
    for (const start of [Number.NaN, undefined, '1', 0.9, -0.5, -Infinity, Infinity]) {
      const rig = new Rig();
      const plain: unknown[] = [{ id: 1 }, { id: 2 }];
      expect(rig.state['list'].splice(start, 1, 'new')).toEqual(
        plain.splice(start as number, 1, 'new'),
      );
      expect(rig.state['list']).toEqual(plain);
      await rig.writes.settled();
      expect(rig.at('/vars/list')).toEqual(plain);
    }
    const { list } = new Rig().state;
    expect(list.splice()).toEqual([]);
    expect(list).toHaveLength(2);
  });

  test('a list has no length that is no whole number from 0 on', ({ expect }) => {
    const { list } = new Rig().state;
    for (const length of [-1, 0.5, Number.NaN, '1'])
      expect(() => (list.length = length)).toThrow(
        expect.objectContaining({ code: 'STATE_PATCH_INVALID' }),
      );
    expect(list).toHaveLength(2);
    list.length = 0;
    expect(list).toHaveLength(0);
  });

  test('a loop that assigns a field is one operation', async ({ expect }) => {
    const rig = new Rig();
    for (let step = 0; step < 1000; step += 1) rig.state['n'] = step;
    await rig.writes.settled();
    expect(rig.sent).toEqual([[{ op: 'replace', path: '/vars/n', value: 999 }]]);
  });
});

describe('any writes', () => {
  const value = fc.jsonValue({ maxDepth: 2 }).map((each): Json => {
    const text = JSON.stringify(each).replaceAll(/"(__proto__|constructor|prototype)":/g, '"p":');
    return JSON.parse(text) as Json;
  });
  const action = fc.record({
    kind: fc.nat(13),
    walk: fc.array(fc.nat(5), { maxLength: 3 }),
    field: fc.constantFrom('n', 'list', 'map'),
    a: fc.nat(4),
    b: fc.integer({ min: -3, max: 4 }),
    key: fc.constantFrom('a', 'b/~', '0', 'hasOwnProperty'),
    value,
    pause: fc.boolean(),
  });

  function act(root: Loose, step: Parameters<Parameters<typeof action.map>[0]>[0]): void {
    const { kind, walk, field, a, b, key, value: given } = step;
    const fresh = structuredClone(given);
    let box: any = root[field];
    for (const index of walk) {
      const next: unknown =
        typeof box === 'object' && box !== null ? Object.values(box as object)[index] : undefined;
      if (typeof next !== 'object' || next === null) break;
      box = next;
    }
    if (kind === 0 || typeof box !== 'object' || box === null) root[field] = fresh;
    else if (!Array.isArray(box)) {
      if (kind < 7) box[key] = fresh;
      else delete box[key];
    } else if (kind === 1) box.push(fresh, 1);
    else if (kind === 2) box.pop();
    else if (kind === 3) box.shift();
    else if (kind === 4) box.unshift(fresh);
    else if (kind === 5) box.splice(b, a, fresh);
    else if (kind === 6) box.splice(b);
    else if (kind === 7) box.reverse();
    else if (kind === 8) box.sort((x, y) => (JSON.stringify(x) < JSON.stringify(y) ? -1 : 1));
    else if (kind === 9) box.fill(fresh, a);
    else if (kind === 10) box.copyWithin(a, b);
    else if (kind === 11) box.length = Math.min(a, box.length);
    else if (kind === 12) box.splice(a, 1, fresh, fresh);
    else if (box.length > 0) box[a % box.length] = fresh;
  }

  test('through the state do what they do to plain objects', async ({ expect }) => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 12 }), async (steps) => {
        const rig = new Rig();
        const plain = cloneJson(START['vars'] ?? null) as Loose;
        for (const step of steps) {
          act(plain, step);
          // State is a tree: `fill` and `copyWithin` copy, they do not share.
          Object.assign(plain, JSON.parse(JSON.stringify(plain)));
          act(rig.state, step);
          expect(rig.state['list']).toEqual(plain['list']);
          expect(rig.state['map']).toEqual(plain['map']);
          if (step.pause) await Promise.resolve();
        }
        await rig.writes.settled();
        expect(rig.at('/vars')).toEqual(plain);
        expect(rig.replica.document).toEqual(rig.document);
        expect(rig.errors).toEqual([]);
      }),
      { numRuns: 150 },
    );
  }, 30_000);
});
