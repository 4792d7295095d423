import { describe, test } from 'vitest';
import { App, Flow } from 'stormkite';
import { testApp } from 'stormkite/testing';
import { blocking, codeOf } from './blocking.ts';

describe('code that meets the turn of an async run()', () => {
  /** Its first turn waits until it is let go. */
  class Root extends Flow {
    step = blocking();
    other = blocking();
    passed = 0;
    noted = 0;
    #go: () => void = () => undefined;
    readonly #gate = new Promise<void>((resolve) => {
      this.#go = resolve;
    });

    go(): void {
      this.#go();
    }

    async run(): Promise<void> {
      await this.#gate;
      this.passed += 1;
    }
  }

  test('calls a work that is not parallel without suspending that turn', async ({ expect }) => {
    const app = await testApp(() => new App(new Root(), { idleTurn: null }));
    await app.settle();
    // As a timer would, or what comes after the first `await` of a handler.
    expect(app.root.step.run()).toBeUndefined();
    expect(() => app.root.other.run()).not.toThrow();
    app.root.go();
    await app.settle();
    const turns = app.events.filter((event) => event.type === 'turn');
    expect(turns.map(({ suspended }) => suspended)).not.toContain(true);
    expect([codeOf(app), app.root.passed > 0]).toEqual([null, true]);
    app.work('root.step').succeed();
    app.work('root.other').succeed();
    await app.settle();
    expect([app.root.step.numSuccesses, app.root.other.numSuccesses]).toEqual([1, 1]);
    await app.close();
  });

  test('has what it wrote looked at by a further turn', async ({ expect }) => {
    const app = await testApp(() => new App(new Root(), { idleTurn: null }));
    await app.settle();
    app.root.noted = 1;
    app.root.go();
    await app.settle();
    expect(app.loop.document()).toMatchObject({ vars: { noted: 1 } });
    expect(app.root.passed).toBeGreaterThan(1);
    await app.close();
  });

  test('is no part of the turn when it calls the run() of a child, whose error is the caller’s', async ({
    expect,
  }) => {
    class Child extends Flow {
      async run(): Promise<void> {
        throw new RangeError('mine');
      }
    }
    class Parent extends Root {
      child = new Child();
    }
    const app = await testApp(() => new App(new Parent(), { idleTurn: null }));
    await app.settle();
    await expect(app.root.child.run()).rejects.toThrow('mine');
    app.root.go();
    await app.settle();
    expect([codeOf(app), app.root.passed > 0]).toEqual([null, true]);
    await app.close();
  });

  test('is part of the turn when the turn started it', async ({ expect }) => {
    class Later extends Flow {
      step = blocking();
      caught: string[] = [];
      async run(): Promise<void> {
        await new Promise<void>((resolve, reject) => {
          setTimeout(() => {
            try {
              this.step.run();
              resolve();
            } catch (error) {
              this.caught.push((error as Error).name);
              reject(error as Error);
            }
          }, 1);
        });
      }
    }
    const app = await testApp(() => new App(new Later(), { idleTurn: null }));
    const suspended = (): boolean =>
      app.events.some((event) => event.type === 'turn' && event.suspended);
    while (!suspended()) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      await app.settle();
    }
    expect(new Set(app.root.caught)).toEqual(new Set(['Suspension']));
    expect(codeOf(app)).toBeNull();
    await app.close();
  });

  test('ends the app when it asks for that, once the turn is over', async ({ expect }) => {
    const app = await testApp(() => new App(new Root(), { idleTurn: null }));
    await app.settle();
    expect(() => app.root.stop('enough')).toThrow();
    expect(app.result).toBeNull();
    app.root.go();
    await app.settle();
    expect(app.result).toEqual({ stage: 'stopped', message: 'enough' });
  });
});
