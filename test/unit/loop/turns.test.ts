import { describe, test } from 'vitest';
import { App, Dict, Flow, isAppError, Work } from 'stormkite';
import { testApp } from 'stormkite/testing';

class Step extends Work<{ parallel?: boolean; cacheCalls?: boolean; raiseException?: boolean }> {
  counter = 0;
  log: string[] = [];
  run(..._args: unknown[]): void {}
}

describe('turns', () => {
  test('the first turn always runs and an app at rest runs none', async ({ expect }) => {
    let runs = 0;
    class Root extends Flow {
      run() {
        runs += 1;
      }
    }
    const app = await testApp(() => new App(new Root(), { idleTurn: null }));
    await app.settle();
    expect(runs).toBe(1);
    await app.advance('1 hour');
    expect(runs).toBe(1);
    await app.close();
  });

  test('an idle app runs one turn a minute', async ({ expect }) => {
    class Root extends Flow {
      run() {}
    }
    const app = await testApp(() => new App(new Root()));
    await app.advance('10 minutes');
    expect(app.turns).toBe(11);
    await app.close();
  });

  test('a flow that changes itself in every turn is paced to ten turns a second', async ({
    expect,
  }) => {
    class Root extends Flow {
      n = 0;
      run() {
        this.n += 1;
      }
    }
    const app = await testApp(() => new App(new Root()));
    await app.advance('1 s');
    expect(app.turns).toBe(11);
    expect(app.root.n).toBe(11);
    await app.close();
  });

  test('a parallel work runs once for the same arguments and its changes start a turn at once', async ({
    expect,
  }) => {
    const seen: number[] = [];
    class Root extends Flow {
      step = new Step({ parallel: true });
      run() {
        this.step.run(1);
        seen.push(this.step.counter);
      }
    }
    const app = await testApp(() => new App(new Root()));
    await app.settle();
    expect(app.work('root.step').calls).toEqual([[1]]);
    expect(app.root.step.status.stage).toBe('running');
    app.work('root.step').set({ counter: 425 });
    await app.settle();
    expect(seen.at(-1)).toBe(425);
    const delta = app.events.findLast(
      (event) => event.type === 'delta' && event.source === 'root.step',
    );
    expect(delta).toMatchObject({ ops: [{ path: '/works/step/vars/counter', value: 425 }] });
    app.work('root.step').succeed();
    await app.advance('1 s');
    expect(app.root.step.hasSucceeded).toBe(true);
    expect(app.root.step.numSuccesses).toBe(1);
    expect(app.work('root.step').calls).toEqual([[1]]);
    await app.close();
  });

  test('a work that is not parallel suspends the turn at its line', async ({ expect }) => {
    const lines: string[] = [];
    class Root extends Flow {
      step = new Step();
      run() {
        lines.push('before');
        this.step.run();
        lines.push('after');
      }
    }
    const app = await testApp(() => new App(new Root()));
    await app.settle();
    expect(lines).not.toContain('after');
    app.work('root.step').succeed();
    await app.settle();
    expect(lines.at(-1)).toBe('after');
    await app.close();
  });

  test('a swallowed suspension fails the app', async ({ expect }) => {
    class Root extends Flow {
      step = new Step();
      run() {
        try {
          this.step.run();
        } catch {
          // swallowed on purpose
        }
      }
    }
    const app = await testApp(() => new App(new Root()));
    await app.settle();
    expect(app.result?.stage).toBe('failed');
    expect(isAppError(app.result?.error, 'FLOW_SUSPENSION_SWALLOWED')).toBe(true);
  });

  test('stop ends the app and its works', async ({ expect }) => {
    class Root extends Flow {
      step = new Step({ parallel: true });
      run() {
        this.step.run();
        if (this.step.counter > 0) this.stop('enough');
      }
    }
    const app = await testApp(() => new App(new Root()));
    await app.settle();
    app.work('root.step').set({ counter: 1 });
    await app.settle();
    expect(app.result).toMatchObject({ stage: 'stopped', message: 'enough' });
    expect(app.work('root.step').isUp).toBe(false);
    expect(app.root.step.status.stage).toBe('stopped');
  });

  test('works attached in run are called and deleted', async ({ expect }) => {
    class Root extends Flow {
      dict = new Dict<Step>();
      names: string[] = ['a'];
      work?: Step;
      run() {
        this.work ??= new Step({ parallel: true });
        this.work.run();
        for (const name of this.names) (this.dict[name] ??= new Step({ parallel: true })).run(name);
        for (const key of Object.keys(this.dict))
          if (!this.names.includes(key)) delete this.dict[key];
      }
    }
    const app = await testApp(() => new App(new Root()));
    await app.settle();
    expect(app.work('root.work').calls).toEqual([[]]);
    expect(app.work('root.dict.a').calls).toEqual([['a']]);
    await app.patch([{ op: 'replace', path: '/vars/names', value: ['b'] }]);
    expect(app.work('root.dict.a').isUp).toBe(false);
    expect(app.work('root.dict.b').calls).toEqual([['b']]);
    expect(Object.keys((app.state as any).structures.dict.works)).toEqual(['b']);
    const again = await app.restart();
    await again.settle();
    expect(Object.keys((again.state as any).structures.dict.works)).toEqual(['b']);
    expect(again.work('root.dict.b').calls).toEqual([['b']]);
    expect(again.work('root.dict.b').attempt).toBe(2);
    await again.close();
  });
});
