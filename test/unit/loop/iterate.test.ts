import { describe, test } from 'vitest';
import { App, Flow, isAppError } from 'stormkite';
import { testApp } from 'stormkite/testing';
import { Step } from './step.ts';

describe('iterate', () => {
  test('continues with the item at which the turn was suspended, and runs through once', async ({
    expect,
  }) => {
    const lines: string[] = [];
    class Root extends Flow {
      step = new Step({ parallel: false });
      run(): void {
        for (const item of this.iterate(['a', 'b', 'c'])) {
          lines.push(`before ${item}`);
          this.step.run(item);
          lines.push(`after ${item}`);
        }
        lines.push('end');
      }
    }
    const app = await testApp(() => new App(new Root(), { idleTurn: null }));
    for (const _ of ['a', 'b', 'c']) {
      await app.settle();
      app.work('root.step').succeed();
    }
    await app.settle();
    const distinct = lines.filter((line, index) => line !== lines[index - 1]);
    expect(distinct).toEqual([
      'before a',
      'after a',
      'before b',
      'after b',
      'before c',
      'after c',
      'end',
    ]);
    expect(app.work('root.step').calls).toEqual([['a'], ['b'], ['c']]);
    lines.length = 0;
    await app.advance('1 s');
    expect(lines.every((line) => line === 'end')).toBe(true);
    await app.close();
  });

  test('starts again after the last item when runOnce is false, and rests while nothing changes', async ({
    expect,
  }) => {
    const rounds: string[] = [];
    class Root extends Flow {
      n = 0;
      run(): void {
        const seen: number[] = [];
        for (const item of this.iterate([1, 2, 3], { runOnce: false })) seen.push(item);
        rounds.push(seen.join(''));
      }
    }
    const app = await testApp(() => new App(new Root(), { idleTurn: null }));
    await app.advance('1 minute');
    expect(rounds).toEqual(['123', '123']);
    await app.patch([{ op: 'replace', path: '/vars/n', value: 1 }]);
    expect(rounds).toEqual(['123', '123', '123']);
    await app.close();
  });

  test('tells call sites and keys apart', async ({ expect }) => {
    const seen: string[] = [];
    class Root extends Flow {
      run(): void {
        for (const item of this.iterate(['a'])) seen.push(item);
        for (const item of this.iterate(['b'])) seen.push(item);
        for (const key of ['x', 'y'])
          for (const item of this.iterate(['c'], { key })) seen.push(`${key}${item}`);
      }
    }
    const app = await testApp(() => new App(new Root(), { idleTurn: null }));
    await app.advance('1 s');
    expect(seen).toEqual(['a', 'b', 'xc', 'yc']);
    expect(Object.keys(app.root.stateDict().calls)).toHaveLength(4);
    await app.close();
  });

  test('goes on where it was after a break and after a restart', async ({ expect }) => {
    class Root extends Flow {
      step = new Step({ parallel: false });
      done: string[] = [];
      run(): void {
        for (const item of this.iterate(['a', 'b', 'c'], { key: 'items' })) {
          this.step.run(item);
          this.done.push(item);
        }
      }
    }
    const app = await testApp(() => new App(new Root(), { idleTurn: null }));
    await app.settle();
    app.work('root.step').succeed();
    await app.advance('1 s');
    expect(app.root.done).toEqual(['a']);
    const again = await app.restart();
    await again.settle();
    expect(again.work('root.step').calls).toEqual([['b']]);
    again.work('root.step').succeed();
    await again.settle();
    again.work('root.step').succeed();
    await again.advance('1 s');
    expect(again.root.done).toEqual(['a', 'b', 'c']);
    await again.close();
  });

  test('takes any iterable, whose items need not be JSON, and an empty one', async ({ expect }) => {
    const seen: unknown[] = [];
    class Root extends Flow {
      run(): void {
        for (const item of this.iterate(new Map([[Symbol.iterator, new Date(0)]]), { key: 'map' }))
          seen.push(item);
        for (const item of this.iterate('xy', { key: 'text' })) seen.push(item);
        for (const item of this.iterate([], { key: 'none' })) seen.push(item);
      }
    }
    const app = await testApp(() => new App(new Root(), { idleTurn: null }));
    await app.settle();
    expect(seen).toEqual([[Symbol.iterator, new Date(0)], 'x', 'y']);
    await app.close();
  });

  test('refuses what cannot be iterated, at the call', async ({ expect }) => {
    for (const items of [5, null, undefined, {}]) {
      class Root extends Flow {
        run(): void {
          this.iterate(items as never);
        }
      }
      const app = await testApp(() => new App(new Root()));
      await app.settle();
      expect(isAppError(app.result?.error, 'FLOW_NOT_ITERABLE')).toBe(true);
    }
  });
});
