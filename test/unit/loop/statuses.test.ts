import { describe, test } from 'vitest';
import { App, Flow, isAppError } from 'stormkite';
import { testApp } from 'stormkite/testing';
import { background } from '../../../runtime/errors/index.ts';
import { ask, call, open } from './one-step.ts';
import { stagesOf, statusesOf, Step } from './step.ts';

describe('statuses', () => {
  test('of a call go from pending over running to its outcome, with times', async ({ expect }) => {
    const app = await open();
    await app.settle();
    expect(app.root.step.status).toEqual({ stage: 'not_started', timestamp: 0 });
    await app.advance('1 s');
    await call(app, 1);
    expect(app.root.step.isRunning).toBe(true);
    await app.advance('1 s');
    app.work('root.step').succeed();
    await app.settle();
    expect(stagesOf(app, 'root.step')).toEqual(['pending', 'running', 'succeeded']);
    const start = Date.parse('2026-01-01T00:00:00Z');
    expect(app.root.step.statuses.map(({ timestamp }) => timestamp - start)).toEqual([
      1_000, 1_000, 2_000,
    ]);
    expect(app.root.step).toMatchObject({
      hasStarted: true,
      hasSucceeded: true,
      hasFailed: false,
      numSuccesses: 1,
    });
    await app.close();
  });

  test('are pending right after run() of an idle work', async ({ expect }) => {
    const seen: string[] = [];
    class Looks extends Flow {
      step = new Step();
      run(): void {
        this.step.run();
        seen.push(this.step.status.stage);
      }
    }
    const app = await testApp(() => new App(new Looks()));
    await app.settle();
    expect(seen[0]).toBe('pending');
    expect(seen.at(-1)).toBe('running');
    await app.close();
  });

  test('of a work started without a call go from pending to started', async ({ expect }) => {
    const app = await open();
    await ask(app, 'start');
    expect(stagesOf(app, 'root.step')).toEqual(['pending', 'started']);
    expect(app.root.step.hasStarted).toBe(true);
    await call(app, 1);
    app.work('root.step').succeed();
    await app.settle();
    expect(stagesOf(app, 'root.step')).toEqual([
      'pending',
      'started',
      'pending',
      'running',
      'succeeded',
    ]);
    expect(app.work('root.step').launches).toBe(1);
    await app.close();
  });

  test('startWithFlow starts the works of constructors with the app; an explicit value wins', async ({
    expect,
  }) => {
    for (const [byDefault, explicit, started] of [
      [true, undefined, true],
      [false, undefined, false],
      [false, true, true],
      [true, false, false],
    ] as const) {
      const options = explicit === undefined ? {} : { startWithFlow: explicit };
      const app = await open(() => new Step(options), { startWithFlow: byDefault });
      await app.settle();
      expect(stagesOf(app, 'root.step')).toEqual(started ? ['pending', 'started'] : []);
      expect(app.work('root.step').isUp).toBe(started);
      await app.close();
    }
  });

  test('a work that is stopped before it started is stopped without a process', async ({
    expect,
  }) => {
    const app = await open();
    await ask(app, 'stop');
    await ask(app, 'stop');
    expect(stagesOf(app, 'root.step')).toEqual(['stopped:requested']);
    expect(app.root.step.hasStopped).toBe(true);
    expect(app.work('root.step').launches).toBe(0);
    await call(app, 'new arguments');
    expect(app.root.step.isRunning).toBe(true);
    await app.close();
  });

  test('stop() of a running call ends the process, and run() with the same arguments never resurrects it', async ({
    expect,
  }) => {
    const app = await open();
    await call(app, 1);
    await ask(app, 'stop');
    expect(app.work('root.step').isUp).toBe(false);
    expect(stagesOf(app, 'root.step')).toEqual(['pending', 'running', 'stopped:requested']);
    await app.advance('1 minute');
    expect(app.work('root.step').launches).toBe(1);
    await call(app, 2);
    expect(app.work('root.step').calls).toEqual([[1], [2]]);
    expect(app.work('root.step').launches).toBe(2);
    await app.close();
  });

  test('stop() in every turn changes nothing after the first', async ({ expect }) => {
    class Stops extends Flow {
      step = new Step();
      run(): void {
        this.step.run();
        this.step.stop();
      }
    }
    const app = await testApp(() => new App(new Stops(), { idleTurn: null }));
    await app.advance('10 s');
    expect(stagesOf(app, 'root.step')).toEqual(['pending', 'stopped:requested']);
    expect(app.turns).toBe(2);
    expect(app.work('root.step').launches).toBe(0);
    await app.close();
  });

  test('start() re-arms a stopped work and its interrupted call as the next attempt', async ({
    expect,
  }) => {
    const app = await open();
    await call(app, 1);
    await ask(app, 'stop');
    await ask(app, 'start');
    expect(app.work('root.step').calls).toEqual([[1], [1]]);
    expect(app.work('root.step').attempt).toBe(2);
    expect(app.root.step.attempt).toBe(2);
    app.work('root.step').succeed();
    await app.settle();
    expect(statusesOf(app.root.step)).toEqual([
      'pending',
      'running',
      'stopped:requested',
      'pending',
      'running',
      'succeeded',
    ]);
    await app.close();
  });

  test('start() re-arms a failed work and its call', async ({ expect }) => {
    const app = await open(() => new Step({ raiseException: false }));
    await call(app, 1);
    app.work('root.step').fail(new Error('first'));
    await app.advance('1 minute');
    expect(app.root.step.hasFailed).toBe(true);
    expect(app.work('root.step').calls).toEqual([[1]]);
    await ask(app, 'start');
    expect(app.work('root.step').calls).toEqual([[1], [1]]);
    app.work('root.step').succeed();
    await app.settle();
    expect(app.root.step).toMatchObject({ hasFailed: false, hasSucceeded: true, numSuccesses: 1 });
    await app.close();
  });

  test('start() of a work that runs or has succeeded changes no status', async ({ expect }) => {
    const app = await open();
    await call(app, 1);
    await ask(app, 'start');
    app.work('root.step').succeed();
    await app.settle();
    await ask(app, 'start');
    expect(stagesOf(app, 'root.step')).toEqual(['pending', 'running', 'succeeded']);
    expect(app.work('root.step').calls).toEqual([[1]]);
    await app.close();
  });

  test('hasSucceeded keeps telling the outcome when a succeeded work is stopped', async ({
    expect,
  }) => {
    const app = await open();
    await call(app, 1);
    app.work('root.step').succeed();
    await app.settle();
    await ask(app, 'stop');
    expect(app.root.step).toMatchObject({ hasStopped: true, hasSucceeded: true, isRunning: false });
    expect(app.root.step.status.stage).toBe('stopped');
    await app.close();
  });

  test('a call that had succeeded before it noticed the stop keeps its outcome', async ({
    expect,
  }) => {
    const app = await open();
    await call(app, 1);
    await app.patch([{ op: 'add', path: '/vars/ask/-', value: 'stop' }]);
    expect(app.root.step.hasSucceeded).toBe(false);
    const late = await open();
    await call(late, 1);
    late.work('root.step').succeed();
    const stopped = late.loop.command('root.step', 'stop');
    await late.settle();
    await stopped;
    expect(late.root.step).toMatchObject({ hasStopped: true, hasSucceeded: true, numSuccesses: 1 });
  });

  test('the end of the app stops every work once its deltas have arrived', async ({ expect }) => {
    const app = await open();
    await call(app, 1);
    app.work('root.step').set({ counter: 7 });
    await ask(app, 'end');
    expect(app.result).toEqual({ stage: 'stopped', message: 'as asked' });
    expect(stagesOf(app, 'root.step')).toEqual(['pending', 'running', 'stopped:app_ended']);
    expect(app.root.step.counter).toBe(7);
    const stages = app.events.flatMap((event) => (event.type === 'stage' ? [event.stage] : []));
    expect(stages).toEqual(['running', 'stopping', 'stopped']);
    expect(app.state['app_state']).toEqual({ stage: 'stopped' });
  });

  test('an end that was under way is carried out by the flow that comes back, without a turn', async ({
    expect,
  }) => {
    class Deaf extends Step {
      override run(): Promise<void> {
        return new Promise(() => undefined);
      }
    }
    for (const fails of [false, true]) {
      const before = await open(() => new Deaf(), { works: 'run' });
      await call(before, 1);
      if (fails) before.loop.fail(new RangeError('too large'));
      else await ask(before, 'end');
      await before.settle();
      expect(before.loop.stage).toBe('stopping');
      const app = await before.restart({ keepWorks: true });
      await app.advance('1 minute');
      expect(app.result).toMatchObject(
        fails
          ? { stage: 'failed', error: { name: 'RangeError', message: 'too large' } }
          : { stage: 'stopped', message: 'as asked' },
      );
      expect(app.turns).toBe(0);
      expect(statusesOf(app.root.step)).toEqual(['pending', 'running', 'stopped:app_ended']);
      const again = await app.restart();
      await again.settle();
      expect(again.result).toBeNull();
      expect(again.turns).toBeGreaterThan(0);
      expect(statusesOf(again.root.step).at(-1)).toBe('running');
      await again.close();
    }
  });
});

