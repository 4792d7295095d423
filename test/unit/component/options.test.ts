import { describe, test, vi } from 'vitest';
import { App, BuildConfig, CloudCompute, Flow, isAppError, Work } from 'stormkite';
import { testApp } from 'stormkite/testing';
import { codeOf } from '../state/code-of.ts';

class Step extends Work<object> {
  run(): void {}
}

describe('a budget', () => {
  class Small extends Work<object> {
    constructor(dollarsPerDay: number) {
      super({ budget: { dollarsPerDay } });
    }
    run(): void {}
  }
  class Root extends Flow {
    small = new Small(2.5);
    run(): void {}
  }

  test('is an option of an app and of a work', ({ expect }) => {
    const app = new App(new Root(), { budget: { dollarsPerDay: 5 } });
    expect(app.options.budget).toEqual({ dollarsPerDay: 5 });
    expect(new App(new Root()).options.budget).toBeNull();
  });

  test('is a number of dollars that is not negative', ({ expect }) => {
    expect(codeOf(() => new Small(-1))).toBe('APP_OPTION_INVALID');
    expect(codeOf(() => new Small(Number.NaN))).toBe('APP_OPTION_INVALID');
    expect(codeOf(() => new App(new Root(), { budget: 5 as never }))).toBe('APP_OPTION_INVALID');
  });
});

describe('options of a work', () => {
  test('have their defaults', ({ expect }) => {
    const work = new Step();
    expect(work.parallel).toBe(false);
    expect(work.cacheCalls).toBe(true);
    expect(work.raiseException).toBe(true);
    expect(work.host).toBe('127.0.0.1');
    expect(work.port).toBe(0);
    expect(work.cloudCompute.name).toBe('default');
    expect(work.localBuildConfig).toBeInstanceOf(BuildConfig);
    expect(work.cloudBuildConfig.requirements).toEqual([]);
    expect(work.ignorePatterns).toEqual([]);
    expect(work.status).toEqual({ stage: 'not_started', timestamp: 0 });
    expect(work.statuses).toEqual([]);
    expect([work.url, work.internalIp, work.publicIp, work.name, work.displayName]).toEqual([
      '',
      '',
      '',
      '',
      '',
    ]);
    expect([
      work.hasStarted,
      work.hasStopped,
      work.hasSucceeded,
      work.hasFailed,
      work.hasTimeout,
    ]).toEqual(Array(5).fill(false));
    expect([work.isRunning, work.isPending]).toEqual([false, false]);
    expect([work.numSuccesses, work.numTimeouts, work.attempt]).toEqual([0, 0, 1]);
    expect(work.signal.aborted).toBe(false);
    expect(work.props).toEqual({});
  });

  test('that cannot be are refused', ({ expect }) => {
    const bad: object[] = [
      { parallel: 'yes' },
      { cacheCalls: 1 },
      { raiseException: null },
      { startWithFlow: 'yes' },
      { port: -1 },
      { port: 70_000 },
      { port: 1.5 },
      { port: '80' },
      { host: 5 },
      { host: '' },
      { timeout: -1 },
      { timeout: 'soon' },
      { timeout: Number.NaN },
      { cloudCompute: 'gpu' },
      { cloudBuildConfig: { image: 'x' } },
      { env: { 'A-B': 'x' } },
      { env: { A: 5 } },
      { secrets: { A: 'the secret itself' } },
      { secrets: { '': 'env:A' } },
    ];
    for (const options of bad) {
      expect(
        codeOf(() => new Step(options)),
        JSON.stringify(options),
      ).toBe('APP_OPTION_INVALID');
    }
    expect(codeOf(() => new Step({ on: () => 1 } as object))).toBe('STATE_NOT_JSON');
    expect(codeOf(() => new Step({ at: new Date() } as object))).toBe('STATE_NOT_JSON');
    expect(new Step({ port: 0 }).port).toBe(0);
    expect(new Step({ port: 8080, host: '0.0.0.0' }).host).toBe('0.0.0.0');
  });

  test('an error about a secret does not show it', ({ expect }) => {
    let text = '';
    try {
      new Step({ secrets: { KEY: 'sk-123456' } });
    } catch (error) {
      text = isAppError(error) ? `${error.message} ${error.hint}` : '';
    }
    expect(text).toContain('Step.secrets.KEY');
    expect(text).not.toContain('sk-123456');
  });

  test('runOnce is cacheCalls under its old name, with one warning for each class', ({
    expect,
  }) => {
    const warn = vi.spyOn(console, 'warn').mockReturnValue();
    try {
      class Old extends Work<object> {
        run(): void {}
      }
      expect(new Old({ runOnce: false }).cacheCalls).toBe(false);
      expect(new Old({ runOnce: true, cacheCalls: false }).cacheCalls).toBe(true);
      expect(warn).toHaveBeenCalledOnce();
    } finally {
      warn.mockRestore();
    }
  });

  test('a display name stands until the work has started', async ({ expect }) => {
    class Named extends Work {
      constructor() {
        super({ parallel: true });
        this.displayName = 'The trainer';
      }
      run(): void {}
    }
    class Root extends Flow {
      w = new Named();
      x = new Named();
      run(): void {
        this.x.displayName = 'Another';
        this.w.run();
      }
    }
    const app = await testApp(() => new App(new Root()));
    await app.turn();
    expect(app.root.w.displayName).toBe('The trainer');
    expect(app.root.x.displayName).toBe('Another');
    expect(app.state).toMatchObject({ works: { w: { vars: { _display_name: 'The trainer' } } } });
    app.root.w.displayName = 'The trainer';
    expect(codeOf(() => (app.root.w.displayName = 'Late'))).toBe('WORK_DISPLAY_NAME_FIXED');
    await app.close();
  });
});

