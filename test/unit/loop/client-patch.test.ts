import { describe, test } from 'vitest';
import { App, Dict, Flow, List, type Operation } from 'stormkite';
import { testApp, type TestApp } from 'stormkite/testing';
import { Step } from './step.ts';

class Inner extends Flow {
  label: unknown = 'inner';
  other: unknown = null;
  run(): void {}
}

class Root extends Flow {
  n = 0;
  list: unknown[] = [1];
  config: Record<string, unknown> = { a: { b: 1 } };
  token: string | undefined = undefined;
  slot?: Step;
  filled?: Step;
  step = new Step();
  inner = new Inner();
  d = new Dict<Step>({ 'a key': new Step(), 'x~y': new Step() });
  l = new List<Inner>([new Inner(), new Inner()]);
  run(): void {
    this.filled ??= new Step();
  }
}

/** Lists in each other. */
function nested(levels: number): never {
  let value: unknown = 0;
  for (let level = 0; level < levels; level += 1) value = [value];
  return value as never;
}

const open = async (): Promise<TestApp<Root>> => {
  const app = await testApp(() => new App(new Root(), { idleTurn: null }));
  await app.settle();
  return app;
};

describe("a client's patch", () => {
  test('changes the fields of any component and starts a turn', async ({ expect }) => {
    const app = await open();
    const { turns } = app;
    const result = await app.patch([
      { op: 'replace', path: '/vars/n', value: 5 },
      { op: 'add', path: '/vars/list/-', value: { k: [1] } },
      { op: 'remove', path: '/vars/config/a/b' },
      { op: 'replace', path: '/flows/inner/vars/label', value: 'changed' },
      { op: 'replace', path: '/structures/d/works/a key/vars/counter', value: 1 },
      { op: 'replace', path: '/structures/d/works/x~0y/vars/counter', value: 2 },
      { op: 'replace', path: '/structures/l/flows/1/vars/label', value: 'second' },
      { op: 'add', path: '/vars/token', value: 't' },
    ]);
    expect(result).toEqual({ ok: true, version: app.loop.version });
    expect(app.turns).toBe(turns + 1);
    expect(app.root).toMatchObject({ n: 5, list: [1, { k: [1] }], config: { a: {} }, token: 't' });
    expect(app.root.inner.label).toBe('changed');
    expect([app.root.d['a key']?.counter, app.root.d['x~y']?.counter]).toEqual([1, 2]);
    expect(app.root.l[1]?.label).toBe('second');
    const told = app.events.find((event) => event.type === 'delta' && event.source === 'client');
    expect(told).toMatchObject({
      ops: [{ path: '/vars/n', value: 5 }, {}, {}, {}, {}, {}, {}, {}],
    });
    const again = await app.restart();
    expect(again.root.n).toBe(5);
    expect(again.root.d['x~y']?.counter).toBe(2);
    await again.close();
  });

  test.for([
    ['put', [{ op: 'add', path: '/flows/inner/vars/label/0/0', value: nested(199) }]],
    [
      'moved',
      [{ op: 'move', from: '/flows/inner/vars/other/0', path: '/flows/inner/vars/label/0/0' }],
    ],
    [
      'copied',
      [{ op: 'copy', from: '/flows/inner/vars/other/0', path: '/flows/inner/vars/label/0/0' }],
    ],
  ] as const)(
    'makes no field deeper than the flow itself could: %s below another',
    async ([, ops], { expect }) => {
      const app = await open();
      const fill = await app.patch([
        { op: 'replace', path: '/flows/inner/vars/label', value: [[]] },
        { op: 'replace', path: '/flows/inner/vars/other', value: nested(200) },
      ]);
      expect(fill).toMatchObject({ ok: true });
      expect(await app.patch([...ops])).toMatchObject({
        ok: false,
        why: 'refused',
        outcomes: [
          { ok: false, problem: 'forbidden', message: expect.stringContaining('200 levels') },
        ],
      });
      await app.close();
    },
  );

  test('applies as a whole or not at all', async ({ expect }) => {
    const app = await open();
    const { turns } = app;
    const before = app.state;
    const result = await app.patch([
      { op: 'replace', path: '/vars/n', value: 5 },
      { op: 'replace', path: '/works/step/vars/counter', value: 5 },
      { op: 'replace', path: '/vars/list/7', value: 0 },
      { op: 'replace', path: '/vars/n', value: 6 },
    ]);
    expect(result).toMatchObject({ ok: false, why: 'refused' });
    expect('outcomes' in result && result.outcomes.map(({ ok }) => ok)).toEqual([
      true,
      true,
      false,
    ]);
    expect(app.state).toEqual(before);
    expect(app.turns).toBe(turns);
    await app.close();
  });

  test('sees its own earlier operations, and tests values', async ({ expect }) => {
    const app = await open();
    const good = await app.patch([
      { op: 'replace', path: '/vars/config', value: {} },
      { op: 'add', path: '/vars/config/x', value: [] },
      { op: 'add', path: '/vars/config/x/0', value: 1 },
      { op: 'test', path: '/vars/config', value: { x: [1] } },
      { op: 'test', path: '/works/step/vars/counter', value: 0 },
    ]);
    expect(good.ok).toBe(true);
    const bad = await app.patch([
      { op: 'test', path: '/vars/n', value: 1 },
      { op: 'replace', path: '/vars/n', value: 2 },
    ]);
    expect('outcomes' in bad && bad.outcomes).toMatchObject([
      { ok: false, problem: 'test-failed' },
    ]);
    expect(app.root.n).toBe(0);
    await app.close();
  });

  test('cannot grow by copies of its own copies', async ({ expect }) => {
    const app = await open();
    const copies = (count: number): Operation[] =>
      Array.from({ length: count }, (_, n) => ({
        op: 'copy',
        from: '/vars/config',
        path: `/vars/config/${n}`,
      }));
    const few = await app.patch(copies(4));
    expect(few.ok).toBe(true);
    const before = app.state;
    const many = await app.patch(copies(60));
    expect('outcomes' in many && many.outcomes.at(-1)).toMatchObject({
      ok: false,
      problem: 'forbidden',
    });
    expect(app.state).toEqual(before);
    await app.close();
  });

  test('is refused where a client has no business', async ({ expect }) => {
    const app = await open();
    const before = app.state;
    const refused: [Operation, string][] = [
      [{ op: 'replace', path: '/vars/unknown', value: 1 }, 'missing'],
      [{ op: 'add', path: '/vars/unknown', value: 1 }, 'missing'],
      [{ op: 'replace', path: '/works/none/vars/counter', value: 1 }, 'missing'],
      [{ op: 'replace', path: '/works/inner/vars/label', value: 1 }, 'missing'],
      [{ op: 'replace', path: '/structures/l/flows/9/vars/label', value: 1 }, 'missing'],
      [{ op: 'replace', path: '/works/step/vars/_url', value: 'http://evil' }, 'forbidden'],
      [{ op: 'replace', path: '/works/step/vars/_display_name', value: 'x' }, 'forbidden'],
      [{ op: 'replace', path: '/works/step/calls/latest_call_hash', value: 'x' }, 'forbidden'],
      [{ op: 'replace', path: '/app_state/stage', value: 'stopped' }, 'forbidden'],
      [{ op: 'replace', path: '', value: {} }, 'forbidden'],
      [{ op: 'replace', path: '/vars', value: {} }, 'forbidden'],
      [{ op: 'remove', path: '/works/step' }, 'forbidden'],
      [{ op: 'add', path: '/works/new', value: {} }, 'missing'],
      [{ op: 'remove', path: '/vars/n' }, 'forbidden'],
      [{ op: 'move', from: '/vars/n', path: '/vars/token' }, 'forbidden'],
      [{ op: 'move', from: '/vars/list', path: '/flows/inner/vars/label' }, 'forbidden'],
      [{ op: 'copy', from: '/works/step/vars/counter', path: '/vars/n' }, 'forbidden'],
      [{ op: 'replace', path: '/vars/__proto__', value: 1 }, 'forbidden'],
      [{ op: 'add', path: '/vars/config/__proto__', value: { polluted: true } }, 'forbidden'],
      [{ op: 'add', path: '/vars/config/constructor', value: 1 }, 'forbidden'],
      [
        {
          op: 'replace',
          path: '/vars/config',
          value: JSON.parse('{"__proto__":{"polluted":true}}'),
        },
        'forbidden',
      ],
      [{ op: 'replace', path: 'vars/n', value: 1 }, 'forbidden'],
      [{ op: 'replace', path: '/vars/filled', value: 1 }, 'forbidden'],
      [{ op: 'add', path: '/vars/filled', value: 1 }, 'forbidden'],
    ];
    for (const [op, problem] of refused) {
      const result = await app.patch([op]);
      expect('outcomes' in result && result.outcomes, JSON.stringify(op)).toMatchObject([
        { ok: false, problem },
      ]);
      expect('problem' in result && result.problem.length).toBeGreaterThan(0);
    }
    expect(app.state).toEqual(before);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    expect(app.result).toBeNull();
    await app.close();
  });

  test('removes optional fields only, and moves between fields of one component', async ({
    expect,
  }) => {
    const app = await open();
    await app.patch([{ op: 'add', path: '/vars/token', value: 'x' }]);
    expect((await app.patch([{ op: 'remove', path: '/vars/token' }])).ok).toBe(true);
    expect(app.root.token).toBeUndefined();
    expect(
      (await app.patch([{ op: 'move', from: '/vars/config/a', path: '/vars/list/0' }])).ok,
    ).toBe(true);
    expect(app.root).toMatchObject({ list: [{ b: 1 }, 1], config: {} });
    expect((await app.patch([{ op: 'copy', from: '/vars/list/1', path: '/vars/n' }])).ok).toBe(
      true,
    );
    expect(app.root.n).toBe(1);
    const again = await app.restart();
    expect(again.root).toMatchObject({ list: [{ b: 1 }, 1], config: {}, n: 1 });
    await again.close();
  });

  test("of a work's fields is a write of the flow: an overlay", async ({ expect }) => {
    const app = await open();
    app.root.step.run(1);
    await app.settle();
    await app.patch([
      { op: 'replace', path: '/works/step/vars/counter', value: 9 },
      { op: 'add', path: '/works/step/vars/data/k', value: { n: 1 } },
      { op: 'move', from: '/works/step/vars/data/k', path: '/works/step/vars/log/0' },
    ]);
    expect(app.root.step).toMatchObject({ counter: 9, log: [{ n: 1 }], data: {} });
    app.work('root.step').set({ counter: 2 });
    await app.settle();
    expect(app.root.step.counter).toBe(2);
    app.work('root.step').succeed();
    app.root.step.run(2);
    await app.settle();
    expect(app.work('root.step').folded).toEqual([
      { op: 'add', path: '/vars/data', value: {} },
      { op: 'add', path: '/vars/log', value: [{ n: 1 }] },
    ]);
    await app.close();
  });

  test('whose precondition no longer holds is stale', async ({ expect }) => {
    const app = await open();
    const seen: unknown[] = [];
    const patch = (n: number) =>
      app.loop.patch([{ op: 'replace', path: '/vars/n', value: n }], (document) => {
        const { n: now } = document['vars'] as { n: number };
        seen.push(now);
        return now === 0;
      });
    const both = Promise.all([patch(1), patch(2)]);
    await app.settle();
    expect(await both).toEqual([
      { ok: true, version: app.loop.version },
      { ok: false, why: 'stale' },
    ]);
    expect(seen).toEqual([0, 1]);
    expect(app.root.n).toBe(1);
    await app.close();
  });

  test('is answered also when the app ends meanwhile', async ({ expect }) => {
    const app = await open();
    const stopping = app.loop.stop('bye');
    const late = app.loop.patch([{ op: 'replace', path: '/vars/n', value: 1 }]);
    const command = app.loop
      .command('root.step', 'start')
      .catch((error: { code: string }) => error.code);
    await app.settle();
    await stopping;
    expect(await late).toEqual({ ok: false, why: 'ended' });
    expect(await command).toBe('FLOW_NOT_RUNNING');
    expect(await app.loop.patch([])).toEqual({ ok: false, why: 'ended' });
    expect(app.result).toEqual({ stage: 'stopped', message: 'bye' });
  });

  test('and a command to no work is refused', async ({ expect }) => {
    const app = await open();
    const unknown = app.loop
      .command('root.none', 'stop')
      .catch((error: { code: string }) => error.code);
    await app.settle();
    expect(await unknown).toBe('WORK_UNKNOWN');
    const deleted = app.loop.command('root.d.a key', 'delete');
    await app.settle();
    await deleted;
    expect(Object.keys(app.root.d)).toEqual(['x~y']);
    await app.close();
  });
});
