import { describe, test } from 'vitest';
import { App, Flow, isAppError, Work } from 'stormkite';
import { testApp } from 'stormkite/testing';
import { callHash } from '../../../runtime/loop/call-hash.ts';
import { Ledger } from '../../../runtime/loop/ledger.ts';
import { applyPatch } from '../../../runtime/state/apply.ts';
import type { Json, JsonObject } from '../../../runtime/state/json.ts';
import type { Operation } from '../../../runtime/state/operation.ts';
import { codeOf } from '../state/code-of.ts';
import { call, OneStep, open } from './one-step.ts';
import { stagesOf, statusesOf, Step } from './step.ts';

describe('the identity of a call', () => {
  test('is 32 hex digits that tell order, types and nesting apart', ({ expect }) => {
    const different: Json[][] = [
      [],
      [1, 2],
      [2, 1],
      [[1, 2]],
      [[2, 1]],
      [1],
      ['1'],
      [true],
      [null],
      [{ a: 1 }],
      [{ a: 1, b: 2 }],
      [1, 1],
      [''],
      [[]],
      [{}],
    ];
    const hashes = different.map((args) => callHash(args));
    expect(new Set(hashes).size).toBe(different.length);
    for (const hash of hashes) expect(hash).toMatch(/^[0-9a-f]{32}$/);
    expect(callHash([{ a: 1, b: { c: 1, d: 2 } }])).toBe(callHash([{ b: { d: 2, c: 1 }, a: 1 }]));
  });

  test('does not change with trailing undefined or the order of keys', async ({ expect }) => {
    class Calls extends Flow {
      step = new Step();
      run(): void {
        this.step.run(1, undefined);
        this.step.run(1);
        this.step.run({ a: 1, b: 2 });
        this.step.run({ b: 2, a: 1 });
      }
    }
    const app = await testApp(() => new App(new Calls()));
    await app.settle();
    app.work('root.step').succeed();
    await app.settle();
    expect(app.work('root.step').calls).toEqual([[1], [{ a: 1, b: 2 }]]);
    await app.close();
  });

  test('cannot be made of what JSON cannot hold', async ({ expect }) => {
    class Calls extends Flow {
      step = new Step();
      run(): void {
        this.step.run(1, { at: new Date() });
      }
    }
    const app = await testApp(() => new App(new Calls()));
    await app.settle();
    expect(isAppError(app.result?.error, 'STATE_NOT_JSON')).toBe(true);
  });
});

describe('different arguments', () => {
  test('wait for one another, first in first out, and each runs once', async ({ expect }) => {
    const app = await open();
    for (const n of [3, 1, 2]) await call(app, n);
    await call(app, 1);
    expect(app.work('root.step').calls).toEqual([[3]]);
    expect(app.loop.works()[0]?.calls).toEqual({ waiting: 2, succeeded: 0 });
    for (let n = 0; n < 3; n += 1) {
      app.work('root.step').succeed();
      await app.settle();
    }
    expect(app.work('root.step').calls).toEqual([[3], [1], [2]]);
    expect(app.root.step.numSuccesses).toBe(3);
    expect(app.root.step.status.stage).toBe('succeeded');
    await app.close();
  });

  test('beyond 10,000 waiting ones are refused', async ({ expect }) => {
    class Floods extends Flow {
      step = new Step();
      count = 10_001;
      run(): void {
        for (let n = 0; n < this.count; n += 1) this.step.run(n);
      }
    }
    const app = await testApp(() => new App(new Floods(), { idleTurn: null }));
    await app.settle();
    expect(app.result).toBeNull();
    expect(app.loop.works()[0]?.calls.waiting).toBe(10_000);
    await app.patch([{ op: 'replace', path: '/vars/count', value: 10_002 }]);
    expect(isAppError(app.result?.error, 'WORK_QUEUE_FULL')).toBe(true);
  });

  test('that wait when the work is stopped become stopped', async ({ expect }) => {
    const app = await open();
    for (const n of [1, 2, 3]) await call(app, n);
    const stopped = app.loop.command('root.step', 'stop');
    await app.settle();
    await stopped;
    const { calls } = app.root.step.state as { calls: Record<string, { outcome?: string }> };
    for (const n of [1, 2, 3]) expect(calls[callHash([n])]?.outcome).toBe('stopped');
    expect(calls['queue']).toEqual([]);
    const started = app.loop.command('root.step', 'start');
    await app.settle();
    await started;
    for (const _ of [1, 2, 3]) {
      app.work('root.step').succeed();
      await app.settle();
    }
    expect(app.work('root.step').calls).toEqual([[1], [1], [2], [3]]);
    await app.close();
  });
});

