import { describe, test } from 'vitest';
import { App, Flow, isAppError } from 'stormkite';
import { testApp } from 'stormkite/testing';
import { Step } from './step.ts';

describe('turns', () => {
  test('never overlap: what arrives while an asynchronous run is under way waits (R3)', async ({
    expect,
  }) => {
    let release: () => void = () => undefined;
    const seen: number[][] = [];
    class Root extends Flow {
      step = new Step();
      open = false;
      async run(): Promise<void> {
        this.step.run();
        const before = this.step.counter;
        if (this.open) await new Promise<void>((resolve) => (release = resolve));
        seen.push([before, this.step.counter]);
      }
    }
    const app = await testApp(() => new App(new Root(), { idleTurn: null }));
    await app.settle();
    app.loop.patch([{ op: 'replace', path: '/vars/open', value: true }]).catch(() => undefined);
    await app.settle();
    const turns = app.turns;
    const count = seen.length;
    app.work('root.step').set({ counter: 1 });
    app.work('root.step').set({ counter: 2 });
    await app.advance('1 s');
    expect(app.turns).toBe(turns);
    expect(app.root.step.counter).toBe(0);
    release();
    await app.settle();
    expect(seen[count]).toEqual([0, 0]);
    expect(app.turns).toBe(turns + 1);
    expect(app.root.step.counter).toBe(2);
    release();
    await app.close();
  });

  test('are committed whole: what an unfinished one changed is not stored', async ({ expect }) => {
    let release: () => void = () => undefined;
    class Root extends Flow {
      step = new Step();
      jobs = ['a'];
      ask = false;
      async run(): Promise<void> {
        if (!this.ask) return;
        const job = this.jobs.pop();
        if (job !== undefined) this.step.run(job);
        await new Promise<void>((resolve) => (release = resolve));
      }
    }
    const app = await testApp(() => new App(new Root(), { idleTurn: null }));
    await app.settle();
    app.loop.patch([{ op: 'replace', path: '/vars/ask', value: true }]).catch(() => undefined);
    await app.advance('10 s');
    const again = await app.restart();
    expect(again.root.jobs).toEqual(['a']);
    expect(again.root.step.status.stage).toBe('not_started');
    release();
  });

  test('a turn that never ends does not keep an interrupted app', async ({ expect }) => {
    class Root extends Flow {
      n = 0;
      run(): Promise<void> {
        this.n += 1;
        return new Promise(() => undefined);
      }
    }
    const app = await testApp(() => new App(new Root()));
    await app.settle();
    await app.close();
    expect(app.result?.stage).toBe('interrupted');
    const again = await app.restart();
    expect(again.root.n).toBe(0);
    await again.close();
  });

  test('many deltas that arrive together start one turn', async ({ expect }) => {
    class Root extends Flow {
      step = new Step();
      run(): void {
        this.step.run();
      }
    }
    const app = await testApp(() => new App(new Root(), { idleTurn: null }));
    await app.settle();
    const turns = app.turns;
    for (let n = 1; n <= 500; n += 1) app.work('root.step').set({ counter: n });
    await app.settle();
    expect(app.turns).toBe(turns + 1);
    expect(app.root.step.counter).toBe(500);
    await app.close();
  });

  test('that the flow itself asks for never delay those from outside', async ({ expect }) => {
    class Root extends Flow {
      step = new Step();
      n = 0;
      run(): void {
        this.n += 1;
        this.step.run();
      }
    }
    const app = await testApp(() => new App(new Root(), { idleTurn: null }));
    await app.settle();
    const turns = app.turns;
    await app.advance('1 s');
    expect(app.turns).toBe(turns + 10);
    for (let n = 1; n <= 5; n += 1) {
      app.work('root.step').set({ counter: n });
      await app.settle();
      expect(app.turns).toBe(turns + 10 + n);
    }
    await app.advance('99 ms');
    expect(app.turns).toBe(turns + 15);
    await app.advance('1 ms');
    expect(app.turns).toBe(turns + 16);
    await app.close();
  });

  test('run only when something changed', async ({ expect }) => {
    class Root extends Flow {
      step = new Step();
      list: number[] = [];
      run(): void {
        this.step.run();
        this.list.push(1);
        this.list.pop();
        this.step.counter = this.step.counter;
      }
    }
    const app = await testApp(() => new App(new Root(), { idleTurn: null }));
    await app.settle();
    app.work('root.step').succeed();
    await app.settle();
    const turns = app.turns;
    await app.advance('1 day');
    expect(app.turns).toBe(turns);
    await app.close();
  });

  test('come after the end of a process only when it changed something', async ({ expect }) => {
    class Root extends Flow {
      step = new Step();
      done = false;
      run(): void {
        this.step.run();
        if (this.done) this.step.stop();
      }
    }
    const app = await testApp(() => new App(new Root(), { idleTurn: null }));
    await app.settle();
    await app.patch([{ op: 'replace', path: '/vars/done', value: true }]);
    const turns = app.turns;
    await app.advance('1 minute');
    expect(app.work('root.step').isUp).toBe(false);
    expect(app.turns).toBe(turns);
    await app.close();
  });

  test('writes made outside a turn queue and start one', async ({ expect }) => {
    class Root extends Flow {
      n = 0;
      step = new Step();
      run(): void {}
    }
    const app = await testApp(() => new App(new Root(), { idleTurn: null }));
    await app.settle();
    const turns = app.turns;
    app.root.n = 5;
    app.root.step.run('from outside');
    await app.settle();
    expect(app.turns).toBeGreaterThan(turns);
    expect(app.work('root.step').calls).toEqual([['from outside']]);
    const again = await app.restart();
    expect(again.root.n).toBe(5);
    await again.close();
  });

  test('run() of a work that is not attached is refused in a turn and runs at once outside', async ({
    expect,
  }) => {
    let ran = 0;
    class Counts extends Step {
      override run(): void {
        ran += 1;
      }
    }
    class Root extends Flow {
      run(): void {
        new Counts().run();
      }
    }
    new Counts().run();
    expect(ran).toBe(1);
    const app = await testApp(() => new App(new Root()));
    await app.settle();
    expect(isAppError(app.result?.error, 'WORK_NOT_ATTACHED')).toBe(true);
    expect(ran).toBe(1);
  });

  test('that take too long are warned about, once each', async ({ expect }) => {
    let app: Awaited<ReturnType<typeof testApp>> | null = null;
    class Slow extends Flow {
      slow = false;
      run(): void {
        if (this.slow) app?.clock.runTimerWithin(1_500);
        this.slow = false;
      }
    }
    app = await testApp(() => new App(new Slow(), { idleTurn: null }));
    await app.settle();
    expect(app.warnings).toEqual([]);
    await app.patch([{ op: 'replace', path: '/vars/slow', value: true }]);
    expect(app.warnings).toHaveLength(1);
    expect(app.warnings[0]).toContain('a turn of the flow');
    await app.close();
  });

  test('an idle app with an own idleTurn keeps to it, and any turn begins it anew', async ({
    expect,
  }) => {
    class Root extends Flow {
      n = 0;
      run(): void {}
    }
    const app = await testApp(() => new App(new Root(), { idleTurn: '10 s' }));
    await app.advance('9 s');
    expect(app.turns).toBe(1);
    await app.patch([{ op: 'replace', path: '/vars/n', value: 1 }]);
    await app.advance('9 s');
    expect(app.turns).toBe(2);
    await app.advance('1 s');
    expect(app.turns).toBe(3);
    await app.close();
  });

  test('a work with an idleTimeout gives its process up, and its next call brings it back', async ({
    expect,
  }) => {
    const { CloudCompute } = await import('stormkite');
    class Root extends Flow {
      step = new Step({ cloudCompute: new CloudCompute('gpu', { idleTimeout: '5 minutes' }) });
      arg = 1;
      run(): void {
        this.step.run(this.arg);
      }
    }
    const app = await testApp(() => new App(new Root()));
    await app.advance('20 minutes');
    expect(app.work('root.step').isUp).toBe(true);
    app.work('root.step').succeed();
    await app.advance('299 s');
    expect(app.work('root.step').isUp).toBe(true);
    await app.advance('1 s');
    expect(app.work('root.step').isUp).toBe(false);
    expect(app.root.step).toMatchObject({ hasSucceeded: true, hasStopped: false });
    await app.patch([{ op: 'replace', path: '/vars/arg', value: 2 }]);
    expect(app.work('root.step').calls).toEqual([[1], [2]]);
    await app.close();
  });

  test('a flow that comes back still ends the idle time of a work that it finds idle', async ({
    expect,
  }) => {
    const { CloudCompute } = await import('stormkite');
    class Root extends Flow {
      step = new Step({ cloudCompute: new CloudCompute('gpu', { idleTimeout: '5 minutes' }) });
      run(): void {
        this.step.run(1);
      }
    }
    const before = await testApp(() => new App(new Root()));
    await before.settle();
    before.work('root.step').succeed();
    await before.advance('2 minutes');
    const app = await before.restart({ keepWorks: true });
    await app.advance('299 s');
    expect(app.work('root.step').isUp).toBe(true);
    await app.advance('1 s');
    expect(app.work('root.step').isUp).toBe(false);
    expect(app.root.step).toMatchObject({ hasSucceeded: true, hasStopped: false });
    await app.close();
  });
});
