import { describe, test } from 'vitest';
import { App, Dict, Flow, isAppError, Work } from 'stormkite';
import { TestApp } from 'stormkite/testing';
import { MemoryStateStore } from '../../../runtime/backends/memory/memory-state-store.ts';
import type { StoreLease } from '../../../runtime/ports/state-store.ts';
import type { TurnRecord } from '../../../runtime/protocol/turn-record.ts';

class Step extends Work {
  n = 0;
  constructor() {
    super({ parallel: true });
  }
  run(): void {}
}

/** A store whose leases a test may slow down or break. */
class FaultyStore extends MemoryStateStore {
  slowReads = false;
  /** Commits of such records fail. */
  breaks: (turn: TurnRecord) => boolean = () => false;
  /** Commits never become durable. */
  stuck = false;

  override async open(app: string): Promise<StoreLease> {
    const lease = await super.open(app);
    const deltasAfter = lease.deltasAfter.bind(lease);
    const commit = lease.commit.bind(lease);
    lease.deltasAfter = async (work, seq) => {
      for (let round = 0; this.slowReads && round < 20; round += 1)
        await new Promise((resolve) => setImmediate(resolve));
      return deltasAfter(work, seq);
    };
    lease.commit = async (turn, snapshot) => {
      if (this.stuck) return new Promise(() => undefined);
      if (this.breaks(turn)) throw new Error('disk full');
      return commit(turn, snapshot);
    };
    return lease;
  }
}

function worldOf(store: MemoryStateStore) {
  return { store, classes: {}, works: new Map(), backend: null };
}

describe('a store with faults', () => {
  test('no turn runs before everything that is stored was taken in', async ({ expect }) => {
    const seen: string[] = [];
    class Root extends Flow {
      a = new Step();
      b = new Step();
      run() {
        this.a.run();
        this.b.run();
        if (this.a.hasSucceeded) this.b.start();
        seen.push(`${this.a.status.stage} ${this.b.status.stage}`);
      }
    }
    const store = new FaultyStore();
    const create = () => new App(new Root());
    const app = await TestApp.open(create, {}, worldOf(store));
    await app.settle();
    store.stuck = true;
    for (const name of ['root.a', 'root.b']) {
      app.work(name).set({ n: 1 });
      app.work(name).succeed();
    }
    await app.settle();
    app.loop.abandon();
    seen.length = 0;
    store.stuck = false;
    store.slowReads = true;
    const again = await TestApp.open(create, {}, worldOf(store));
    await again.settle();
    expect(new Set(seen)).toEqual(new Set(['succeeded succeeded']));
    expect(again.work('root.b').calls).toEqual([]);
    await again.close();
  });

  test('an app whose last commit fails still ends, with the reason', async ({ expect }) => {
    class Root extends Flow {
      go = false;
      run() {
        if (this.go) this.stop('bye');
      }
    }
    const store = new FaultyStore();
    store.breaks = ({ ops }) =>
      ops.some((op) => 'value' in op && op.path === '/app_state/stage' && op.value === 'stopped');
    const app = await TestApp.open(() => new App(new Root()), {}, worldOf(store));
    await app.settle();
    await app.patch([{ op: 'replace', path: '/vars/go', value: true }]);
    await app.settle();
    expect(app.result).not.toBeNull();
  });

  test('a patch that cannot be committed is refused, not forgotten', async ({ expect }) => {
    class Root extends Flow {
      n = 0;
      run() {}
    }
    const store = new FaultyStore();
    const app = await TestApp.open(() => new App(new Root()), {}, worldOf(store));
    await app.settle();
    store.breaks = () => true;
    const result = await app.patch([{ op: 'replace', path: '/vars/n', value: 1 }]);
    expect(result).toEqual({ ok: false, why: 'ended' });
    expect(app.result?.stage).toBe('failed');
  });

  test('a key that is no valid Unicode is refused where it is used', async ({ expect }) => {
    const errors: unknown[] = [];
    class Root extends Flow {
      dict = new Dict<Step>();
      run() {
        try {
          this.dict['\ud800'] = new Step();
        } catch (error) {
          errors.push(error);
        }
      }
    }
    const app = await TestApp.open(() => new App(new Root()));
    await app.settle();
    expect(isAppError(errors[0], 'COMPONENT_KEY_INVALID')).toBe(true);
    await app.close();
  });
});
