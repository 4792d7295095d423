import { describe, test } from 'vitest';
import { App, CloudCompute, Flow } from 'stormkite';
import { MemoryStateStore } from '../../../runtime/backends/memory/memory-state-store.ts';
import { Intake } from '../../../runtime/loop/intake.ts';
import { defaultTimings } from '../../../runtime/loop/timings.ts';
import { ManualClock, testApp } from 'stormkite/testing';
import { stagesOf, statusesOf, Step } from './step.ts';
import { begin, callOf, calling, running, set, told, wired, WORK as work } from './wired.ts';

class Timed extends Flow {
  step = new Step({ timeout: '10 s', raiseException: false });
  run(): void {
    this.step.run(1);
  }
}

describe('deltas', () => {
  test('that are repeated are applied once', async ({ expect }) => {
    const app = await wired();
    await begin(app);
    app.hear(set(3, 1));
    app.hear(set(3, 99));
    app.hear(set(2, 98));
    await app.settle();
    expect(app.app.root.step.counter).toBe(1);
    app.hear({ work, epoch: 1, seq: 4, ops: [{ op: 'add', path: '/vars/log/-', value: 'x' }] });
    app.hear({ work, epoch: 1, seq: 4, ops: [{ op: 'add', path: '/vars/log/-', value: 'x' }] });
    await app.settle();
    expect(app.app.root.step.log).toEqual(['x']);
  });

  test('that say that a call ended in time are looked for before it counts as timed out', async ({
    expect,
  }) => {
    const app = await wired(undefined, [], new Timed());
    await begin(app);
    await app.pass(9_000);
    await app.lease.appendDeltas([told(3, { type: 'end', ...callOf(app), outcome: 'succeeded' })]);
    await app.pass(2_000);
    expect(statusesOf(app.app.root.step)).toEqual(['pending', 'running', 'succeeded']);
  });

  test('of a call that ended while its timeout was judged let the call after it be', async ({
    expect,
  }) => {
    const step = new Step({ timeout: '10 s', raiseException: false, cacheCalls: false });
    const app = await wired(undefined, [], calling(step));
    await begin(app);
    const answer = app.holdStore();
    await app.pass(10_000);
    app.hear(told(3, { type: 'end', ...callOf(app), outcome: 'succeeded' }));
    await app.settle();
    expect(step.status.stage).toBe('pending');
    answer();
    await app.settle();
    expect(step.status.stage).toBe('pending');
    expect(app.ended).toEqual([]);
  });

  test('beyond a gap wait until the store filled it', async ({ expect }) => {
    const app = await wired();
    await begin(app);
    const lost = {
      ...set(3, 3),
      ops: [{ op: 'add', path: '/vars/log/-', value: 'lost' }] as const,
    };
    await app.lease.appendDeltas([lost]);
    app.hear(set(4, 4));
    await app.settle();
    expect(app.app.root.step).toMatchObject({ counter: 4, log: ['lost'] });
  });

  test('beyond a gap that nothing fills fail their work, and it alone is ended', async ({
    expect,
  }) => {
    const app = await wired();
    await begin(app);
    app.hear(set(4, 4));
    await app.pass(60_000);
    expect(app.app.root.step.counter).toBe(0);
    expect(statusesOf(app.app.root.step)).toContain('failed:state_gap');
    const failed = app.app.root.step.statuses.find(({ reason }) => reason === 'state_gap');
    expect(failed?.message).toContain('delta 3 of root.step is missing');
    expect(app.ended).toEqual([{ work, epoch: 1 }]);
    app.tell({ work, epoch: 1, pid: 7, state: 'exited', reason: 'stopped', message: 'as asked' });
    await app.settle();
    const { error } = await app.loop.ended;
    expect(error).toMatchObject({ code: 'WORK_FAILED', cause: { code: 'WORK_STATE_GAP' } });
  });

  test.for([
    ['while its flow runs', false],
    ['while no flow is there', true],
  ] as const)(
    'that cannot be read fail their work alone, which goes on behind them: written %s',
    async ([, isAway], { expect }) => {
      const store = new MemoryStateStore();
      const before = await wired(store);
      await begin(before);
      await before.pass(1_000);
      const damage = { work, epoch: 1, seq: 3, ops: [], unreadable: 'it is not JSON' };
      const late = [damage, set(4, 4)];
      let app = before;
      if (isAway) {
        before.loop.abandon();
        await before.lease.appendDeltas(late);
        await before.lease.close();
        app = await wired(store, [running]);
      } else for (const delta of late) app.hear(delta);
      await app.settle();
      const { step } = app.app.root;
      expect(step.counter).toBe(0);
      expect(statusesOf(step)).toContain('failed:state_gap');
      expect(app.ended).toEqual([{ work, epoch: 1 }]);
      app.tell({ work, epoch: 1, pid: 7, state: 'exited', reason: 'stopped', message: 'as asked' });
      await app.settle();
      const { error } = await app.loop.ended;
      expect(error).toMatchObject({
        code: 'WORK_FAILED',
        cause: { code: 'WORK_DELTA_UNREADABLE' },
      });
      expect(app.loop.receivedOf(work)).toBe(4);
    },
  );

  test.for([
    { why: 'the flow was lost', more: { reason: 'flow_lost' } },
    { why: 'its spot machine is taken back', more: {} },
  ])(
    'that end a call because $why leave it open: it is sent again',
    async ({ more }, { expect }) => {
      const app = await wired();
      await begin(app);
      app.hear(told(3, { type: 'end', ...callOf(app), outcome: 'stopped', ...more }));
      await app.settle();
      expect(app.app.root.step.status.stage).toBe('running');
      const gone = { reason: 'interrupted', message: 'as above' } as const;
      app.tell({ work, epoch: 1, pid: 7, state: 'exited', ...gone });
      await app.settle();
      expect(statusesOf(app.app.root.step).at(-1)).toBe('pending:interrupted');
      expect(app.launches.map(({ epoch }) => epoch)).toEqual([1, 2]);
    },
  );

  test('say nothing of a stop past the flow: its work is stopped, and stays so', async ({
    expect,
  }) => {
    const app = await wired();
    await begin(app);
    const message = 'it was stopped from outside';
    app.tell({ work, epoch: 1, pid: 7, state: 'exited', reason: 'stopped', message });
    await app.pass(60_000);
    const { step } = app.app.root;
    expect(step.status).toMatchObject({ stage: 'stopped', reason: 'external', message });
    expect(app.launches).toHaveLength(1);
    expect(app.loop.stage).toBe('running');
  });

  test('of an older epoch move the mark and change nothing', async ({ expect }) => {
    const app = await wired();
    await begin(app);
    app.tell({ work, epoch: 1, pid: 7, state: 'lost', message: 'gone' });
    await app.settle();
    expect(app.launches.map(({ epoch }) => epoch)).toEqual([1, 2]);
    app.hear(set(3, 50));
    app.hear(set(4, 7, 2));
    await app.settle();
    expect(app.app.root.step.counter).toBe(7);
    expect(app.launches[1]?.seq).toBe(2);
  });

  test('of works that are unknown, and malformed paths, change nothing', async ({ expect }) => {
    const app = await wired();
    await begin(app);
    app.hear({ ...set(1, 1), work: 'root.other' });
    app.hear({
      work,
      epoch: 1,
      seq: 3,
      ops: [{ op: 'replace', path: '/calls/latest_call_hash', value: 'x' }],
    });
    app.hear({
      work,
      epoch: 1,
      seq: 4,
      ops: [{ op: 'replace', path: '/vars/undeclared', value: 1 }],
    });
    app.hear({ work, epoch: 1, seq: 5, ops: [{ op: 'replace', path: '/vars/counter', value: 5 }] });
    await app.settle();
    expect(app.app.root.step.counter).toBe(5);
    expect(app.loop.stage).toBe('running');
  });

  test('are all applied before the end of their call is seen (R7)', async ({ expect }) => {
    const seen: unknown[] = [];
    class Looks extends Flow {
      step = new Step();
      run(): void {
        this.step.run();
        seen.push([this.step.status.stage, this.step.counter, this.step.log.length]);
      }
    }
    const app = await testApp(() => new App(new Looks(), { idleTurn: null }), {
      works: {
        'root.step': (step) => {
          for (let n = 1; n <= 100; n += 1) step.set({ counter: n });
          step.patch([{ op: 'add', path: '/vars/log/-', value: 'last' }]);
        },
      },
    });
    await app.settle();
    expect(seen.filter(([stage]: any) => stage === 'succeeded')).toEqual([['succeeded', 100, 1]]);
    await app.close();
  });

  test('may come in any order, any number of times: they are applied in theirs, once', async ({
    expect,
  }) => {
    const fc = await import('fast-check');
    const all = Array.from({ length: 12 }, (_, index) => set(index + 1, index + 1));
    await fc.default.assert(
      fc.default.asyncProperty(
        fc.default.array(fc.default.integer({ min: 0, max: all.length - 1 }), { maxLength: 40 }),
        async (order) => {
          const applied: number[] = [];
          const stored = all.slice();
          const lease = {
            deltasAfter: async (_: string, seq: number) =>
              stored.filter((delta) => delta.seq > seq),
          };
          const state = { name: work, received: 0 };
          const intake = new Intake({
            lease,
            clock: new ManualClock(),
            timings: defaultTimings,
            accept: (delta) => applied.push(delta.seq),
            lost: (_state, seq) => expect.unreachable(`${seq} was given up`),
          });
          for (const index of [...order, all.length - 1]) {
            const delta = all[index];
            if (delta) intake.take(state, delta);
            if (index % 3 === 0) await Promise.resolve();
          }
          await new Promise((resolve) => setImmediate(resolve));
          expect(applied).toEqual(all.map(({ seq }) => seq));
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('processes', () => {
  test('that said that they are ready get their calls, also when an older look at them is told later', async ({
    expect,
  }) => {
    const app = await wired();
    const pending = { reason: 'starting', message: 'the task was handed over' };
    app.hear(told(1, { type: 'ready' }));
    app.tell(running);
    app.tell({ ...running, state: 'starting', pending });
    await app.settle();
    expect(app.sent).toMatchObject([{ type: 'call', args: [1] }]);
  });

  test('whose end is heard before their launch is answered are gone', async ({ expect }) => {
    const app = await wired();
    app.tell(running);
    app.tell({ work, epoch: 1, pid: 7, state: 'lost', message: 'at once' });
    await app.settle();
    app.tell({ ...running });
    await app.settle();
    expect(app.launches.map(({ epoch }) => epoch)).toEqual([1, 2]);
  });

  test('whose hardware was kept give it back when they are stopped once more', async ({
    expect,
  }) => {
    const app = await wired();
    await begin(app);
    app.app.root.step.stop({ keepHardware: true });
    await app.settle();
    expect([app.ended.length, app.released]).toEqual([1, []]);
    app.tell({ work, epoch: 1, pid: 7, state: 'exited', reason: 'stopped', message: 'as asked' });
    await app.settle();
    app.app.root.step.stop();
    app.app.root.step.stop();
    await app.settle();
    expect([app.ended.length, app.released]).toEqual([1, [work]]);
  });

  test('that are to keep their hardware keep it, also when they are called again before they have ended', async ({
    expect,
  }) => {
    const app = await wired();
    await begin(app);
    const ended = app.holdStops();
    app.app.root.step.stop({ keepHardware: true });
    await app.settle();
    app.app.root.arg = 2;
    await app.settle();
    app.tell({ ...running, state: 'exited', reason: 'stopped', message: 'as asked' });
    ended();
    await app.settle();
    expect([app.kept, app.released]).toEqual([[work], []]);
    expect(app.launches.map(({ epoch }) => epoch)).toEqual([1, 2]);
  });

  test('that end although they were asked for again meanwhile come back', async ({ expect }) => {
    const cloudCompute = new CloudCompute('gpu', { idleTimeout: '1 minute' });
    const app = await wired(undefined, [], calling(new Step({ cloudCompute })));
    await begin(app);
    app.hear(told(3, { type: 'end', ...callOf(app), outcome: 'succeeded' }));
    await app.settle();
    await app.pass(61_000);
    expect(app.ended).toHaveLength(1);
    app.app.root.step.start();
    await app.settle();
    app.tell({ ...running, state: 'exited', reason: 'stopped', message: 'as asked' });
    await app.settle();
    expect(app.launches.map(({ epoch }) => epoch)).toEqual([1, 2]);
  });

  test('whose hardware was kept keep it for their next call only', async ({ expect }) => {
    const cloudCompute = new CloudCompute('gpu', { idleTimeout: '1 minute' });
    const root = calling(new Step({ cloudCompute }));
    const app = await wired(undefined, [], root);
    await begin(app);
    root.step.stop({ keepHardware: true });
    await app.settle();
    app.tell({ ...running, state: 'exited', reason: 'stopped', message: 'as asked' });
    await app.settle();
    expect([app.kept, app.released]).toEqual([[work], []]);
    root.arg = 2;
    await app.settle();
    app.tell({ ...running, epoch: 2 });
    app.hear(told(3, { type: 'ready' }, 2));
    await app.settle();
    const second = app.sent.findLast(({ type }) => type === 'call');
    if (second?.type !== 'call') throw new Error('no second call was sent');
    const { call, attempt } = second;
    app.hear(told(4, { type: 'end', call, attempt, outcome: 'succeeded' }, 2));
    await app.pass(61_000);
    expect([app.kept, app.released]).toEqual([[work], [work]]);
  });

  test('that no work knows are ended', async ({ expect }) => {
    const app = await wired(new MemoryStateStore(), [
      { work: 'root.old', epoch: 3, pid: 1, state: 'running' },
    ]);
    expect(app.ended).toEqual([{ work: 'root.old', epoch: 3 }]);
  });

  test('that a call did not reach are given it again, later', async ({ expect }) => {
    const app = await wired();
    app.reach('absent');
    app.tell(running);
    app.hear(told(1, { type: 'ready' }));
    await app.settle();
    const calls = (): number => app.sent.filter(({ type }) => type === 'call').length;
    expect(calls()).toBe(1);
    app.reach('sent');
    await app.pass(499);
    expect(calls()).toBe(1);
    await app.pass(1);
    expect(calls()).toBe(2);
  });
});

describe('a flow that comes back while its works live on', () => {
  test('adopts them: nothing is launched or called again, and time-outs go on', async ({
    expect,
  }) => {
    const app = await testApp(() => new App(new Timed(), { idleTurn: null }));
    await app.settle();
    app.work('root.step').set({ counter: 1 });
    await app.advance('4 s');
    const again = await app.restart({ keepWorks: true });
    await again.settle();
    expect(again.work('root.step').launches).toBe(1);
    expect(again.work('root.step').calls).toEqual([[1]]);
    again.work('root.step').set({ counter: 2 });
    await again.settle();
    expect(again.root.step.counter).toBe(2);
    expect(again.root.step.isRunning).toBe(true);
    await again.advance('5999 ms');
    expect(again.root.step.hasTimeout).toBe(false);
    await again.advance('1 ms');
    expect(again.root.step.hasTimeout).toBe(true);
    await again.close();
  });

  test('applies what they did meanwhile, and gives an adopted process its next call', async ({
    expect,
  }) => {
    class Calls extends Flow {
      step = new Step();
      upTo = 1;
      run(): void {
        for (let n = 1; n <= this.upTo; n += 1) this.step.run(n);
      }
    }
    const app = await testApp(() => new App(new Calls(), { idleTurn: null }));
    await app.settle();
    await app.advance('1 s');
    // The flow is gone from here on, yet the work reports.
    app.loop.abandon();
    app.work('root.step').set({ counter: 42 });
    app.work('root.step').succeed();
    const again = await app.restart({ keepWorks: true });
    await again.settle();
    expect(again.root.step).toMatchObject({ counter: 42, hasSucceeded: true });
    await again.patch([{ op: 'replace', path: '/vars/upTo', value: 2 }]);
    expect(again.work('root.step').calls).toEqual([[1], [2]]);
    expect(again.work('root.step').launches).toBe(1);
    await again.close();
  });
});

describe('a flow that comes back without its works', () => {
  test('sends interrupted calls again, keeps finished ones, and leaves stopped works alone', async ({
    expect,
  }) => {
    class Three extends Flow {
      done = new Step();
      open = new Step();
      stopped = new Step();
      run(): void {
        this.done.run(1);
        this.open.run(1);
        this.open.run(2);
        this.stopped.run(1);
        if (this.stopped.isRunning) this.stopped.stop();
      }
    }
    const app = await testApp(() => new App(new Three(), { idleTurn: null }), {
      startWithFlow: true,
    });
    await app.settle();
    app.work('root.done').succeed();
    await app.advance('1 s');
    const again = await app.restart();
    await again.advance('1 minute');
    expect(again.work('root.done').calls).toEqual([]);
    expect(again.work('root.open').calls).toEqual([[1]]);
    expect(again.work('root.open').attempt).toBe(2);
    expect(again.work('root.stopped').launches).toBe(0);
    expect(again.root.stopped.hasStopped).toBe(true);
    expect(statusesOf(again.root.open)).toEqual([
      'pending',
      'running',
      'pending:interrupted',
      'running',
    ]);
    again.work('root.open').succeed();
    await again.settle();
    expect(again.work('root.open').calls).toEqual([[1], [2]]);
    await again.close();
  });

  test('after it had ended takes up what its end had stopped, and only that', async ({
    expect,
  }) => {
    class Ends extends Flow {
      busy = new Step();
      done = new Step();
      never = new Step();
      stopped = new Step();
      ask = '';
      run(): void {
        this.busy.run(1);
        this.done.run(1);
        this.stopped.run(1);
        if (this.stopped.isRunning) this.stopped.stop();
        if (this.ask === 'end') {
          this.ask = '';
          this.stop('enough');
        }
      }
    }
    const app = await testApp(() => new App(new Ends(), { idleTurn: null }));
    await app.settle();
    app.work('root.done').succeed();
    await app.settle();
    await app.patch([{ op: 'replace', path: '/vars/ask', value: 'end' }]);
    expect(app.result?.stage).toBe('stopped');
    const again = await app.restart();
    await again.advance('1 s');
    expect(again.loop.stage).toBe('running');
    expect(again.work('root.busy').calls).toEqual([[1]]);
    expect(again.work('root.busy').attempt).toBe(2);
    for (const name of ['done', 'never', 'stopped'] as const) {
      expect(again.work(`root.${name}`).launches, name).toBe(0);
    }
    await again.close();
  });

  test('after a work had failed it tries that call again', async ({ expect }) => {
    const app = await testApp(() => new App(calling(new Step()), { idleTurn: null }));
    await app.settle();
    app.work(work).fail(new Error('disk full'));
    await app.settle();
    expect(app.result?.stage).toBe('failed');
    const again = await app.restart();
    await again.settle();
    expect(again.work(work).attempt).toBe(2);
    again.work(work).succeed();
    await again.settle();
    expect(again.root.step.hasSucceeded).toBe(true);
    expect(stagesOf(again, work)).toEqual(['pending', 'running', 'succeeded']);
    await again.close();
  });
});

describe('a store that fails', () => {
  test('ends the app as failed, and nothing that was not committed happens (R2)', async ({
    expect,
  }) => {
    const store = new MemoryStateStore();
    const app = await wired(store);
    await begin(app);
    // Another flow takes over.
    await store.open('test');
    app.app.root.step.stop();
    await app.settle();
    const result = await app.loop.ended;
    expect(result).toMatchObject({ stage: 'failed', error: { code: 'STORE_CONFLICT' } });
    expect(app.ended).toEqual([]);
  });
});
