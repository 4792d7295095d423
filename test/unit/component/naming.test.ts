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

class Inner extends Flow {
  b = new Step();
  a = new Step();
  run(): void {}
}

class Root extends Flow {
  w = new Step();
  inner = new Inner();
  d = new Dict<Step>({ key: new Step(), 'a key': new Step() });
  l = new List<Step>([new Step(), new Step()]);
  z = new Step();
  run(): void {}
}

describe('names', () => {
  test('follow the fields from the root down', ({ expect }) => {
    const root = new Root();
    const detached = { work: root.w.name, flow: root.inner.name };
    expect(detached).toEqual({ work: '', flow: 'root' });
    const app = new App(root);
    expect(root.name).toBe('root');
    expect(root.namedWorks.map(([name]) => name)).toEqual([
      'root.w',
      'root.inner.b',
      'root.inner.a',
      'root.d.key',
      'root.d.a key',
      'root.l.0',
      'root.l.1',
      'root.z',
    ]);
    expect(root.works.map((work) => work.name)).toEqual(root.namedWorks.map(([name]) => name));
    expect(app.getComponentByName('root.d.a key')).toBe(root.d['a key']);
    expect(app.getComponentByName('root.l.1')).toBe(root.l[1]);
    expect(app.getComponentByName('root')).toBe(root);
  });

  test('an unknown name is an error', ({ expect }) => {
    const app = new App(new Root());
    for (const name of ['', 'w', 'root.x', 'root.d.none', 'root.l.7', 'root.w.n']) {
      expect(codeOf(() => app.getComponentByName(name))).toBe('COMPONENT_UNKNOWN');
    }
  });

  test('flows are an ordered record of full name to flow', ({ expect }) => {
    class Deep extends Flow {
      z = new Inner();
      a = new Dict<Flow>({ one: new Inner(), two: new List([new Inner()]) as never });
      run(): void {}
    }
    const root = new Deep();
    new App(root);
    expect(Object.keys(root.flows)).toEqual(['root.z', 'root.a.one', 'root.a.two.0']);
    expect(root.flows['root.a.two.0']?.works.map((work) => work.name)).toEqual([
      'root.a.two.0.b',
      'root.a.two.0.a',
    ]);
  });

  test('ids of list members only grow, also over a restart', async ({ expect }) => {
    class Lists extends Flow {
      l = new List<Step>();
      add = 0;
      drop = -1;
      run(): void {
        for (; this.add > 0; this.add -= 1) this.l.push(new Step());
        const member = this.drop < 0 ? undefined : this.l[this.drop];
        if (member) this.l.remove(member);
        this.drop = -1;
      }
    }
    const app = await testApp(() => new App(new Lists()));
    const names = (of: typeof app): string[] => of.root.l.map((member) => member.name);
    await app.patch([{ op: 'replace', path: '/vars/add', value: 12 }]);
    expect(app.root.l.length).toBe(12);
    await app.patch([{ op: 'replace', path: '/vars/drop', value: 11 }]);
    await app.patch([{ op: 'replace', path: '/vars/drop', value: 1 }]);
    const expected = [0, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((id) => `root.l.${id}`);
    expect(names(app)).toEqual(expected);
    expect(app.root.l[1]?.name).toBe('root.l.2');
    const again = await app.restart();
    await again.settle();
    expect(names(again)).toEqual(expected);
    await again.patch([{ op: 'replace', path: '/vars/add', value: 1 }]);
    expect(names(again)).toEqual([...expected, 'root.l.12']);
    await again.close();
  });

  test('the order of members of a Dict outlives a restart', async ({ expect }) => {
    class Dicts extends Flow {
      d = new Dict<Step>();
      keys: string[] = ['zeta', 'alpha', 'mid'];
      run(): void {
        for (const key of this.keys) this.d[key] ??= new Step();
      }
    }
    const app = await testApp(() => new App(new Dicts()));
    await app.settle();
    const again = await app.restart();
    await again.settle();
    expect(Object.keys(again.root.d)).toEqual(['zeta', 'alpha', 'mid']);
    await again.close();
  });
});
