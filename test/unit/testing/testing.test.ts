import { describe, test } from 'vitest';
import { App, Flow } from 'stormkite';
import { ManualClock, testApp } from 'stormkite/testing';
import { Step } from '../loop/step.ts';
import { codeOf } from '../state/code-of.ts';

class Root extends Flow {
  step = new Step();
  n = 0;
  run(): void {
    this.step.run(1);
  }
}

describe('an app under test', () => {
  test('goes turn by turn', async ({ expect }) => {
    const app = await testApp(() => new App(new Root(), { idleTurn: null }));
    expect(app.turns).toBe(0);
    expect(await app.turn()).toBe(true);
    expect(app.turns).toBe(1);
    await app.settle();
    expect(await app.turn()).toBe(false);
    await app.close();
  });

  test('is played by scripts, whose return ends the call and whose error fails it', async ({
    expect,
  }) => {
    const app = await testApp(() => new App(new Root(), { idleTurn: null }), {
      works: { 'root.step': (work, n) => work.set({ counter: Number(n) + 1 }) },
    });
    await app.settle();
    expect(app.root.step).toMatchObject({ counter: 2, hasSucceeded: true });
    await app.close();
    const failing = await testApp(() => new App(new Root()), {
      works: {
        'root.step': () => {
          throw new Error('from the script');
        },
      },
    });
    await failing.settle();
    expect((failing.result?.error as Error).message).toContain('from the script');
  });

  test('says what a test cannot do', async ({ expect }) => {
    const app = await testApp(() => new App(new Root(), { idleTurn: null }));
    const step = app.work('root.step');
    expect(codeOf(() => step.set({ counter: 1 }))).toBe('TESTING_NOT_UP');
    expect(codeOf(() => step.crash())).toBe('TESTING_NOT_UP');
    await app.settle();
    step.succeed();
    expect(codeOf(() => step.succeed())).toBe('TESTING_NO_CALL');
    expect(codeOf(() => step.fail(new Error('late')))).toBe('TESTING_NO_CALL');
    await app.close();
  });

  test('that never comes to rest says so', async ({ expect }) => {
    class Restless extends Flow {
      n = 0;
      run(): void {
        queueMicrotask(() => {
          this.n += 1;
        });
      }
    }
    const app = await testApp(() => new App(new Restless()));
    const error = await app.settle().catch((reason: { code: string }) => reason.code);
    expect(error).toBe('TESTING_DID_NOT_SETTLE');
    app.loop.abandon();
  });

  test('takes its works by name or by component', async ({ expect }) => {
    const app = await testApp(() => new App(new Root()));
    expect(app.work(app.root.step)).toBe(app.work('root.step'));
    expect(app.component('root.step')).toBe(app.root.step);
    await app.close();
  });

  test('closes and opens again where it was', async ({ expect }) => {
    const app = await testApp(() => new App(new Root(), { idleTurn: null }));
    await app.patch([{ op: 'replace', path: '/vars/n', value: 3 }]);
    await app.close();
    expect(app.result?.stage).toBe('interrupted');
    const again = await app.restart();
    await again.settle();
    expect(again.root.n).toBe(3);
    expect(again.clock.now()).toBeGreaterThanOrEqual(app.clock.now());
    await again.close();
  });
});

describe('a manual clock', () => {
  test('runs what falls due in order, and never goes back', ({ expect }) => {
    const clock = new ManualClock(1_000);
    const seen: string[] = [];
    clock.after(20, () => seen.push('b'));
    clock.after(10, () => seen.push('a'));
    clock.after(10, () => seen.push('a2'));
    clock.after(5, () => seen.push('cancelled')).cancel();
    clock.after(-5, () => seen.push('now'));
    for (let left: number | null = 15; left !== null;) left = clock.runTimerWithin(left);
    expect(seen).toEqual(['now', 'a', 'a2']);
    expect([clock.now(), clock.monotonic()]).toEqual([1_015, 15]);
    clock.skip(100);
    for (let left: number | null = 0; left !== null;) left = clock.runTimerWithin(left);
    expect(seen.at(-1)).toBe('b');
    expect(clock.monotonic()).toBe(115);
  });
});