describe('caching', () => {
  test('without it a call is repeated after each success, at the pace of the flow', async ({
    expect,
  }) => {
    const app = await testApp(
      () => new App(new OneStep(new Step({ cacheCalls: false })), { idleTurn: null }),
      {
        works: { 'root.step': (work) => work.set({ counter: work.calls.length }) },
      },
    );
    await call(app, 1);
    expect(app.work('root.step').calls).toHaveLength(1);
    await app.advance('1 s');
    expect(app.work('root.step').calls).toHaveLength(11);
    expect(app.root.step.numSuccesses).toBe(11);
    await app.close();
  });

  test('a failed call is not repeated even without it', async ({ expect }) => {
    const app = await open(() => new Step({ cacheCalls: false, raiseException: false }));
    await call(app, 1);
    app.work('root.step').fail(new Error('no'));
    await app.advance('10 s');
    expect(app.work('root.step').calls).toHaveLength(1);
    await app.close();
  });

  test('works outside any app, for synchronous and asynchronous works', async ({ expect }) => {
    const lines: unknown[] = [];
    class Prints extends Work<object> {
      run(value: number): void {
        lines.push(value);
      }
    }
    const work = new Prints();
    for (let time = 0; time < 5; time += 1) work.run(1);
    work.run(10);
    expect(lines).toEqual([1, 10]);
    const uncached = new Prints({ cacheCalls: false });
    for (let time = 0; time < 5; time += 1) uncached.run(1);
    expect(lines).toHaveLength(7);

    let attempts = 0;
    class Fails extends Work {
      async run(value: number): Promise<void> {
        attempts += 1;
        if (attempts < 3) throw new Error(`attempt ${attempts} of ${value}`);
      }
    }
    const fails = new Fails();
    await expect(fails.run(1)).rejects.toThrow('attempt 1');
    await expect(fails.run(1)).rejects.toThrow('attempt 2');
    await fails.run(1);
    await fails.run(1);
    expect(attempts).toBe(3);
    let tries = 0;
    class Throws extends Work {
      run(): void {
        tries += 1;
        if (tries === 1) throw new Error('no');
      }
    }
    const throws = new Throws();
    expect(() => throws.run()).toThrow('no');
    throws.run();
    throws.run();
    expect(tries).toBe(2);
    expect(codeOf(() => work.run(new Date() as never))).toBe('STATE_NOT_JSON');
  });

  test('no hash is forgotten, however many calls follow, and over a restart', async ({
    expect,
  }) => {
    class Many extends Flow {
      step = new Step();
      upTo = 0;
      run(): void {
        for (let n = 0; n < this.upTo; n += 1) this.step.run(n, 'x'.repeat(100));
      }
    }
    const options = { works: { 'root.step': () => undefined } };
    const app = await testApp(() => new App(new Many(), { idleTurn: null }), options);
    await app.patch([{ op: 'replace', path: '/vars/upTo', value: 300 }]);
    expect(app.work('root.step').calls).toHaveLength(300);
    expect(app.root.step.numSuccesses).toBe(300);
    const { calls } = app.root.step.state as {
      calls: Record<string, { args?: unknown; statuses?: unknown[] }>;
    };
    const entries = Object.values(calls).filter(
      (entry) => typeof entry === 'object' && entry !== null && 'statuses' in entry,
    );
    expect(entries).toHaveLength(300);
    expect(entries.filter(({ args }) => args !== undefined)).toHaveLength(100);
    const again = await app.restart();
    await again.advance('1 minute');
    expect(again.work('root.step').calls).toEqual([]);
    expect(again.root.step.numSuccesses).toBe(300);
    await again.close();
  });

  test('one call repeated for ever keeps a bounded history', async ({ expect }) => {
    const app = await testApp(
      () => new App(new OneStep(new Step({ cacheCalls: false })), { idleTurn: null }),
      {
        works: { 'root.step': () => undefined },
        timings: { paceMs: 1 },
      },
    );
    await call(app, 1);
    await app.advance('500 ms');
    expect(app.work('root.step').calls.length).toBeGreaterThan(300);
    expect(app.root.step.statuses.length).toBeLessThanOrEqual(50);
    await app.close();
  });
});

