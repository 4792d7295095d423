import { describe, test } from 'vitest';
import { App, Dict, Flow, isAppError, Work } from 'stormkite';
import { testApp } from 'stormkite/testing';
import { codeOf } from '../state/code-of.ts';

class Step extends Work {
  n = 0;
  constructor() {
    super({ parallel: true });
  }
  run(..._args: unknown[]): void {}
}

describe('attaching', () => {
  test('one object cannot stand at two places', ({ expect }) => {
    class Twice extends Flow {
      a = new Step();
      b = this.a;
      run(): void {}
    }
    expect(codeOf(() => new App(new Twice()))).toBe('COMPONENT_ATTACHED_TWICE');
    class Both extends Flow {
      a = new Step();
      d = new Dict<Step>();
      run(): void {}
    }
    const root = new Both();
    new App(root);
    expect(codeOf(() => (root.d['x'] = root.a))).toBe('COMPONENT_ATTACHED_TWICE');
    expect(codeOf(() => new App(root))).toBe('COMPONENT_ATTACHED_TWICE');
  });

  test('a child cannot be replaced while it lives', ({ expect }) => {
    class Root extends Flow {
      w = new Step();
      maybe?: Step;
      d = new Dict<Step>();
      run(): void {}
    }
    const root = new Root();
    new App(root);
    const same = root.w;
    root.w = same;
    expect(codeOf(() => (root.w = new Step()))).toBe('COMPONENT_REASSIGNED');
    expect(codeOf(() => (root.w = null as never))).toBe('COMPONENT_REASSIGNED');
    expect(codeOf(() => (root.w = 5 as never))).toBe('COMPONENT_REASSIGNED');
    expect(codeOf(() => (root.d = new Dict<Step>()))).toBe('COMPONENT_REASSIGNED');
    root.maybe = new Step();
    expect(codeOf(() => ((root as { maybe?: Step | undefined }).maybe = undefined))).toBe(
      'COMPONENT_REASSIGNED',
    );
    expect(() => delete (root as { maybe?: Step }).maybe).toThrow(TypeError);
    expect(root.works.map((work) => work.name)).toEqual(['root.w', 'root.maybe']);
  });

  test('a name with a dot or a slash is refused', ({ expect }) => {
    class Root extends Flow {
      'a.b' = new Step();
      run(): void {}
    }
    expect(codeOf(() => new App(new Root()))).toBe('COMPONENT_KEY_INVALID');
  });

  test('what is private stays outside the tree, and calling it in a turn is refused', async ({
    expect,
  }) => {
    class Root extends Flow {
      _hidden = new Step();
      run(): void {
        this._hidden.run();
      }
    }
    const app = await testApp(() => new App(new Root()));
    await app.settle();
    expect(app.root.works).toEqual([]);
    expect(isAppError(app.result?.error, 'WORK_NOT_ATTACHED')).toBe(true);
  });

  test('a work cannot hold components', async ({ expect }) => {
    class Parent extends Work {
      child = new Step();
      run(): void {}
    }
    class Later extends Work {
      child: unknown = null;
      d: unknown = null;
      run(): void {}
    }
    class Root extends Flow {
      w: Work;
      constructor(work: Work) {
        super();
        this.w = work;
      }
      run(): void {}
    }
    expect(codeOf(() => new App(new Root(new Parent())))).toBe('COMPONENT_IN_WORK');
    const later = new Later();
    new App(new Root(later));
    expect(codeOf(() => (later.child = new Step()))).toBe('COMPONENT_IN_WORK');
    expect(codeOf(() => (later.d = [new Step()]))).toBe('COMPONENT_IN_WORK');
  });

  test('both ways of the seeds attach a work in run()', async ({ expect }) => {
    class Root extends Flow {
      dict = new Dict<Step>();
      declare work: Step;
      run(): void {
        if (!('work' in this)) Reflect.set(this, 'work', new Step());
        this.work.run();
        if (!('work' in this.dict)) this.dict['work'] = new Step();
        this.dict['work']?.run();
      }
    }
    const app = await testApp(() => new App(new Root()));
    await app.settle();
    expect(app.root.works.map((work) => work.name)).toEqual(['root.dict.work', 'root.work']);
    expect(app.work('root.work').isBusy).toBe(true);
    const again = await app.restart();
    await again.settle();
    expect(again.root.works.map((work) => work.name)).toEqual(['root.dict.work', 'root.work']);
    expect(again.work('root.work').calls).toEqual([[]]);
    await again.close();
  });

  test('a flow attached in run() brings its works along', async ({ expect }) => {
    class Team extends Flow<{ size: number }> {
      first = new Step();
      more = new Dict<Step>();
      size: number;
      constructor(props: { size: number }) {
        super(props);
        this.size = props.size;
      }
      run(): void {
        this.first.run('first');
        for (let index = 0; index < this.size; index += 1)
          (this.more[`m${index}`] ??= new Step()).run(index);
      }
    }
    class Root extends Flow {
      teams = new Dict<Team>();
      run(): void {
        (this.teams['red'] ??= new Team({ size: 2 })).run();
      }
    }
    const app = await testApp(() => new App(new Root()));
    await app.settle();
    const names = ['root.teams.red.first', 'root.teams.red.more.m0', 'root.teams.red.more.m1'];
    expect(app.root.works.map((work) => work.name)).toEqual(names);
    expect(app.work('root.teams.red.more.m1').calls).toEqual([[1]]);
    const again = await app.restart();
    await again.settle();
    expect(again.root.works.map((work) => work.name)).toEqual(names);
    expect(again.root.teams['red']?.props).toEqual({ size: 2 });
    expect(again.work('root.teams.red.more.m1').attempt).toBe(2);
    await again.close();
  });
});

