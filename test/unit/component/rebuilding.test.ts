import { describe, test } from 'vitest';
import { App, BuildConfig, CloudCompute, Dict, Flow, isAppError, Work } from 'stormkite';
import { testApp } from 'stormkite/testing';
import { openWorkProcess } from '../../../runtime/component/process-side.ts';
import type { WorkSpec } from '../../../runtime/protocol/work-spec.ts';
import { codeOf } from '../state/code-of.ts';
import { plainHardware } from '../../support/plain-hardware.ts';

/** Attaches what a function makes, in an app whose module exports the given classes. */
async function attach(make: () => Work<object> | Flow<object>, exports: Record<string, unknown>) {
  class Root extends Flow {
    d = new Dict<Work<object>>();
    run(): void {
      this.d['a'] ??= make() as Work<object>;
    }
  }
  const app = await testApp(() => new App(new Root()), { exports });
  await app.settle();
  return app;
}

async function codeOfAttaching(
  make: () => Work<object> | Flow<object>,
  exports: Record<string, unknown>,
) {
  const { result } = await attach(make, exports);
  return isAppError(result?.error) ? result.error.code : null;
}

describe('a work attached at run time', () => {
  test('is refused when its constructor takes positional arguments', async ({ expect }) => {
    class Two extends Work {
      constructor(_a: string, _b: string) {
        super();
      }
      run(): void {}
    }
    class One extends Work {
      label: string;
      constructor(label: string) {
        super();
        this.label = label;
      }
      run(): void {}
    }
    class OneWithOptions extends Work {
      label: string;
      constructor(label: string) {
        super({ parallel: true });
        this.label = label;
      }
      run(): void {}
    }
    class Strict extends Work<{ size: number }> {
      constructor(size: number) {
        if (typeof size !== 'number') throw new TypeError('size must be a number');
        super({ size });
      }
      run(): void {}
    }
    class Wrapping extends Work<{ size: number }> {
      constructor(size: number) {
        super({ size });
      }
      run(): void {}
    }
    for (const [name, make, type] of [
      ['Two', () => new Two('a', 'b'), Two],
      ['One', () => new One('a'), One],
      ['OneWithOptions', () => new OneWithOptions('a'), OneWithOptions],
      ['Strict', () => new Strict(1), Strict],
      ['Wrapping', () => new Wrapping(1), Wrapping],
    ] as const) {
      expect(await codeOfAttaching(make, { [name]: type }), name).toBe('WORK_NOT_REBUILDABLE');
    }
  });

  test('is accepted with the props that its constructor passes on', async ({ expect }) => {
    class Props extends Work<{ lr?: number; name?: string }> {
      size: number;
      constructor(props: { lr?: number; name?: string } = {}) {
        super({ parallel: true, ...props });
        this.size = props.lr ?? 1;
      }
      run(): void {}
    }
    class Defaults extends Work {
      constructor(_label = 'x') {
        super();
      }
      run(): void {}
    }
    expect(await codeOfAttaching(() => new Props({ lr: 2 }), { Props })).toBeNull();
    expect(await codeOfAttaching(() => new Props(), { Props })).toBeNull();
    expect(await codeOfAttaching(() => new Defaults(), { Defaults })).toBeNull();
  });

  test('needs a class that its process finds again', async ({ expect }) => {
    class Hidden extends Work {
      run(): void {}
    }
    expect(await codeOfAttaching(() => new Hidden(), {})).toBe('WORK_CLASS_UNKNOWN');
    expect(await codeOfAttaching(() => new Hidden(), { Another: Hidden })).toBeNull();
    class Listed extends Flow {
      w?: Hidden;
      run(): void {
        this.w ??= new Hidden();
      }
    }
    const listed = await testApp(() => new App(new Listed(), { works: [Hidden] }), { exports: {} });
    await listed.settle();
    expect(listed.result).toBeNull();
    class Constructed extends Flow {
      one = new Hidden();
      w?: Hidden;
      run(): void {
        this.w ??= new Hidden();
      }
    }
    const constructed = await testApp(() => new App(new Constructed()), { exports: {} });
    await constructed.settle();
    expect(constructed.result).toBeNull();
    const again = await constructed.restart();
    await again.settle();
    expect(again.root.w).toBeInstanceOf(Hidden);
  });

  test('is found by its class also when the work that showed the class was replaced', async ({
    expect,
  }) => {
    class A extends Work {
      run(): void {}
    }
    class B extends Work {
      run(): void {}
    }
    class Root extends Flow {
      w: Work = new A();
      d = new Dict<Work>();
      step = 0;
      run(): void {
        if (this.step === 1) {
          this.w.delete();
          this.w = new B();
          this.d['a'] ??= new A();
        }
      }
    }
    const app = await testApp(() => new App(new Root()), { exports: { B } });
    await app.settle();
    await app.patch([{ op: 'replace', path: '/vars/step', value: 1 }]);
    const again = await app.restart();
    await again.settle();
    expect(again.root.w).toBeInstanceOf(B);
    expect(again.root.d['a']).toBeInstanceOf(A);
    await again.close();
  });

  test('keeps hardware and build configuration in its props, at any depth', async ({ expect }) => {
    interface Plan {
      on: CloudCompute;
      build?: BuildConfig;
      more?: { steps: CloudCompute[]; n: number }[];
    }
    class Planned extends Work<Plan> {
      constructor(props: Plan) {
        super({ parallel: true, cloudCompute: props.on, ...props });
      }
      run(): void {}
    }
    const plan: Plan = {
      on: new CloudCompute('gpu', {
        diskSize: 80,
        idleTimeout: '5 minutes',
        interruptible: true,
        shmSize: 512,
      }),
      build: new BuildConfig({
        requirements: ['lodash@4'],
        image: 'node:20',
        buildCommands: ['ls'],
      }),
      more: [
        { steps: [new CloudCompute({ instanceType: 'g6e.xlarge', idleTimeout: null })], n: 1 },
      ],
    };
    const app = await attach(() => new Planned(plan), { Planned });
    const again = await app.restart();
    await again.settle();
    const work = again.component('root.d.a') as Planned;
    expect(work.props).toEqual({ parallel: true, cloudCompute: plan.on, ...plan });
    expect(work.cloudCompute).toBeInstanceOf(CloudCompute);
    expect(work.props.more?.[0]?.steps[0]?.idleTimeoutMs).toBeNull();
    expect(Object.isFrozen(work.props)).toBe(true);
    await again.close();
  });

  test('does not share its props with who made it', ({ expect }) => {
    class Plain extends Work<{ list: number[] }> {
      run(): void {}
    }
    const list = [1];
    const work = new Plain({ list });
    list.push(2);
    expect(work.props.list).toEqual([1]);
  });
});