describe('a work that is stopped and wanted again in one turn', () => {
  test('gets another process, and its interrupted call there', async ({ expect }) => {
    const app = await open();
    await call(app, 1);
    await ask(app, 'restart');
    expect(app.work('root.step')).toMatchObject({ launches: 2, attempt: 2, calls: [[1], [1]] });
    expect(app.root.step.isRunning).toBe(true);
    app.work('root.step').succeed();
    await app.settle();
    expect(app.root.step.hasSucceeded).toBe(true);
    await ask(app, 'restart');
    await ask(app, 'restart');
    expect(app.work('root.step').launches).toBe(4);
    expect(statusesOf(app.root.step).at(-1)).toBe('started');
    await app.close();
  });

  test('gets another process for other arguments', async ({ expect }) => {
    const app = await open();
    await call(app, 1);
    await app.patch([
      { op: 'add', path: '/vars/ask/-', value: 'stop' },
      { op: 'add', path: '/vars/calls/-', value: [2] },
    ]);
    expect(app.work('root.step')).toMatchObject({ launches: 2, calls: [[1], [2]] });
    await app.close();
  });

  test('gets it also when the flow was killed before it could act on that', async ({ expect }) => {
    const app = await open();
    await call(app, 1);
    const asked = ask(app, 'restart');
    await app.turn();
    const next = await app.restart({ keepWorks: true });
    await next.settle();
    background(asked, 'asking a flow that was killed');
    expect(next.work('root.step')).toMatchObject({ launches: 2, attempt: 2, calls: [[1], [1]] });
    await next.close();
  });
});