describe('deleting', () => {
  class Root extends Flow {
    w = new Step();
    maybe?: Step;
    ask = '';
    run(): void {
      this.maybe ??= new Step();
      if (this.ask === 'delete') {
        this.w.delete();
        this.maybe.delete();
      } else if (this.ask === 'again') {
        this.w = new Step();
        this.maybe = new Step();
      } else if (this.ask === 'clear') (this as { maybe?: Step | undefined }).maybe = undefined;
      this.ask = '';
    }
  }
  const names = (app: { root: Root }): string[] => app.root.works.map((work) => work.name);

  test('a deleted work leaves the state, stays visible to the flow, and is not built again by a restart', async ({
    expect,
  }) => {
    const app = await testApp(() => new App(new Root()));
    await app.settle();
    expect(names(app)).toEqual(['root.w', 'root.maybe']);
    await app.patch([{ op: 'replace', path: '/vars/ask', value: 'delete' }]);
    expect(names(app)).toEqual([]);
    expect(app.state['works']).toEqual({});
    expect(codeOf(() => app.root.w.run())).toBe('WORK_DELETED');
    const again = await app.restart();
    await again.advance('1 minute');
    expect(names(again)).toEqual([]);
    expect(codeOf(() => again.root.w.run())).toBe('WORK_DELETED');
    expect(codeOf(() => again.root.maybe?.run())).toBe('WORK_DELETED');
    await again.patch([{ op: 'replace', path: '/vars/ask', value: 'again' }]);
    expect(names(again)).toEqual(['root.w', 'root.maybe']);
    const third = await again.restart();
    await third.settle();
    expect(names(third)).toEqual(['root.w', 'root.maybe']);
    await third.patch([{ op: 'replace', path: '/vars/ask', value: 'delete' }]);
    const fourth = await third.restart();
    await fourth.advance('1 minute');
    expect(names(fourth)).toEqual([]);
    await fourth.close();
  });

  test('what was deleted cannot be attached again; what is refused deletes nothing', ({
    expect,
  }) => {
    class Holder extends Flow {
      d = new Dict<Step>();
      other = new Step();
      run(): void {}
    }
    const root = new Holder();
    new App(root);
    const step = new Step();
    root.d['a'] = step;
    expect(codeOf(() => (root.d['a'] = root.other))).toBe('COMPONENT_ATTACHED_TWICE');
    expect(root.d['a']).toBe(step);
    delete root.d['a'];
    expect(codeOf(() => (root.d['b'] = step))).toBe('COMPONENT_DELETED');
    expect(Object.keys(root.d)).toEqual([]);
  });

  test('a field can be emptied after its work was deleted', async ({ expect }) => {
    const app = await testApp(() => new App(new Root(), { idleTurn: null }));
    await app.settle();
    await app.patch([{ op: 'replace', path: '/vars/ask', value: 'delete' }]);
    const first = app.root.maybe;
    await app.patch([{ op: 'replace', path: '/vars/ask', value: 'clear' }]);
    const left = names(app);
    await app.advance('1 s');
    expect(left).toEqual([]);
    expect(names(app)).toEqual(['root.maybe']);
    expect(app.root.maybe).not.toBe(first);
    const again = await app.restart();
    await again.advance('1 s');
    expect(names(again)).toEqual(['root.maybe']);
    await again.close();
  });

  test('what a flow attached in run() had deleted stays deleted after a restart', async ({
    expect,
  }) => {
    class Pair extends Flow {
      a = new Step();
      b = new Step();
      run(): void {}
    }
    class Pairs extends Flow {
      pairs = new Dict<Pair>();
      ask = '';
      run(): void {
        this.pairs['p'] ??= new Pair();
        if (this.ask === 'a') this.pairs['p'].a.delete();
        if (this.ask === 'p') this.pairs['p'] = new Pair();
        this.ask = '';
      }
    }
    const app = await testApp(() => new App(new Pairs()));
    await app.settle();
    await app.patch([{ op: 'replace', path: '/vars/ask', value: 'a' }]);
    const again = await app.restart();
    await again.settle();
    expect(again.root.works.map((work) => work.name)).toEqual(['root.pairs.p.b']);
    await again.patch([{ op: 'replace', path: '/vars/ask', value: 'p' }]);
    const third = await again.restart();
    await third.settle();
    expect(third.root.works.map((work) => work.name)).toEqual(['root.pairs.p.a', 'root.pairs.p.b']);
    await third.close();
  });

  test('a work created anew in the same turn gets a process of its own', async ({ expect }) => {
    const app = await testApp(() => {
      class Anew extends Flow {
        d = new Dict<Step>();
        round = 0;
        run(): void {
          if (this.round === 1) {
            delete this.d['a'];
            this.round = 2;
          }
          (this.d['a'] ??= new Step()).run(this.round);
        }
      }
      return new App(new Anew());
    });
    await app.settle();
    const work = app.work('root.d.a');
    work.set({ n: 1 });
    await app.patch([{ op: 'replace', path: '/vars/round', value: 1 }]);
    expect(work.launches).toBe(2);
    expect(work.initialVars['n']).toBe(0);
    expect(work.calls).toEqual([[0], [2]]);
    await app.close();
  });

  test('a deleted work leaves nothing behind in the store but its highest epoch', async ({
    expect,
  }) => {
    class Many extends Flow {
      d = new Dict<Step>();
      round = 0;
      run(): void {
        for (const key of Object.keys(this.d)) if (key !== `w${this.round}`) delete this.d[key];
        (this.d[`w${this.round}`] ??= new Step()).run();
      }
    }
    const app = await testApp(() => new App(new Many()));
    for (let round = 1; round <= 20; round += 1)
      await app.patch([{ op: 'replace', path: '/vars/round', value: round }]);
    await app.advance('1 s');
    expect([...app.loop.works()].map(({ name }) => name)).toEqual(['root.d.w20']);
    const again = await app.restart();
    await again.settle();
    await again.patch([{ op: 'replace', path: '/vars/round', value: 3 }]);
    again.work('root.d.w3').set({ n: 4 });
    await again.settle();
    expect(again.root.d['w3']?.n).toBe(4);
    const third = await again.restart();
    await third.settle();
    expect(third.root.d['w3']?.n).toBe(4);
    await third.close();
  });
});
