import { describe, test } from 'vitest';
import { App, CloudCompute, Dict, Flow, isAppError, Work } from 'stormkite';
import { testApp } from 'stormkite/testing';
import { stagesOf } from '../loop/step.ts';

/** What the works of this file were seen doing. */
const lines: string[] = [];

class Train extends Work<{ lr?: number; raiseException?: boolean }> {
  loss: number | null = null;
  epoch = 0;
  best: string[] = [];
  startedAs = '';
  #secret = new Map<string, number>();
  constructor(props: { lr?: number; raiseException?: boolean } = {}) {
    super({ parallel: true, cloudCompute: new CloudCompute('gpu'), ...props });
  }
  override onStart(): void {
    this.startedAs = this.name;
  }
  async run(dataset: string): Promise<void> {
    for (this.epoch = 1; this.epoch <= 3; this.epoch += 1) {
      this.#secret.set(dataset, this.epoch);
      this.loss = (this.props.lr ?? 1) / this.epoch;
      this.best.push(`${dataset}:${this.#secret.get(dataset)}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

describe('works that run their own code in a test', () => {
  test('stream their fields, keep what is #private, and are isolated from the flow', async ({
    expect,
  }) => {
    const losses: (number | null)[] = [];
    class Root extends Flow {
      train = new Train({ lr: 6 });
      extra = new Dict<Train>();
      run(): void {
        this.train.run('a');
        if (losses.at(-1) !== this.train.loss) losses.push(this.train.loss);
        if (this.train.hasSucceeded) (this.extra['b'] ??= new Train({ lr: 2 })).run('b');
        if (this.extra['b']?.hasSucceeded) this.stop('done');
      }
    }
    const app = await testApp(() => new App(new Root()), { works: 'run' });
    await app.until(() => app.result !== null);
    expect(app.result).toEqual({ stage: 'stopped', message: 'done' });
    expect(losses).toEqual([null, 6, 3, 2]);
    expect(app.root.train).toMatchObject({
      epoch: 4,
      best: ['a:1', 'a:2', 'a:3'],
      startedAs: 'root.train',
    });
    expect(app.root.extra['b']).toMatchObject({
      loss: 2 / 3,
      best: ['b:1', 'b:2', 'b:3'],
      startedAs: 'root.extra.b',
    });
    expect(stagesOf(app, 'root.train')).toEqual([
      'pending',
      'running',
      'succeeded',
      'stopped:app_ended',
    ]);
  });

  test("start a call from the newest fields, the flow's among them", async ({ expect }) => {
    class Adds extends Work {
      total = 0;
      constructor() {
        super({ parallel: true });
      }
      run(n: number): void {
        this.total += n;
      }
    }
    class Root extends Flow {
      w = new Adds();
      run(): void {
        this.w.total ||= 100;
        for (const n of [1, 2, 3]) this.w.run(n);
      }
    }
    const app = await testApp(() => new App(new Root(), { idleTurn: null }), { works: 'run' });
    await app.settle();
    expect(app.root.w.total).toBe(106);
    expect(app.root.w.numSuccesses).toBe(3);
    await app.close();
  });

  test('that throw fail with their stack, or as their onException wants it', async ({ expect }) => {
    class Throws extends Work<{ handle: 'not' | 'swallow' | 'change' }> {
      tidied = false;
      constructor(props: { handle: 'not' | 'swallow' | 'change' }) {
        super({ parallel: true, ...props });
      }
      override onException(error: unknown): void {
        this.tidied = true;
        if (this.props.handle === 'swallow') return;
        if (this.props.handle === 'change') throw new TypeError('changed', { cause: error });
        super.onException(error);
      }
      run(): void {
        throw new RangeError('too large');
      }
    }
    for (const [handle, name] of [
      ['not', 'RangeError'],
      ['change', 'TypeError'],
      ['swallow', null],
    ] as const) {
      class Root extends Flow {
        w = new Throws({ handle });
        run(): void {
          this.w.run();
        }
      }
      const app = await testApp(() => new App(new Root(), { idleTurn: null }), { works: 'run' });
      await app.settle();
      expect(app.root.w).toMatchObject({ hasFailed: true, tidied: true });
      if (name === null) expect(app.result).toBeNull();
      else expect(app.result?.error).toMatchObject({ code: 'WORK_FAILED', cause: { name } });
      await app.close();
    }
  });

  test('that return a value fail with a hint', async ({ expect }) => {
    class Returns extends Work {
      run(): void {
        return 5 as never;
      }
    }
    class Root extends Flow {
      w = new Returns();
      run(): void {
        this.w.run();
      }
    }
    const app = await testApp(() => new App(new Root()), { works: 'run' });
    await app.settle();
    expect(stagesOf(app, 'root.w')[2]).toBe('failed:invalid_return_value');
    expect(app.result?.error).toMatchObject({ cause: { code: 'WORK_RETURNED_VALUE' } });
  });

  test('whose onStart throws fail', async ({ expect }) => {
    class Broken extends Work {
      override async onStart(): Promise<void> {
        throw new Error('no model');
      }
      run(): void {}
    }
    class Root extends Flow {
      w = new Broken();
      run(): void {
        this.w.run();
      }
    }
    const app = await testApp(() => new App(new Root()), { works: 'run' });
    await app.settle();
    expect(isAppError(app.result?.error, 'WORK_FAILED')).toBe(true);
    expect((app.result?.error as Error).message).toContain('no model');
  });

  test('are asked to stop: the signal is aborted, what they throw then is stopped, onExit runs', async ({
    expect,
  }) => {
    class Serves extends Work {
      state2 = 'new';
      constructor() {
        super({ parallel: true });
      }
      override onException(): void {
        lines.push('onException');
      }
      override onExit(): void {
        lines.push('onExit');
        this.state2 = 'exited';
      }
      async run(): Promise<void> {
        this.state2 = 'serving';
        await new Promise((_, reject) => {
          this.signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
        });
      }
    }
    class Root extends Flow {
      w = new Serves();
      end = false;
      run(): void {
        this.w.run();
        if (this.end) this.w.stop();
      }
    }
    lines.length = 0;
    const app = await testApp(() => new App(new Root(), { idleTurn: null }), { works: 'run' });
    await app.settle();
    expect(app.root.w.state2).toBe('serving');
    await app.patch([{ op: 'replace', path: '/vars/end', value: true }]);
    expect(lines).toEqual(['onExit']);
    expect(app.root.w).toMatchObject({ state2: 'exited', hasStopped: true, hasFailed: false });
    expect(app.result).toBeNull();
    await app.close();
  });

  test('that ignore it are killed after the grace', async ({ expect }) => {
    class Ignores extends Work {
      constructor() {
        super({ parallel: true });
      }
      run(): Promise<void> {
        return new Promise(() => undefined);
      }
    }
    class Root extends Flow {
      w = new Ignores();
      end = false;
      run(): void {
        this.w.run();
        if (this.end) this.stop('enough');
      }
    }
    const app = await testApp(() => new App(new Root(), { idleTurn: null }), { works: 'run' });
    await app.settle();
    await app.patch([{ op: 'replace', path: '/vars/end', value: true }]);
    expect(app.result).toBeNull();
    await app.advance('10 s');
    expect(app.result).toEqual({ stage: 'stopped', message: 'enough' });
  });

  test('announce the port that they ask for', async ({ expect }) => {
    class Serves extends Work {
      asked = 0;
      run(): void {
        this.asked = this.port;
      }
    }
    class Root extends Flow {
      w = new Serves();
      run(): void {
        this.w.run();
      }
    }
    const app = await testApp(() => new App(new Root(), { idleTurn: null }), { works: 'run' });
    await app.settle();
    expect(app.root.w.asked).toBeGreaterThan(0);
    expect(app.root.w.port).toBe(app.root.w.asked);
    expect(app.root.w.internalIp).toBe('127.0.0.1');
    await app.close();
  });
});

describe('a work as the root of an app', () => {
  test('runs once, also when its calls are not cached', async ({ expect }) => {
    let runs = 0;
    class Once extends Work {
      constructor() {
        super({ cacheCalls: false });
      }
      run(): void {
        runs += 1;
      }
    }
    const app = await testApp(() => new App(new Once()), { works: 'run' });
    await app.advance('1 minute');
    expect(app.result).toMatchObject({ stage: 'stopped' });
    expect(runs).toBe(1);
  });

  test('runs once, is stopped when it has succeeded, and ends the app', async ({ expect }) => {
    for (const parallel of [true, false]) {
      class Prints extends Work {
        printed = 0;
        constructor() {
          super({ parallel });
        }
        run(): void {
          this.printed += 1;
        }
      }
      const app = await testApp(() => new App(new Prints()), { works: 'run', startWithFlow: true });
      await app.until(() => app.result !== null);
      expect(app.result?.stage).toBe('stopped');
      expect(app.root).toBeInstanceOf(Prints);
      expect(app.root.name).toBe('root.work');
      expect(app.root.printed).toBe(1);
      expect(app.root).toMatchObject({ hasSucceeded: true, hasStopped: true });
    }
  });

  test('fails the app when it fails', async ({ expect }) => {
    class Fails extends Work<object> {
      run(): void {
        throw new Error('no');
      }
    }
    const app = await testApp(() => new App(new Fails()), { works: 'run' });
    await app.settle();
    expect(app.result).toMatchObject({ stage: 'failed', error: { code: 'WORK_FAILED' } });
    const lenient = await testApp(() => new App(new Fails({ raiseException: false })), {
      works: 'run',
    });
    await lenient.settle();
    expect(lenient.result).toMatchObject({ stage: 'failed', message: 'root.work failed' });
  });
});
