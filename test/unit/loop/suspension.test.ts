import { describe, test } from 'vitest';
import { App, Flow, isAppError, isSuspension } from 'stormkite';
import { testApp, type TestApp } from 'stormkite/testing';
import { blocking, codeOf } from './blocking.ts';
import { Step } from './step.ts';

/** Lets the blocking call end and looks what the lines say. */
async function finish(app: TestApp<Flow>, work: string): Promise<void> {
  await app.settle();
  app.work(work).succeed();
  await app.settle();
}

describe('a call of a work that is not parallel', () => {
  test('suspends from nested flows, synchronous and asynchronous, and writes before it stand', async ({
    expect,
  }) => {
    class Deep extends Flow {
      step = blocking();
      lines: string[] = [];
      run(): void {
        this.lines.push('deep before');
        this.step.run();
        this.lines.push('deep after');
      }
    }
    class AsyncMiddle extends Flow {
      deep = new Deep();
      async run(): Promise<void> {
        await Promise.resolve();
        this.deep.run();
      }
    }
    class SyncMiddle extends Flow {
      deep = new Deep();
      run(): void {
        this.deep.run();
      }
    }
    for (const Middle of [AsyncMiddle, SyncMiddle]) {
      class Root extends Flow {
        middle = new Middle();
        passed = 0;
        async run(): Promise<void> {
          await this.middle.run();
          this.passed += 1;
        }
      }
      const app = await testApp(() => new App(new Root(), { idleTurn: null }));
      await app.settle();
      expect(app.root.passed).toBe(0);
      expect(app.root.middle.deep.lines).toContain('deep before');
      const turn = app.events.find((event) => event.type === 'turn');
      expect(turn).toMatchObject({ suspended: true });
      await finish(app, 'root.middle.deep.step');
      expect(app.root.passed).toBeGreaterThan(0);
      expect(app.root.middle.deep.lines.at(-1)).toBe('deep after');
      expect(app.result).toBeNull();
      await app.close();
    }
  });

  test('suspends the turn of a flow whose promise nobody awaits', async ({ expect }) => {
    class Child extends Flow {
      step = blocking();
      after = 0;
      async run(): Promise<void> {
        await Promise.resolve();
        this.step.run();
        this.after += 1;
      }
    }
    for (const isAsync of [false, true]) {
      class Root extends Flow {
        child = new Child();
        run(): unknown {
          void this.child.run();
          return isAsync ? Promise.resolve() : undefined;
        }
      }
      const app = await testApp(() => new App(new Root(), { idleTurn: null }));
      await app.settle();
      expect(app.result).toBeNull();
      expect(app.events.find((event) => event.type === 'turn')).toMatchObject({ suspended: true });
      await finish(app, 'root.child.step');
      expect(app.root.child.after).toBeGreaterThan(0);
      await app.close();
    }
  });

  test('that user code swallows is reported', async ({ expect }) => {
    class Child extends Flow {
      step = blocking();
      async run(): Promise<void> {
        this.step.run();
      }
    }
    class SyncChild extends Flow {
      step = blocking();
      run(): void {
        try {
          this.step.run();
        } catch {
          // swallowed on purpose
        }
      }
    }
    class Settled extends Flow {
      child = new Child();
      async run(): Promise<void> {
        await Promise.allSettled([this.child.run()]);
      }
    }
    class Caught extends Flow {
      child = new Child();
      async run(): Promise<void> {
        await this.child.run().catch(() => undefined);
      }
    }
    class TryAwait extends Flow {
      child = new Child();
      async run(): Promise<void> {
        try {
          await this.child.run();
        } catch {
          // swallowed on purpose
        }
      }
    }
    class Nested extends Flow {
      child = new SyncChild();
      run(): void {
        this.child.run();
      }
    }
    class Unheard extends Flow {
      child = new SyncChild();
      async run(): Promise<void> {
        this.child.run();
        await Promise.resolve();
      }
    }
    for (const Root of [Settled, Caught, TryAwait, Nested, Unheard]) {
      const app = await testApp(() => new App(new Root()));
      await app.settle();
      expect(codeOf(app), Root.name).toBe('FLOW_SUSPENSION_SWALLOWED');
      expect(isAppError(app.result?.error) ? app.result.error.at : '').toBe('root.child.step');
    }
  });

  test('may be caught and thrown again', async ({ expect }) => {
    let seen = 0;
    class Root extends Flow {
      step = blocking();
      run(): void {
        try {
          this.step.run();
        } catch (error) {
          if (!isSuspension(error)) throw error;
          seen += 1;
          throw error;
        }
      }
    }
    const app = await testApp(() => new App(new Root()));
    await finish(app, 'root.step');
    expect(app.result).toBeNull();
    expect(seen).toBeGreaterThan(0);
    await app.close();
  });

  test('makes every further call of the turn throw, of parallel works too', async ({ expect }) => {
    class Root extends Flow {
      first = blocking();
      second = new Step();
      run(): void {
        try {
          this.first.run();
        } finally {
          this.second.run();
        }
      }
    }
    const app = await testApp(() => new App(new Root()));
    await app.settle();
    expect(app.result).toBeNull();
    expect(app.work('root.second').calls).toEqual([]);
    await finish(app, 'root.first');
    expect(app.work('root.second').calls).toEqual([[]]);
    await app.close();
  });

  test('by several children at once runs them one after the other, and all in the end', async ({
    expect,
  }) => {
    class Child extends Flow {
      step = blocking();
      async run(): Promise<void> {
        this.step.run();
      }
    }
    class Root extends Flow {
      a = new Child();
      b = new Child();
      done = false;
      async run(): Promise<void> {
        await Promise.all([this.a.run(), this.b.run()]);
        this.done = true;
      }
    }
    const app = await testApp(() => new App(new Root()));
    await finish(app, 'root.a.step');
    expect(app.root.done).toBe(false);
    await finish(app, 'root.b.step');
    expect(app.root.done).toBe(true);
    await app.close();
  });

  test('is passed once the call failed, for the flow to look at', async ({ expect }) => {
    class Root extends Flow {
      step = new Step({ parallel: false, raiseException: false });
      saw = '';
      run(): void {
        this.step.run();
        this.saw = this.step.hasFailed ? 'failed' : 'succeeded';
      }
    }
    const app = await testApp(() => new App(new Root()));
    await app.settle();
    app.work('root.step').fail(new Error('no'));
    await app.settle();
    expect(app.root.saw).toBe('failed');
    await app.close();
  });

  test('without caching is never passed: the line before it is printed again in each turn', async ({
    expect,
  }) => {
    const lines: string[] = [];
    class Root extends Flow {
      step = new Step({ parallel: false, cacheCalls: false });
      run(): void {
        lines.push('HERE BEFORE');
        this.step.run();
        lines.push('HERE AFTER');
      }
    }
    const app = await testApp(() => new App(new Root()), {
      works: { 'root.step': () => undefined },
    });
    await app.advance('1 s');
    expect(lines.length).toBeGreaterThan(10);
    expect(lines).not.toContain('HERE AFTER');
    await app.close();
  });

  test('never blocks: deltas, clients and stop go on, each in a turn of its own', async ({
    expect,
  }) => {
    class Root extends Flow {
      step = blocking();
      other = new Step();
      n = 0;
      seen: number[] = [];
      run(): void {
        this.other.run();
        if (this.seen.at(-1) !== this.other.counter) this.seen.push(this.other.counter);
        if (this.n > 0) this.stop('told so');
        this.step.run();
      }
    }
    const app = await testApp(() => new App(new Root()));
    await app.settle();
    app.work('root.other').set({ counter: 5 });
    await app.settle();
    expect(app.root.seen).toEqual([0, 5]);
    await app.patch([{ op: 'replace', path: '/vars/n', value: 1 }]);
    expect(app.result).toMatchObject({ stage: 'stopped', message: 'told so' });
  });

  test('is the case for start() never', async ({ expect }) => {
    class Root extends Flow {
      step = blocking();
      passed = false;
      run(): void {
        this.step.start();
        this.passed = true;
      }
    }
    const app = await testApp(() => new App(new Root()));
    await app.turn();
    expect(app.root.passed).toBe(true);
    await app.close();
  });
});

