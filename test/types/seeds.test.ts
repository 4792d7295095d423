/** The examples of the seed documents, translated as a user would; they compile under our strict settings, and run. */
import { describe, expectTypeOf, test } from 'vitest';
import {
  App,
  BuildConfig,
  CloudCompute,
  Dict,
  Flow,
  ServerFrontend,
  StaticWebFrontend,
  Work,
  type Layout,
  type LayoutTab,
  type WorkStatus,
} from 'stormkite';
import { testApp } from 'stormkite/testing';

class Done extends Work {
  run() {}
}

describe('dynamic works (000)', () => {
  test('option 1: attach the component in run', async ({ expect }) => {
    class RootFlow extends Flow {
      work?: Done;
      run() {
        this.work ??= new Done();
        this.work.run();
      }
    }
    const app = await testApp(() => new App(new RootFlow()), { works: 'run' });
    await app.settle();
    expect(app.root.work?.hasSucceeded).toBe(true);
    await app.close();
  });

  test('option 2: use a Dict', async ({ expect }) => {
    class RootFlow extends Flow {
      dict = new Dict<Done>();
      run() {
        if (!('work' in this.dict)) this.dict['work'] = new Done();
        this.dict['work']?.run();
      }
    }
    const app = await testApp(() => new App(new RootFlow()), { works: 'run' });
    await app.settle();
    expect(app.root.dict['work']?.hasSucceeded).toBe(true);
    await app.close();
  });

  test('stop a work', async ({ expect }) => {
    class RootFlow extends Flow {
      work = new Done();
      run() {
        this.work.stop();
      }
    }
    const app = await testApp(() => new App(new RootFlow()), { works: 'run', startWithFlow: true });
    await app.settle();
    expect(app.root.work.hasStopped).toBe(true);
    await app.close();
  });

  test('a notebook for every request', async ({ expect }) => {
    class JupyterLabWork extends Work<{ cloudCompute: CloudCompute }> {
      token: string | null = null;
      constructor(props: { cloudCompute: CloudCompute }) {
        super({ parallel: true, ...props });
      }
      async run() {
        this.token = `token of ${this.name}`;
        await new Promise<void>((resolve) =>
          this.signal.addEventListener('abort', () => resolve()),
        );
      }
    }
    interface JupyterConfig {
      use_gpu: boolean;
      token: string | null;
      username: string;
      stop: boolean;
      ready?: boolean;
    }
    class JupyterLabManager extends Flow {
      jupyterWorks = new Dict<JupyterLabWork>();
      jupyterConfigRequests: JupyterConfig[] = [];
      run() {
        for (const [idx, config] of [...this.jupyterConfigRequests].entries()) {
          const { username } = config;
          if (!(username in this.jupyterWorks)) {
            config.ready = false;
            const cloudCompute = new CloudCompute(config.use_gpu ? 'gpu' : 'cpu-small');
            this.jupyterWorks[username] = new JupyterLabWork({ cloudCompute });
          }
          const work = this.jupyterWorks[username];
          work?.run();
          if (work?.token) config.token = work.token;
          if (config.stop) {
            work?.stop();
            this.jupyterConfigRequests.splice(idx, 1);
          }
        }
      }
      override configureLayout(): Layout {
        return new ServerFrontend({ command: ['streamlit', 'run', 'ui.py'] });
      }
    }
    const app = await testApp(() => new App(new JupyterLabManager()), { works: 'run' });
    const request = { use_gpu: true, token: null, username: 'tchaton', stop: false };
    await app.patch([{ op: 'replace', path: '/vars/jupyterConfigRequests', value: [request] }]);
    await app.advance('1 s');
    expect(app.root.jupyterConfigRequests[0]).toEqual({
      ...request,
      ready: false,
      token: 'token of root.jupyterWorks.tchaton',
    });
    expect(app.root.jupyterWorks['tchaton']?.cloudCompute.name).toBe('gpu');
    await app.patch([{ op: 'replace', path: '/vars/jupyterConfigRequests/0/stop', value: true }]);
    await app.advance('1 s');
    expect(app.root.jupyterConfigRequests).toEqual([]);
    expect(app.root.jupyterWorks['tchaton']?.hasStopped).toBe(true);
    expect(app.result).toBeNull();
    await app.close();
  });
});