describe('options of an app', () => {
  class Root extends Flow {
    run(): void {}
  }

  test('have their defaults, and those that cannot be are refused', ({ expect }) => {
    const { options } = new App(new Root());
    expect(options).toMatchObject({
      logLevel: 'info',
      rootPath: '',
      works: [],
      idleTurnMs: 60_000,
    });
    expect(new App(new Root(), { idleTurn: null }).options.idleTurnMs).toBeNull();
    expect(new App(new Root(), { idleTurn: '1h30m' }).options.idleTurnMs).toBe(5_400_000);
    expect(codeOf(() => new App(new Root(), { logLevel: 'loud' as never }))).toBe(
      'APP_OPTION_INVALID',
    );
    expect(codeOf(() => new App(new Root(), { idleTurn: 'never' }))).toBe('APP_OPTION_INVALID');
  });

  test('a method that needs a running app says so', ({ expect }) => {
    const root = new Root();
    new App(root);
    expect(codeOf(() => root.stop())).toBe('FLOW_NOT_RUNNING');
    expect(codeOf(() => root.fail())).toBe('FLOW_NOT_RUNNING');
    expect(codeOf(() => root.schedule('hourly'))).toBe('FLOW_NOT_RUNNING');
    expect(codeOf(() => root.iterate([1]))).toBe('FLOW_NOT_RUNNING');
    const work = new Step();
    expect(codeOf(() => work.start())).toBe('WORK_ONLY_FROM_FLOW');
    expect(codeOf(() => work.stop())).toBe('WORK_ONLY_FROM_FLOW');
    expect(codeOf(() => work.delete())).toBe('WORK_ONLY_FROM_FLOW');
  });
});

describe('hardware of works attached at run time', () => {
  class Gpu extends Work<{ on: CloudCompute }> {
    constructor(props: { on: CloudCompute }) {
      super({ parallel: true, cloudCompute: props.on, ...props });
    }
    run(): void {}
  }
  const rootOf = (on: () => CloudCompute) =>
    class extends Flow {
      first = new Gpu({ on: new CloudCompute({ instanceType: 'g6e.xlarge' }) });
      w?: Gpu;
      run(): void {
        this.w ??= new Gpu({ on: on() });
      }
    };

  test('is warned about once when a deployed app would not have it', async ({ expect }) => {
    const Root = rootOf(() => new CloudCompute({ instanceType: 'p5.48xlarge' }));
    const app = await testApp(() => new App(new Root()));
    await app.settle();
    expect(app.warnings).toHaveLength(1);
    expect(app.warnings[0]).toContain("new CloudCompute({ instanceType: 'p5.48xlarge' })");
    await app.close();
  });

  test('may be what a constructed work uses, what is listed, or a named class that is not excluded', async ({
    expect,
  }) => {
    const cases = [
      [new CloudCompute({ instanceType: 'g6e.xlarge' }), undefined, 0],
      [new CloudCompute('gpu'), undefined, 0],
      [new CloudCompute('gpu'), [new CloudCompute('cpu-small')], 1],
      [new CloudCompute('gpu'), [new CloudCompute('gpu')], 0],
      [
        new CloudCompute({ instanceType: 'p5.48xlarge' }),
        [new CloudCompute({ instanceType: 'p5.48xlarge' })],
        0,
      ],
    ] as const;
    for (const [on, hardware, warnings] of cases) {
      const Root = rootOf(() => on);
      const app = await testApp(() => new App(new Root(), hardware ? { hardware } : {}));
      await app.settle();
      expect(app.warnings, on.name).toHaveLength(warnings);
      await app.close();
    }
  });
});
