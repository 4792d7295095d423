import { describe, test } from 'vitest';
import { App, Dict, Flow, List, Work } from 'stormkite';
import { testApp } from 'stormkite/testing';
import { codeOf } from '../state/code-of.ts';

class Step extends Work {
  n = 0;
  constructor() {
    super({ parallel: true });
  }
  run(..._args: unknown[]): void {}
}

class Holder extends Flow {
  d = new Dict<Step>();
  l = new List<Step>();
  run(): void {}
}

function opened(): Holder {
  const root = new Holder();
  new App(root);
  return root;
}

describe('a Dict', () => {
  test('answers in, keys, entries, iteration and delete', ({ expect }) => {
    const { d } = opened();
    const [a, b] = [new Step(), new Step()];
    d['a'] = a;
    d['ключ 1'] = b;
    expect('a' in d).toBe(true);
    expect('b' in d).toBe(false);
    expect('toString' in d).toBe(false);
    expect(d['b']).toBeUndefined();
    expect(Object.keys(d)).toEqual(['a', 'ключ 1']);
    expect(Object.entries(d)).toEqual([
      ['a', a],
      ['ключ 1', b],
    ]);
    expect([...d].map(([key]) => key)).toEqual(['a', 'ключ 1']);
    expect({ ...d }).toEqual({ a, 'ключ 1': b });
    expect(b.name).toBe('root.d.ключ 1');
    delete d['a'];
    expect(Object.keys(d)).toEqual(['ключ 1']);
    delete d['a'];
  });

  test('shows its members as JSON', ({ expect }) => {
    const { d } = opened();
    d['a'] = new Step();
    const text = JSON.parse(JSON.stringify(d));
    expect(Object.keys(text)).toEqual(['a']);
    expect(text.a.vars.n).toBe(0);
  });

  test('refuses keys that could not be names', ({ expect }) => {
    const { d } = opened();
    for (const key of [
      '',
      'a.b',
      'a/b',
      'a\nb',
      '\u007f',
      '\u0085',
      'x'.repeat(129),
      '__proto__',
      'constructor',
      'prototype',
      'then',
    ]) {
      expect(
        codeOf(() => (d[key] = new Step())),
        JSON.stringify(key),
      ).toBe('COMPONENT_KEY_INVALID');
      expect(codeOf(() => new Dict(Object.fromEntries([[key, new Step()]])))).toBe(
        'COMPONENT_KEY_INVALID',
      );
    }
    for (const key of [
      'x'.repeat(128),
      'with space',
      'é',
      '😀',
      'a~b',
      '%2F',
      'toString',
      'length',
      '0',
    ]) {
      d[key] = new Step();
      expect(d[key]?.name).toBe(`root.d.${key}`);
    }
    expect(({} as Record<string, unknown>)['n']).toBeUndefined();
  });

  test('takes components only', ({ expect }) => {
    const { d, l } = opened();
    expect(codeOf(() => (d['a'] = 5 as never))).toBe('COMPONENT_EXPECTED');
    expect(codeOf(() => (d['a'] = Step as never))).toBe('COMPONENT_EXPECTED');
    expect(codeOf(() => l.push({} as never))).toBe('COMPONENT_EXPECTED');
  });

  test('a member that is overwritten or deleted is deleted for good', async ({ expect }) => {
    class Root extends Holder {
      version = 1;
      #built = 0;
      override run(): void {
        if (this.#built !== this.version) this.d['a'] = new Step();
        this.#built = this.version;
        this.d['a']?.run();
      }
    }
    const app = await testApp(() => new App(new Root()));
    await app.settle();
    const first = app.root.d['a'];
    app.work('root.d.a').set({ n: 7 });
    await app.settle();
    await app.patch([{ op: 'replace', path: '/vars/version', value: 2 }]);
    const second = app.root.d['a'];
    expect(second).not.toBe(first);
    expect(second?.n).toBe(0);
    expect(codeOf(() => first?.run())).toBe('WORK_DELETED');
    expect(codeOf(() => first?.start())).toBe('WORK_DELETED');
    expect(codeOf(() => first?.stop())).toBe('WORK_DELETED');
    expect(codeOf(() => first?.delete())).toBe('WORK_DELETED');
    expect(app.work('root.d.a').launches).toBe(2);
    expect(app.work('root.d.a').initialVars['n']).toBe(0);
    expect(app.root.d['a']?.status.stage).toBe('running');
    await app.close();
  });
});

describe('a List', () => {
  test('reads like an array', ({ expect }) => {
    const { l } = opened();
    const [a, b, c] = [new Step(), new Step(), new Step()];
    expect(l.push(a, b)).toBe(2);
    l.push(c);
    expect(l.length).toBe(3);
    expect([l[0], l[1], l[2], l[3]]).toEqual([a, b, c, undefined]);
    expect(l.at(-1)).toBe(c);
    expect([...l]).toEqual([a, b, c]);
    expect(l.map((step) => step.name)).toEqual(['root.l.0', 'root.l.1', 'root.l.2']);
    expect(l.filter((step) => step !== b)).toEqual([a, c]);
    expect(l.includes(b)).toBe(true);
    expect(0 in l).toBe(true);
    expect(3 in l).toBe(false);
    expect(Object.keys(l)).toEqual(['0', '1', '2']);
    expect(l.remove(b)).toBe(true);
    expect(l.remove(b)).toBe(false);
    expect(l[1]).toBe(c);
    expect(c.name).toBe('root.l.2');
    expect(codeOf(() => ((l as unknown as Step[])[0] = b))).toBe('COMPONENT_REASSIGNED');
  });
});

describe('nested structures', () => {
  test('are visible from the root at any depth', ({ expect }) => {
    class Leaf extends Flow {
      steps = new List<Step>([new Step()]);
      run(): void {}
    }
    class Root extends Flow {
      tree = new Dict<Dict<Leaf> & Flow>({ x: new Dict({ y: new Leaf() }) as never });
      run(): void {}
    }
    const root = new Root();
    new App(root);
    expect(root.works.map((work) => work.name)).toEqual(['root.tree.x.y.steps.0']);
    expect(root.state).toMatchObject({
      structures: {
        tree: {
          structures: {
            x: { flows: { y: { structures: { steps: { works: { 0: { vars: { n: 0 } } } } } } } },
          },
        },
      },
    });
  });

  test('arrays and objects of components become structures, whenever they are assigned', async ({
    expect,
  }) => {
    class Root extends Flow {
      list = [new Step(), new Step()];
      dict = { a: new Step(), b: [new Step()] };
      later: Step[] = [];
      empty: Step[] = [];
      run(): void {
        if (this.later.length === 0) this.later = [new Step()];
        for (const step of [...this.list, ...this.later]) step.run();
        this.dict.b.forEach((step) => step.run());
      }
    }
    const app = await testApp(() => new App(new Root()));
    await app.settle();
    expect(app.root.works.map((work) => work.name)).toEqual([
      'root.list.0',
      'root.list.1',
      'root.dict.a',
      'root.dict.b.0',
      'root.later.0',
    ]);
    expect(app.state['vars']).toEqual({ empty: [] });
    expect(app.work('root.later.0').isBusy).toBe(true);
    expect(app.work('root.dict.b.0').isBusy).toBe(true);
    const again = await app.restart();
    await again.settle();
    expect(again.work('root.later.0').calls).toEqual([[]]);
    expect(again.state['vars']).toEqual({ empty: [] });
    await again.close();
  });

  test('an array that holds more than components is refused', ({ expect }) => {
    class Mixed extends Flow {
      list: unknown[] = [new Step(), 5];
      run(): void {}
    }
    expect(codeOf(() => new App(new Mixed()))).toBe('STATE_NOT_JSON');
  });
});