describe('a work that does not cache its calls', () => {
  test('stays stopped, whatever its last call came to', async ({ expect }) => {
    const app = await open(() => new Step({ cacheCalls: false }));
    await call(app, 1);
    app.work('root.step').succeed();
    await app.settle();
    await ask(app, 'stop');
    await app.advance('1 minute');
    expect(app.work('root.step')).toMatchObject({ isUp: false, launches: 1 });
    expect(app.root.step).toMatchObject({ hasStopped: true });
    await ask(app, 'start');
    await app.advance('1 minute');
    expect(app.work('root.step')).toMatchObject({ isBusy: true, launches: 2 });
    await app.close();
  });

  test('is called again by an app that had ended and is run again', async ({ expect }) => {
    const app = await open(() => new Step({ cacheCalls: false }));
    await call(app, 1);
    app.work('root.step').succeed();
    await ask(app, 'end');
    await app.settle();
    expect(app.result).toMatchObject({ stage: 'stopped' });
    const next = await app.restart();
    await next.advance('1 minute');
    expect(next.work('root.step').isBusy).toBe(true);
    await next.close();
  });
});

describe('a failing call', () => {
  test('fails the app with the stack of the work', async ({ expect }) => {
    const app = await open();
    await call(app, 1);
    const cause = new RangeError('too large');
    app.work('root.step').fail(cause);
    await app.settle();
    expect(app.result?.stage).toBe('failed');
    const { error } = app.result ?? {};
    expect(isAppError(error, 'WORK_FAILED')).toBe(true);
    expect((error as Error).cause).toMatchObject({
      name: 'RangeError',
      message: 'too large',
      stack: cause.stack,
    });
    expect(statusesOf(app.root.step)).toEqual([
      'pending',
      'running',
      'failed:user_exception',
      'stopped:app_ended',
    ]);
    expect(app.root.step.statuses[2]?.message).toBe(cause.stack);
    expect(app.root.step.hasFailed).toBe(true);
    expect(app.events.filter(({ type }) => type === 'error')).toHaveLength(1);
  });

  test('leaves the flow going when raiseException is off or the work took care of it', async ({
    expect,
  }) => {
    for (const [options, handled] of [
      [{ raiseException: false }, false],
      [{}, true],
    ] as const) {
      const app = await open(() => new Step(options));
      await call(app, 1);
      app.work('root.step').fail(new Error('no'), { handled });
      await app.settle();
      expect(app.result).toBeNull();
      expect(app.root.step).toMatchObject({ hasFailed: true, hasTimeout: false });
      expect(app.work('root.step').isUp).toBe(true);
      await call(app, 2);
      expect(app.work('root.step').calls).toEqual([[1], [2]]);
      await app.close();
    }
  });

  test('lets the next waiting call go', async ({ expect }) => {
    const app = await open(() => new Step({ raiseException: false }));
    await call(app, 1);
    await call(app, 2);
    app.work('root.step').fail(new Error('no'));
    await app.settle();
    expect(app.work('root.step').calls).toEqual([[1], [2]]);
    expect(app.root.step.isRunning).toBe(true);
    await app.close();
  });
});