describe('the API of a work (001)', () => {
  test('has every option, method and property', () => {
    class Everything extends Work<{ folder: string }> {
      constructor(props: { folder: string }) {
        super({
          parallel: false,
          cacheCalls: true,
          raiseException: true,
          host: '127.0.0.1',
          port: null,
          localBuildConfig: new BuildConfig(),
          cloudBuildConfig: new BuildConfig({ requirements: ['lodash@4'] }),
          cloudCompute: new CloudCompute(),
          startWithFlow: true,
          ...props,
        });
      }
      override get ignorePatterns(): readonly string[] {
        return ['*.tmp'];
      }
      override applyFlowDelta(delta: Parameters<Work['applyFlowDelta']>[0]) {
        super.applyFlowDelta(delta);
      }
      override configureLayout() {
        return new StaticWebFrontend(this.props.folder);
      }
      override onException(error: unknown) {
        console.error(error);
      }
      override onExit() {}
      run(..._args: (string | number)[]) {}
    }
    expectTypeOf<Everything>().toExtend<{
      cacheCalls: boolean;
      cloudBuildConfig: BuildConfig;
      cloudCompute: CloudCompute;
      displayName: string;
      hasFailed: boolean;
      hasStarted: boolean;
      hasStopped: boolean;
      hasSucceeded: boolean;
      hasTimeout: boolean;
      host: string;
      internalIp: string;
      isPending: boolean;
      isRunning: boolean;
      localBuildConfig: BuildConfig;
      name: string;
      numSuccesses: number;
      numTimeouts: number;
      parallel: boolean;
      port: number;
      publicIp: string;
      state: object;
      status: WorkStatus;
      statuses: readonly WorkStatus[];
      url: string;
      start(): void;
      stop(): void;
      delete(): void;
    }>();
    class Tabs extends Flow {
      child0 = new Everything({ folder: 'ui' });
      child1 = new Done();
      run() {}
      override configureLayout(): LayoutTab[] {
        return [
          { name: 'First Tab', content: this.child0 },
          { name: 'Second Tab', content: this.child1 },
          { name: 'Lightning', content: 'https://lightning.ai' },
        ];
      }
    }
    expectTypeOf<Tabs>().toExtend<Flow>();
  });
});

describe('communication (002)', () => {
  test("the counter of a work is seen by the flow, and the flow's own writes stay there", async ({
    expect,
  }) => {
    class WorkCounter extends Work {
      counter = 0;
      constructor() {
        super({ parallel: true });
      }
      run() {
        for (let i = 0; i < 1_000; i += 1) this.counter += 1;
      }
    }
    const printed: number[] = [];
    class Counts extends Flow {
      w = new WorkCounter();
      run() {
        this.w.run();
        printed.push(this.w.counter);
      }
    }
    const app = await testApp(() => new App(new Counts()), { works: 'run' });
    await app.settle();
    expect(printed[0]).toBe(0);
    expect(printed.at(-1)).toBe(1_000);
    await app.close();
  });
});

describe('caching (003, 004)', () => {
  test('by default a work runs once for the same arguments, outside an app too', ({ expect }) => {
    for (const [cacheCalls, expected] of [
      [true, [1, 10]],
      [false, [1, 1, 1, 1, 1, 10]],
    ] as const) {
      const lines: unknown[] = [];
      class ExampleWork extends Work<object> {
        run(props: { value: number }) {
          lines.push(props.value);
        }
      }
      const work = new ExampleWork({ cacheCalls });
      for (let i = 0; i < 5; i += 1) work.run({ value: 1 });
      work.run({ value: 10 });
      expect(lines).toEqual(expected);
    }
  });

  test('once a day, no more', async ({ expect }) => {
    const days: string[] = [];
    class DataProcessor extends Work {
      data = '';
      run(today: string) {
        days.push(`process ${today}`);
        this.data = `data of ${today}`;
      }
    }
    class TrainModel extends Work {
      run(data: string) {
        days.push(`train on ${data}`);
      }
    }
    let now = (): number => 0;
    class Daily extends Flow {
      dataProcessor = new DataProcessor();
      trainModel = new TrainModel();
      run() {
        const today = new Date(now()).toISOString().slice(0, 10);
        this.dataProcessor.run(today);
        this.trainModel.run(this.dataProcessor.data);
      }
    }
    const app = await testApp(() => new App(new Daily()), { works: 'run' });
    now = () => app.clock.now();
    await app.advance('36 hours');
    expect(days).toEqual([
      'process 2026-01-01',
      'train on data of 2026-01-01',
      'process 2026-01-02',
      'train on data of 2026-01-02',
    ]);
    await app.close();
  });
});