describe('the ledger', () => {
  test('tells every change of its document as an operation', ({ expect }) => {
    const ops: Operation[] = [];
    const calls: JsonObject = { latest_call_hash: null };
    const ledger = new Ledger(calls, { record: (op) => ops.push(op) });
    const done = { stage: 'succeeded', timestamp: 9 } as const;
    for (let n = 0; n < 150; n += 1) ledger.submit(callHash([n]), [n], 'root.w', n, null);
    for (let n = 0; n < 120; n += 1) {
      ledger.running(callHash([n]), 1, n);
      if (n % 7 === 0)
        ledger.end(callHash([n]), 1, 'failed', {
          stage: 'failed',
          timestamp: n,
          reason: 'timeout',
        });
      else ledger.end(callHash([n]), 1, 'succeeded', done);
    }
    ledger.resend(1, 'lost', true);
    ledger.pendingReason(1, 'capacity', 'none left');
    ledger.stop(5, 'requested');
    ledger.starting(6);
    ledger.processFailed({ stage: 'failed', timestamp: 7 });
    const { doc } = applyPatch({ latest_call_hash: null }, ops, 'atomic');
    expect(doc).toEqual(calls);
  });
});

describe('a process that dies', () => {
  test('fails its call with what is known of the reason', async ({ expect }) => {
    for (const reason of ['exited', 'oom'] as const) {
      const app = await open();
      await call(app, 1);
      app.work('root.step').crash(reason, 'signal SIGKILL');
      await app.settle();
      expect(app.root.step.statuses[2]).toMatchObject({
        stage: 'failed',
        reason,
        message: 'signal SIGKILL',
      });
      expect(isAppError(app.result?.error, 'WORK_FAILED')).toBe(true);
      expect(app.work('root.step').calls).toHaveLength(1);
    }
  });

  test('with its host is replaced: the same call, the next attempt, up to three times', async ({
    expect,
  }) => {
    const app = await open();
    await call(app, 1);
    app.work('root.step').set({ counter: 5 });
    await app.settle();
    for (let times = 1; times <= 3; times += 1) {
      app.work('root.step').crash('interrupted', 'the host is gone');
      await app.settle();
      expect(app.result).toBeNull();
      expect(app.work('root.step').attempt).toBe(times + 1);
      expect(app.root.step.attempt).toBe(times + 1);
      expect(app.work('root.step').initialVars['counter']).toBe(5);
      expect(app.root.step.isRunning).toBe(true);
    }
    app.work('root.step').crash('interrupted', 'the host is gone');
    await app.settle();
    expect(app.result?.stage).toBe('failed');
    expect(app.root.step.attempt).toBe(4);
    expect(app.root.step.statuses.findLast(({ stage }) => stage === 'failed')?.reason).toBe(
      'interrupted',
    );
  });

  test('while it was only started is replaced when its host was lost, and fails otherwise', async ({
    expect,
  }) => {
    const app = await open(undefined, { startWithFlow: true });
    await app.settle();
    app.work('root.step').crash('interrupted');
    await app.settle();
    expect(stagesOf(app, 'root.step')).toEqual([
      'pending',
      'started',
      'pending:interrupted',
      'started',
    ]);
    expect(app.work('root.step').launches).toBe(2);
    app.work('root.step').crash('exited');
    await app.settle();
    expect(app.result?.stage).toBe('failed');
  });

  test('before it is up is replaced so often in a row, and again after it was up', ({ expect }) => {
    const ledger = new Ledger({ latest_call_hash: null }, { record: () => undefined });
    const lose = (at: number): boolean => ledger.restarting(at, 'no artifact', 3);
    ledger.starting(1);
    expect([lose(2), lose(3), lose(4), lose(5)]).toEqual([true, true, true, false]);
    ledger.started(6);
    expect(lose(7)).toBe(true);
  });

  test('after it had done its work is told, fails nothing, and is replaced by the next call', async ({
    expect,
  }) => {
    const app = await open();
    await call(app, 1);
    app.work('root.step').succeed();
    await app.settle();
    app.work('root.step').crash('exited', 'code 1');
    await app.settle();
    expect(app.result).toBeNull();
    expect(app.root.step.status).toMatchObject({
      stage: 'failed',
      reason: 'exited',
      message: 'code 1',
    });
    expect(app.root.step).toMatchObject({ hasSucceeded: true, hasFailed: false });
    await app.advance('1 minute');
    expect(app.work('root.step').launches).toBe(1);
    await call(app, 2);
    expect(app.work('root.step').launches).toBe(2);
    await app.close();
  });

  test('leaves the waiting calls to the next one', async ({ expect }) => {
    const app = await open(() => new Step({ raiseException: false }));
    await call(app, 1);
    await call(app, 2);
    app.work('root.step').crash('oom');
    await app.settle();
    expect(app.work('root.step').calls).toEqual([[1], [2]]);
    expect(app.work('root.step').launches).toBe(2);
    await app.close();
  });
});