describe('a time-out', () => {
  test('fails the call, and its process makes room for the next one', async ({ expect }) => {
    const app = await open(() => new Step({ raiseException: false, timeout: '5 s' }));
    await call(app, 1);
    await call(app, 2);
    await app.advance('4999 ms');
    expect(app.root.step.isRunning).toBe(true);
    await app.advance('1 ms');
    expect(app.work('root.step').launches).toBe(2);
    expect(app.work('root.step').calls).toEqual([[1], [2]]);
    expect(app.root.step).toMatchObject({ numTimeouts: 1, hasTimeout: false, isRunning: true });
    await app.advance('5 s');
    expect(app.root.step).toMatchObject({ numTimeouts: 2, hasTimeout: true, hasFailed: true });
    expect(app.root.step.status.reason).toBe('timeout');
    await call(app, 3);
    app.work('root.step').succeed();
    await app.settle();
    expect(app.root.step).toMatchObject({ numTimeouts: 0, hasTimeout: false, numSuccesses: 1 });
    await app.advance('1 minute');
    expect(app.root.step.hasSucceeded).toBe(true);
    await app.close();
  });

  test('fails the app by default', async ({ expect }) => {
    const app = await open(() => new Step({ timeout: 100 }));
    await call(app, 1);
    await app.advance('100 ms');
    expect(isAppError(app.result?.error, 'WORK_FAILED')).toBe(true);
    expect((app.result?.error as Error).message).toContain('timeout');
  });
});
