import { describe, test } from 'vitest';
import { App, Flow, type Operation } from 'stormkite';
import { testApp, type TestApp } from 'stormkite/testing';
import { Step } from './step.ts';

/** A flow that writes what the test tells it to, before or after it calls its work. */
class Root extends Flow {
  step: Step;
  args: unknown[] = [];
  constructor(step = new Step()) {
    super();
    this.step = step;
  }
  run(): void {
    for (const arg of this.args) this.step.run(arg);
  }
}

const open = async (step?: () => Step): Promise<TestApp<Root>> => {
  const app = await testApp(() => new App(new Root(step?.()), { idleTurn: null }));
  await app.settle();
  return app;
};
const call = (app: TestApp<Root>, arg: unknown) =>
  app.patch([{ op: 'add', path: '/vars/args/-', value: arg as never }]);

async function write(app: TestApp<Root>, change: (step: Step) => void): Promise<void> {
  change(app.root.step);
  await app.settle();
}

async function delta(app: TestApp<Root>, ...ops: Operation[]): Promise<void> {
  app.work('root.step').patch(ops);
  await app.settle();
}

describe("the flow's writes to a work", () => {
  test('made before run() reach the work with that call; later ones stay in the flow', async ({
    expect,
  }) => {
    class Writes extends Flow {
      step = new Step();
      run(): void {
        if (!this.step.hasStarted) this.step.counter = 5;
        this.step.run();
        this.step.note ??= 'after';
      }
    }
    const app = await testApp(() => new App(new Writes(), { idleTurn: null }));
    await app.settle();
    expect(app.work('root.step').initialVars).toMatchObject({ counter: 5 });
    expect(app.work('root.step').initialVars).not.toHaveProperty('note');
    expect(app.root.step).toMatchObject({ counter: 5, note: 'after' });
    await app.close();
  });

  test('to a running work stay in the flow: the example of the seeds diverges', async ({
    expect,
  }) => {
    class Diverges extends Flow {
      step = new Step();
      run(): void {
        this.step.run();
        this.step.counter += 1;
      }
    }
    const printed: number[] = [];
    class Prints extends Step {
      override async run(): Promise<void> {
        while (!this.signal.aborted) {
          printed.push(this.counter);
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
    }
    class Root extends Diverges {
      override step = new Prints();
    }
    const app = await testApp(() => new App(new Root(), { idleTurn: null }), { works: 'run' });
    await app.advance('1 s');
    expect(app.root.step.counter).toBeGreaterThan(10);
    expect(printed.length).toBeGreaterThan(0);
    expect(new Set(printed)).toEqual(new Set([0]));
    await app.close();
  });

  test("lie over the work's own fields until a delta at their path", async ({ expect }) => {
    const app = await open();
    await call(app, 1);
    await write(app, (step) => (step.counter = 10));
    await delta(app, { op: 'replace', path: '/vars/log', value: ['a'] });
    expect(app.root.step).toMatchObject({ counter: 10, log: ['a'] });
    await delta(app, { op: 'replace', path: '/vars/counter', value: 3 });
    expect(app.root.step.counter).toBe(3);
    await app.close();
  });

  test('are dropped by a delta above or below their path, and only by those', async ({
    expect,
  }) => {
    const app = await open(() => {
      const step = new Step();
      step.data = { a: { x: 1, y: 1 }, b: { x: 1 } };
      return step;
    });
    await call(app, 1);
    await write(app, (step) => {
      (step.data['a'] as { x: number }).x = 100;
      step.data['b'] = { x: 200 };
    });
    expect(app.root.step.data).toEqual({ a: { x: 100, y: 1 }, b: { x: 200 } });
    await delta(app, { op: 'replace', path: '/vars/data/a/y', value: 2 });
    expect(app.root.step.data).toEqual({ a: { x: 100, y: 2 }, b: { x: 200 } });
    await delta(app, { op: 'replace', path: '/vars/data/b/x', value: 3 });
    expect(app.root.step.data).toEqual({ a: { x: 100, y: 2 }, b: { x: 3 } });
    await delta(app, { op: 'replace', path: '/vars/data/a', value: { x: 7, y: 7 } });
    expect(app.root.step.data).toEqual({ a: { x: 7, y: 7 }, b: { x: 3 } });
    await write(app, (step) => (step.data['c'] = 1));
    await delta(app, { op: 'replace', path: '/vars/data', value: { z: 0 } });
    expect(app.root.step.data).toEqual({ z: 0 });
    await app.close();
  });

  test('that no longer apply are dropped with a warning', async ({ expect }) => {
    const app = await open(() => {
      const step = new Step();
      step.data = { list: [{ n: 1 }, { n: 2 }], other: 1 };
      return step;
    });
    await call(app, 1);
    await write(app, (step) => ((step.data['list'] as { n: number }[])[1]!.n = 20));
    await delta(app, { op: 'remove', path: '/vars/data/list/0' });
    expect(app.root.step.data).toEqual({ list: [{ n: 2 }], other: 1 });
    expect(app.warnings).toHaveLength(1);
    expect(app.warnings[0]).toContain('root.step/data/list/1/n');
    await delta(app, { op: 'replace', path: '/vars/data/other', value: 2 });
    expect(app.root.step.data).toEqual({ list: [{ n: 2 }], other: 2 });
    expect(app.warnings).toHaveLength(1);
    await app.close();
  });

  test('go along with the next call, on both sides', async ({ expect }) => {
    const app = await open();
    await call(app, 1);
    await write(app, (step) => {
      step.counter = 10;
      step.log.push('from the flow');
    });
    app.work('root.step').succeed();
    await app.settle();
    expect(app.work('root.step').folded).toEqual([]);
    await call(app, 2);
    expect(app.work('root.step').folded).toEqual([
      { op: 'replace', path: '/vars/counter', value: 10 },
      { op: 'add', path: '/vars/log/0', value: 'from the flow' },
    ]);
    await delta(app, { op: 'add', path: '/vars/log/1', value: 'from the work' });
    expect(app.root.step).toMatchObject({ counter: 10, log: ['from the flow', 'from the work'] });
    await app.close();
  });

  test('survive a restart of the flow, and so do their values in the next call', async ({
    expect,
  }) => {
    const app = await open(() => new Step({ raiseException: false }));
    await call(app, 1);
    app.work('root.step').set({ counter: 2, data: { own: 1 } });
    await app.settle();
    await write(app, (step) => {
      step.counter = 10;
      step.data['mine'] = 2;
    });
    await app.advance('50 ms');
    const again = await app.restart();
    await again.settle();
    expect([again.root.step.counter, again.root.step.data]).toEqual([10, { own: 1, mine: 2 }]);
    await delta(again, { op: 'replace', path: '/vars/data/own', value: 5 });
    expect(again.root.step.data).toEqual({ own: 5, mine: 2 });
    await delta(again, { op: 'replace', path: '/vars/counter', value: 3 });
    expect(again.root.step.counter).toBe(3);
    await again.close();
  });

  test('that cancel out are no writes', async ({ expect }) => {
    const app = await open();
    await call(app, 1);
    await write(app, (step) => {
      step.counter = 10;
      step.counter = 0;
    });
    await delta(app, { op: 'replace', path: '/vars/counter', value: 7 });
    await write(app, (step) => (step.counter = 8));
    await delta(app, { op: 'remove', path: '/vars/log' });
    await delta(app, { op: 'replace', path: '/vars/counter', value: 9 });
    expect(app.root.step.counter).toBe(9);
    await app.close();
  });

  test('of optional fields come and go', async ({ expect }) => {
    const app = await open();
    await call(app, 1);
    await write(app, (step) => (step.note = 'mine'));
    await delta(app, { op: 'add', path: '/vars/note', value: 'theirs' });
    expect(app.root.step.note).toBe('theirs');
    await write(app, (step) => (step.note = undefined));
    expect(app.root.step.note).toBeUndefined();
    await delta(app, { op: 'remove', path: '/vars/note' });
    expect(app.root.step.note).toBeUndefined();
    expect(app.warnings).toEqual([]);
    await app.close();
  });

  test('are kept apart from fields that the work moves or copies', async ({ expect }) => {
    const app = await open(() => {
      const step = new Step();
      step.data = { a: 1 };
      return step;
    });
    await call(app, 1);
    await write(app, (step) => (step.counter = 10));
    await delta(app, { op: 'copy', from: '/vars/counter', path: '/vars/data/n' });
    expect(app.root.step.data).toEqual({ a: 1, n: 0 });
    expect(app.root.step.counter).toBe(10);
    await delta(app, { op: 'move', from: '/vars/data/a', path: '/vars/counter' });
    expect(app.root.step).toMatchObject({ data: { n: 0 }, counter: 1 });
    await app.close();
  });
});

describe('a work that overrides applyFlowDelta', () => {
  class Listens extends Step {
    override applyFlowDelta(ops: readonly Operation[]): void {
      super.applyFlowDelta(ops);
    }
  }

  test("receives the flow's and the clients' writes while it runs; no other work does", async ({
    expect,
  }) => {
    for (const [make, receives] of [
      [() => new Listens(), true],
      [() => new Step(), false],
    ] as const) {
      const app = await open(make);
      await call(app, 1);
      await write(app, (step) => (step.counter = 3));
      await app.patch([{ op: 'replace', path: '/works/step/vars/counter', value: 4 }]);
      const received = app.work('root.step').flowDeltas.flat();
      expect(received).toEqual(
        receives
          ? [
              { op: 'replace', path: '/vars/counter', value: 3 },
              { op: 'replace', path: '/vars/counter', value: 4 },
            ]
          : [],
      );
      await app.close();
    }
  });

  test('applies them to its fields and echoes nothing', async ({ expect }) => {
    const seen: number[] = [];
    class Reads extends Listens {
      override async run(): Promise<void> {
        while (!this.signal.aborted) {
          if (seen.at(-1) !== this.counter) seen.push(this.counter);
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
    }
    class Writes extends Flow {
      step = new Reads();
      limit = 0;
      run(): void {
        this.step.run();
        this.step.counter = this.limit;
      }
    }
    const app = await testApp(() => new App(new Writes(), { idleTurn: null }), { works: 'run' });
    await app.settle();
    await app.patch([{ op: 'replace', path: '/vars/limit', value: 7 }]);
    await app.until(() => seen.includes(7));
    expect(seen).toEqual([0, 7]);
    const echoes = app.events.filter(
      (event) =>
        event.type === 'delta' &&
        event.source === 'root.step' &&
        event.ops.some((op) => op.path.endsWith('/counter')),
    );
    expect(echoes).toEqual([]);
    expect(app.root.step.counter).toBe(7);
    await app.close();
  });
});