describe('a flow attached at run time', () => {
  test('is refused with components that its constructor does not build', async ({ expect }) => {
    class Step extends Work {
      run(): void {}
    }
    class Group extends Flow {
      d = new Dict<Step>();
      run(): void {}
    }
    const full = (): Group => {
      const group = new Group();
      group.d['x'] = new Step();
      return group;
    };
    expect(await codeOfAttaching(full, { Step, Group })).toBe('WORK_NOT_REBUILDABLE');
    expect(await codeOfAttaching(() => new Group(), { Step, Group })).toBeNull();
    class Positional extends Flow {
      label: string;
      constructor(label: string) {
        super();
        this.label = label;
      }
      run(): void {}
    }
    expect(await codeOfAttaching(() => new Positional('x'), { Positional })).toBe(
      'WORK_NOT_REBUILDABLE',
    );
  });
});

describe('the process of a work', () => {
  class Step extends Work {
    run(): void {}
  }
  class Root extends Flow {
    w = new Step();
    run(): void {}
  }
  const life = { signal: () => new AbortController().signal, attempt: () => 1, claimPort: () => 0 };
  const spec: WorkSpec = {
    app: 'test',
    work: 'root.w',
    epoch: 1,
    seq: 0,
    vars: {},
    definitions: [],
    tree: ['root', 'root.w'],
    env: {},
    secrets: {},
    ...plainHardware,
  };

  test('refuses another tree than that of the flow', ({ expect }) => {
    const open = (changed: Partial<WorkSpec>): unknown =>
      openWorkProcess(new App(new Root()), {}, { ...spec, ...changed }, life);
    expect(codeOf(() => open({ tree: ['root', 'root.w', 'root.x'] }))).toBe('WORK_TREE_DIFFERS');
    expect(codeOf(() => open({ tree: ['root'] }))).toBe('WORK_TREE_DIFFERS');
    expect(codeOf(() => open({ work: 'root.d.gone' }))).toBe('WORK_TREE_DIFFERS');
    expect(codeOf(() => open({ work: 'root' }))).toBe('WORK_UNKNOWN');
    const definitions = [
      { name: 'root.x', kind: 'work', ref: { by: 'export', name: 'Gone' } },
    ] as const;
    expect(codeOf(() => open({ definitions }))).toBe('WORK_CLASS_UNKNOWN');
  });

  test('only there does run() run, and start and stop are refused', ({ expect }) => {
    const app = new App(new Root());
    openWorkProcess(app, {}, spec, life);
    expect(app.root.w.run()).toBeUndefined();
    expect(codeOf(() => app.root.w.stop())).toBe('WORK_ONLY_FROM_FLOW');
    expect(codeOf(() => (app.root.w.displayName = 'late'))).toBe('WORK_DISPLAY_NAME_FIXED');
  });
});
