import { describe, test } from 'vitest';
import { App, CloudCompute, Dict, Flow, isAppError, List, snapshot, Work } from 'stormkite';
import { testApp } from 'stormkite/testing';
import { codeOf, errorOf } from '../state/code-of.ts';

class Step extends Work {
  n = 0;
  run(): void {}
}

class Root extends Flow {
  value: unknown = null;
  w = new Step();
  run(): void {}
}

function opened(): Root {
  const root = new Root();
  new App(root);
  return root;
}

describe('the state document', () => {
  test('has the groups of its kind at every level', ({ expect }) => {
    class Inner extends Flow {
      y = 1;
      run(): void {}
    }
    class Outer extends Flow {
      x = { deep: [1] };
      inner = new Inner();
      w = new Step();
      d = new Dict<Step>({ k: new Step() });
      l = new List<Inner>([new Inner()]);
      run(): void {}
    }
    const root = new Outer();
    new App(root);
    const { state } = root;
    expect(Object.keys(state).toSorted()).toEqual([
      'calls',
      'changes',
      'flows',
      'structures',
      'vars',
      'works',
    ]);
    expect(state['vars']).toEqual({ x: { deep: [1] } });
    const work = (state['works'] as Record<string, Record<string, unknown>>)['w'];
    expect(Object.keys(work ?? {}).toSorted()).toEqual(['calls', 'changes', 'vars']);
    expect(work?.['calls']).toEqual({ latest_call_hash: null });
    const structures = state['structures'] as Record<string, Record<string, unknown>>;
    expect(Object.keys(structures['d'] ?? {}).toSorted()).toEqual(['flows', 'structures', 'works']);
    expect(Object.keys(structures['l']?.['flows'] as object)).toEqual(['0']);
    expect(root.inner.state).toEqual({
      vars: { y: 1 },
      calls: {},
      flows: {},
      works: {},
      structures: {},
      changes: {},
    });
  });

  test('of the app adds the stage', async ({ expect }) => {
    const app = await testApp(() => new App(new Root()));
    await app.settle();
    expect(app.state['app_state']).toEqual({ stage: 'running' });
    await app.close();
  });

  test('stateDict is the flow itself, and loadStateDict brings it back', ({ expect }) => {
    const root = opened();
    root.value = { a: [1] };
    const dict = root.stateDict();
    expect(dict).toEqual({ vars: { value: { a: [1] } }, calls: {} });
    root.value = null;
    root.loadStateDict(dict);
    expect(root.value).toEqual({ a: [1] });
    expect(codeOf(() => root.loadStateDict({ vars: { other: 1 } }))).toBe(
      'STATE_FIELD_NOT_DECLARED',
    );
  });

  test('snapshot gives a plain copy', ({ expect }) => {
    const root = opened();
    root.value = { a: [1] };
    const copy = snapshot(root.value) as { a: number[] };
    expect(structuredClone(copy)).toEqual({ a: [1] });
    copy.a.push(2);
    expect(root.value).toEqual({ a: [1] });
  });
});