describe('stop() and fail()', () => {
  test('end the app from any depth, also when user code swallows what they throw', async ({
    expect,
  }) => {
    class Child extends Flow<{ how: 'stop' | 'fail' }> {
      async run(): Promise<void> {
        await Promise.resolve();
        if (this.props.how === 'stop') this.stop('enough');
        this.fail('too bad');
      }
    }
    for (const how of ['stop', 'fail'] as const) {
      class Awaits extends Flow {
        child = new Child({ how });
        run(): Promise<void> {
          return this.child.run();
        }
      }
      class Swallows extends Flow {
        child = new Child({ how });
        async run(): Promise<void> {
          await this.child.run().catch(() => undefined);
        }
      }
      class Ignores extends Flow {
        child = new Child({ how });
        run(): void {
          void this.child.run();
        }
      }
      class Catches extends Flow {
        run(): void {
          try {
            if (how === 'stop') this.stop('enough');
            this.fail('too bad');
          } catch {
            // swallowed on purpose
          }
        }
      }
      for (const Root of [Awaits, Swallows, Ignores, Catches]) {
        const app = await testApp(() => new App(new Root()));
        await app.settle();
        const expected = how === 'stop' ? ['stopped', 'enough'] : ['failed', 'too bad'];
        expect([app.result?.stage, app.result?.message], Root.name).toEqual(expected);
        expect(app.result?.error).toBeUndefined();
      }
    }
  });

  test('from a timer end the app between two turns', async ({ expect }) => {
    class Root extends Flow {
      later(): void {
        try {
          this.stop('from a timer');
        } catch {
          // the signal has nothing to end here
        }
      }
      run(): void {}
    }
    const app = await testApp(() => new App(new Root()));
    await app.settle();
    app.root.later();
    await app.settle();
    expect(app.result).toEqual({ stage: 'stopped', message: 'from a timer' });
  });
});

describe('an error in run()', () => {
  test('fails the app with that error, from any depth', async ({ expect }) => {
    const error = new RangeError('mine');
    class Child extends Flow {
      async run(): Promise<void> {
        await Promise.resolve();
        throw error;
      }
    }
    class Awaits extends Flow {
      child = new Child();
      run(): Promise<void> {
        return this.child.run();
      }
    }
    class Ignores extends Flow {
      child = new Child();
      run(): void {
        void this.child.run();
      }
    }
    class Throws extends Flow {
      run(): void {
        throw error;
      }
    }
    for (const Root of [Awaits, Ignores, Throws]) {
      const app = await testApp(() => new App(new Root()));
      await app.settle();
      expect(app.result, Root.name).toEqual({ stage: 'failed', message: '', error });
      expect(app.events.find((event) => event.type === 'error')).toMatchObject({
        error: { name: 'RangeError' },
      });
    }
  });

  test('that the parent takes care of fails nothing', async ({ expect }) => {
    class Child extends Flow {
      async run(): Promise<void> {
        throw new Error('handled');
      }
    }
    class Root extends Flow {
      child = new Child();
      async run(): Promise<void> {
        await this.child.run().catch(() => undefined);
      }
    }
    const app = await testApp(() => new App(new Root()));
    await app.settle();
    expect(app.result).toBeNull();
    await app.close();
  });
});
