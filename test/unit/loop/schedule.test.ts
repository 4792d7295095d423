import { describe, test } from 'vitest';
import { App, Flow, isAppError, type Dict } from 'stormkite';
import { testApp, type TestApp } from 'stormkite/testing';
import { Step } from './step.ts';

/** The clock of a test starts at midnight UTC. */
const START = Date.parse('2026-01-01T00:00:00Z');

interface Options {
  startTime?: string | number | Date;
  key?: string;
}

/** Notes the minutes at which its schedule is true. */
function scheduled(pattern: string, options: Options = {}) {
  const fired: number[] = [];
  let app: TestApp | null = null;
  class Root extends Flow {
    n = 0;
    run(): void {
      if (this.schedule(pattern, options))
        fired.push(((app?.clock.now() ?? START) - START) / 60_000);
    }
  }
  const open = async (): Promise<TestApp<Root>> => {
    const opened = await testApp(() => new App(new Root(), { idleTurn: null }));
    app = opened;
    await opened.settle();
    return opened;
  };
  return { fired, open };
}

describe('schedule', () => {
  test('is true at first and then at each time of its pattern', async ({ expect }) => {
    const { fired, open } = scheduled('*/10 * * * *');
    const app = await open();
    await app.advance('35 minutes');
    expect(fired).toEqual([0, 10, 20, 30]);
    await app.patch([{ op: 'replace', path: '/vars/n', value: 1 }]);
    expect(fired).toEqual([0, 10, 20, 30]);
    await app.close();
  });

  test('takes six fields with seconds first, and the aliases with and without @', async ({
    expect,
  }) => {
    const cases: [string, string, number[]][] = [
      ['*/20 * * * * *', '1 minute', [0, 1 / 3, 2 / 3, 1]],
      ['hourly', '2 hours', [0, 60, 120]],
      ['@hourly', '1 hour', [0, 60]],
      ['daily', '1 day', [0, 1440]],
      ['@weekly', '1 hour', [0]],
      ['monthly', '1 hour', [0]],
      ['@yearly', '1 hour', [0]],
      ['annually', '1 hour', [0]],
      ['@midnight', '1 day', [0, 1440]],
    ];
    for (const [pattern, time, expected] of cases) {
      const { fired, open } = scheduled(pattern);
      const app = await open();
      await app.advance(time);
      expect(
        fired.map((at) => Math.round(at * 3) / 3),
        pattern,
      ).toEqual(expected.map((at) => Math.round(at * 3) / 3));
      await app.close();
    }
  });

  test('is first true at the first time of the pattern from startTime on, when that lies ahead', async ({
    expect,
  }) => {
    for (const [startTime, expected] of [
      [new Date(START + 60 * 60_000), [60, 90]],
      [new Date(START + 65 * 60_000).toISOString(), [90]],
      [START - 1, [0, 30, 60, 90]],
    ] as const) {
      const { fired, open } = scheduled('*/30 * * * *', { startTime });
      const app = await open();
      await app.advance('100 minutes');
      expect(fired).toEqual(expected);
      await app.close();
    }
  });

  test('refuses what it cannot read, at the call', async ({ expect }) => {
    for (const [pattern, options] of [
      ['every day', {}],
      ['99 * * * *', {}],
      ['', {}],
      ['sometimes', {}],
      ['* * * * *', { startTime: 'soon' }],
    ] as const) {
      const app = await scheduled(pattern, options).open();
      expect(isAppError(app.result?.error, 'FLOW_SCHEDULE_INVALID'), pattern).toBe(true);
    }
  });

  test('stays true until a turn ends unsuspended, so that several works can follow one another', async ({
    expect,
  }) => {
    class Root extends Flow {
      a = new Step({ parallel: false });
      b = new Step({ parallel: false });
      day = 0;
      bodies = 0;
      rounds = 0;
      run(): void {
        if (!this.schedule('0 * * * *')) return;
        this.bodies += 1;
        this.a.run(this.day);
        this.b.run(this.day);
        this.day += 1;
        this.rounds += 1;
      }
    }
    const app = await testApp(() => new App(new Root(), { idleTurn: null }));
    await app.settle();
    app.work('root.a').succeed();
    await app.settle();
    app.work('root.b').succeed();
    await app.settle();
    expect(app.root).toMatchObject({ rounds: 1, day: 1 });
    expect(app.root.bodies).toBeGreaterThan(2);
    await app.advance('59 minutes');
    expect(app.root.rounds).toBe(1);
    await app.advance('1 minute');
    app.work('root.a').succeed();
    await app.settle();
    app.work('root.b').succeed();
    await app.settle();
    expect(app.root.rounds).toBe(2);
    expect(app.work('root.a').calls).toEqual([[0], [1]]);
    await app.close();
  });

  test('tells call sites apart; two on one line need a key', async ({ expect }) => {
    const counts = { first: 0, second: 0, third: 0, fourth: 0, keyed: 0 };
    class Root extends Flow {
      run(): void {
        if (this.schedule('0 * * * *')) counts.first += 1;
        if (this.schedule('0 * * * *')) counts.second += 1;
        // prettier-ignore
        { if (this.schedule('1 * * * *', { key: 'x' })) counts.third += 1; if (this.schedule('1 * * * *', { key: 'y' })) counts.fourth += 1; }
        for (const key of ['a', 'b', 'c'])
          if (this.schedule('2 * * * *', { key })) counts.keyed += 1;
      }
    }
    const app = await testApp(() => new App(new Root(), { idleTurn: null }));
    await app.settle();
    expect(counts).toEqual({ first: 1, second: 1, third: 1, fourth: 1, keyed: 3 });
    const { calls } = app.root.stateDict() as unknown as { calls: { scheduling: object } };
    expect(Object.keys(calls.scheduling)).toHaveLength(7);
    await app.close();
  });

  test('works in every flow of the tree, also in those attached later', async ({ expect }) => {
    const { Dict } = await import('stormkite');
    class Child extends Flow {
      fired = 0;
      run(): void {
        if (this.schedule('*/5 * * * *')) this.fired += 1;
      }
    }
    class Root extends Flow {
      children: Dict<Child> = new Dict<Child>();
      keep = true;
      run(): void {
        if (!this.keep) delete this.children['a'];
        else (this.children['a'] ??= new Child()).run();
      }
    }
    const app = await testApp(() => new App(new Root(), { idleTurn: null }));
    await app.advance('11 minutes');
    expect(app.root.children['a']?.fired).toBe(3);
    const again = await app.restart();
    await again.advance('5 minutes');
    expect(again.root.children['a']?.fired).toBe(4);
    await again.patch([{ op: 'replace', path: '/vars/keep', value: false }]);
    await again.advance('1 s');
    const { turns } = again;
    await again.advance('1 hour');
    expect(again.turns).toBe(turns);
    await again.close();
  });

  test('survives a restart: what was missed happens once, then on time', async ({ expect }) => {
    class Root extends Flow {
      fired: number[] = [];
      run(): void {
        if (this.schedule('*/10 * * * *')) this.fired.push(this.fired.length);
      }
    }
    const app = await testApp(() => new App(new Root(), { idleTurn: null }));
    await app.advance('15 minutes');
    expect(app.root.fired).toHaveLength(2);
    app.clock.skip('1 hour');
    const again = await app.restart();
    await again.advance(0);
    expect(again.root.fired).toHaveLength(3);
    await again.advance('5 minutes');
    expect(again.root.fired).toHaveLength(4);
    await again.close();
  });

  test('a pattern whose next time lies months ahead does not overflow its timer', async ({
    expect,
  }) => {
    const { fired, open } = scheduled('0 0 1 4 *');
    const app = await open();
    await app.advance('89 days');
    expect(fired).toEqual([0]);
    await app.advance('2 days');
    expect(fired).toHaveLength(2);
    await app.close();
  });
});