describe('fields', () => {
  test('refuse every value that JSON cannot hold, with its path', ({ expect }) => {
    const root = opened();
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    const refused: [unknown, string][] = [
      [Number.NaN, 'root.value'],
      [Number.POSITIVE_INFINITY, 'root.value'],
      [10n, 'root.value'],
      [() => 1, 'root.value'],
      [Symbol('s'), 'root.value'],
      [{ at: new Date() }, 'root.value.at'],
      [{ at: [new Map()] }, 'root.value.at.0'],
      [new Set(), 'root.value'],
      [new (class Point {})(), 'root.value'],
      [cycle, 'root.value.self'],
      [{ at: undefined }, 'root.value.at'],
      [[undefined], 'root.value.0'],
      [new CloudCompute('gpu'), 'root.value'],
    ];
    for (const [value, at] of refused) {
      const error = errorOf(() => (root.value = value));
      expect(error.code).toBe('STATE_NOT_JSON');
      expect(error.at).toBe(at);
      expect(error.hint).not.toBe('');
    }
    expect(codeOf(() => (root.value = JSON.parse('{"__proto__":1}')))).toBe('STATE_KEY_FORBIDDEN');
    expect(root.value).toBeNull();
  });

  test('refuse them in constructors when the app is built', ({ expect }) => {
    class Bad extends Flow {
      when = new Date();
      run(): void {}
    }
    expect(errorOf(() => new App(new Bad())).at).toBe('root.when');
    class BadWork extends Work {
      seen = new Set<string>();
      run(): void {}
    }
    class Holder extends Flow {
      w = new BadWork();
      run(): void {}
    }
    expect(errorOf(() => new App(new Holder())).at).toBe('root.w.seen');
  });

  test('that are not declared are refused in flows and works', async ({ expect }) => {
    const root = opened();
    expect(errorOf(() => ((root as unknown as { other: number }).other = 1))).toMatchObject({
      code: 'STATE_FIELD_NOT_DECLARED',
      at: 'root.other',
    });
    expect(codeOf(() => ((root.w as unknown as { other: number }).other = 1))).toBe(
      'STATE_FIELD_NOT_DECLARED',
    );
    class Careless extends Flow {
      run(): void {
        (this as unknown as { late: number }).late = 1;
      }
    }
    const app = await testApp(() => new App(new Careless()));
    await app.settle();
    expect(isAppError(app.result?.error, 'STATE_FIELD_NOT_DECLARED')).toBe(true);
  });

  test('that hold undefined are declared but absent', ({ expect }) => {
    class Optional extends Work {
      token: string | undefined = undefined;
      run(): void {}
    }
    class Holder extends Flow {
      w = new Optional();
      run(): void {}
    }
    const root = new Holder();
    new App(root);
    const vars = (): Record<string, unknown> => root.w.state['vars'] as Record<string, unknown>;
    expect('token' in vars()).toBe(false);
    root.w.token = 'x';
    expect(vars()['token']).toBe('x');
    root.w.token = undefined;
    expect('token' in vars()).toBe(false);
  });

  test('copy what is assigned', ({ expect }) => {
    const root = opened();
    const original = { list: [1] };
    root.value = original;
    original.list.push(2);
    expect(root.value).toEqual({ list: [1] });
    (root.value as { list: number[] }).list.push(3);
    expect(root.state['vars']).toEqual({ value: { list: [1, 3] } });
  });

  test('with an underscore and #private ones are never state', async ({ expect }) => {
    class Private extends Flow {
      shown = 1;
      _cache = new Map<string, number>();
      #secret = new Date(0);
      run(): void {
        this._cache.set('a', 1);
        (this as unknown as { _new: unknown })._new = new Set();
        this.shown = this._cache.size + this.#secret.getTime();
      }
    }
    const app = await testApp(() => new App(new Private()));
    await app.settle();
    expect(app.result).toBeNull();
    expect(app.state['vars']).toEqual({ shown: 1 });
    await app.close();
  });

  test('of every level of inheritance, written in any style, are state; accessors and methods are not', ({
    expect,
  }) => {
    class Base extends Flow {
      base = 1;
      get double(): number {
        return this.base * 2;
      }
      set double(value: number) {
        this.base = value / 2;
      }
      run(): void {}
    }
    class Middle extends Base {
      declare plain: number;
      constructor() {
        super();
        this.plain = 2;
      }
      override run(): void {}
    }
    class Leaf extends Middle {
      leaf = 3;
      override base = 10;
    }
    const root = new Leaf();
    new App(root);
    expect(root.state['vars']).toEqual({ base: 10, plain: 2, leaf: 3 });
    root.double = 50;
    expect(root.base).toBe(25);
    expect(root.state['vars']).toEqual({ base: 25, plain: 2, leaf: 3 });
  });
});

describe('a class', () => {
  test('of works must define run as a method', ({ expect }) => {
    class NoRun extends (Work as unknown as new () => object) {}
    expect(codeOf(() => new NoRun())).toBe('WORK_NO_RUN');
    class FieldRun extends (Work as unknown as new () => object) {
      run = (): void => undefined;
    }
    expect(codeOf(() => new FieldRun())).toBe('WORK_NO_RUN');
    class FieldOverride extends (Step as unknown as new () => Work) {
      override run = (): void => undefined;
    }
    class Holder extends Flow {
      w = new FieldOverride();
      run(): void {}
    }
    expect(codeOf(() => new App(new Holder()))).toBe('STATE_NOT_JSON');
  });

  test('of flows needs run at the root only', ({ expect }) => {
    class NoRun extends (Flow as unknown as new () => object) {}
    class Holder extends Flow {
      group = new NoRun() as Flow;
      run(): void {}
    }
    expect(new App(new Holder()).flow.name).toBe('root');
    expect(codeOf(() => new App(new NoRun() as Flow))).toBe('APP_ROOT_NO_RUN');
    class FieldRun extends (Flow as unknown as new () => object) {
      run = (): void => undefined;
    }
    expect(codeOf(() => new App(new FieldRun() as Flow))).toBe('STATE_NOT_JSON');
  });

  test('is no root, nor is anything else that is no component', ({ expect }) => {
    for (const root of [Root, {}, null, undefined, 'root', new Dict()]) {
      expect(codeOf(() => new App(root as never))).toBe('APP_ROOT_INVALID');
    }
  });
});