describe('a launch that is refused', () => {
  test('for now is tried again, ever later, and says why it waits', async ({ expect }) => {
    let refusals = 0;
    const app = await open(undefined, {
      refuse: () => {
        refusals += 1;
        return refusals > 3
          ? null
          : { ok: false, reason: 'capacity', message: 'no g4dn.xlarge left', retryAfterMs: 1_000 };
      },
    });
    await call(app, 1);
    expect(app.root.step.status).toMatchObject({
      stage: 'pending',
      reason: 'capacity',
      message: 'no g4dn.xlarge left',
    });
    await app.advance('999 ms');
    expect(refusals).toBe(1);
    await app.advance('1 ms');
    expect(refusals).toBe(2);
    await app.advance('2 s');
    expect(refusals).toBe(3);
    await app.advance('3999 ms');
    expect(app.work('root.step').isUp).toBe(false);
    await app.advance('1 ms');
    expect(app.root.step.isRunning).toBe(true);
    expect(statusesOf(app.root.step)).toEqual(['pending', 'pending:capacity', 'running']);
    await app.close();
  });

  test('before a time that is known is not tried before it', async ({ expect }) => {
    let refusals = 0;
    const app = await open(undefined, {
      refuse: () => {
        refusals += 1;
        return refusals > 1
          ? null
          : { ok: false, reason: 'budget', message: 'spent', retryAfterMs: 10 * 3_600_000 };
      },
    });
    await call(app, 1);
    expect(app.root.step.status).toMatchObject({ stage: 'pending', reason: 'budget' });
    await app.advance('9h59m59s');
    expect(refusals).toBe(1);
    await app.advance('1 s');
    expect(app.root.step.isRunning).toBe(true);
    await app.close();
  });

  test('for now can be stopped while it waits', async ({ expect }) => {
    let launches = 0;
    const app = await open(undefined, {
      refuse: () => {
        launches += 1;
        return { ok: false, reason: 'quota', message: 'none', retryAfterMs: 1_000 };
      },
    });
    await call(app, 1);
    const stopped = app.loop.command('root.step', 'stop');
    await app.settle();
    await stopped;
    await app.advance('10 minutes');
    expect(launches).toBe(1);
    expect(app.root.step.hasStopped).toBe(true);
    await app.close();
  });

  test('for good fails the call, and the app unless raiseException is off', async ({ expect }) => {
    const refuse = () => ({ ok: false, reason: 'secret', message: 'env:KEY is not set' }) as const;
    const app = await open(undefined, { refuse });
    await call(app, 1);
    expect(isAppError(app.result?.error, 'WORK_LAUNCH_FAILED')).toBe(true);
    expect(app.root.step.statuses[1]).toMatchObject({ stage: 'failed', reason: 'secret' });
    const lenient = await open(() => new Step({ raiseException: false }), { refuse });
    await call(lenient, 1);
    await lenient.advance('1 minute');
    expect(lenient.result).toBeNull();
    expect(lenient.root.step.hasFailed).toBe(true);
    expect(statusesOf(lenient.root.step)).toEqual(['pending', 'failed:secret']);
    await lenient.close();
  });
});
