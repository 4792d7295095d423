import { describe, test } from 'vitest';
import { CloudCompute, Dict, Flow, type Operation } from 'stormkite';
import { MemoryStateStore } from '../../../runtime/backends/memory/memory-state-store.ts';
import type { WorkFact } from '../../../runtime/ports/launcher.ts';
import type { Delta } from '../../../runtime/protocol/delta.ts';
import { statusesOf, Step } from './step.ts';
import {
  begin,
  callOf,
  calling,
  running,
  set,
  told,
  wired,
  WORK as work,
  type Call,
  type Wired,
} from './wired.ts';

const exited: WorkFact = { ...running, state: 'exited', reason: 'exited', message: 'code 1' };
const asAsked: WorkFact = { ...exited, reason: 'stopped', message: 'ended as asked' };

/** The flow dies; gives what it left. */
async function die(before: Wired): Promise<void> {
  await before.pass(1_000);
  before.loop.abandon();
  await before.lease.close();
}

/** What a flow left that died under a call. More may have been written that it did not hear of. */
async function left(more: (call: Call) => readonly Delta[] = () => []): Promise<MemoryStateStore> {
  const store = new MemoryStateStore();
  const before = await wired(store);
  await begin(before);
  await before.lease.appendDeltas(more(callOf(before)));
  await die(before);
  return store;
}

describe('a flow that comes back to a process that', () => {
  test('has died finds its call failed, not interrupted', async ({ expect }) => {
    const app = await wired(await left(), [exited]);
    expect(statusesOf(app.app.root.step).slice(0, 3)).toEqual([
      'pending',
      'running',
      'failed:exited',
    ]);
    expect(await app.loop.ended).toMatchObject({ error: { code: 'WORK_FAILED' } });
  });

  test('had ended its call before it died knows that first', async ({ expect }) => {
    const store = await left((call) => [
      set(3, 42),
      told(4, { type: 'end', ...call, outcome: 'succeeded' }),
    ]);
    const app = await wired(store, [exited]);
    expect(app.app.root.step.counter).toBe(42);
    expect(statusesOf(app.app.root.step)).toEqual([
      'pending',
      'running',
      'succeeded',
      'failed:exited',
    ]);
    expect(app.loop.stage).toBe('running');
  });

  test('was asked to end under its call takes the call up again', async ({ expect }) => {
    const store = await left((call) => [told(3, { type: 'end', ...call, outcome: 'stopped' })]);
    const app = await wired(store, [{ ...running, asked: true }]);
    await app.pass(1_000);
    expect({ ended: app.ended, launches: app.launches }).toEqual({ ended: [], launches: [] });
    app.hear(set(4, 7));
    app.tell(asAsked);
    await app.pass(1_000);
    expect(app.launches).toMatchObject([{ work, epoch: 2, vars: { counter: 7 } }]);
    expect(statusesOf(app.app.root.step)).toEqual(['pending', 'running', 'pending:interrupted']);
  });

  test('was asked to end, and did before anybody listened, takes the call up again', async ({
    expect,
  }) => {
    const app = await wired(await left(), [{ ...asAsked, asked: true }]);
    await app.pass(1_000);
    expect(app.launches).toMatchObject([{ work, epoch: 2 }]);
    expect(statusesOf(app.app.root.step)).not.toContain('stopped:external');
  });

  test('was stopped, and calls its work at once, gives the call to the next process', async ({
    expect,
  }) => {
    const store = new MemoryStateStore();
    const before = await wired(store);
    await begin(before);
    before.app.root.step.stop();
    await die(before);
    const app = await wired(store, [{ ...running, asked: true }], calling(new Step(), 2));
    await app.pass(1_000);
    expect(app.sent).toEqual([]);
    app.tell({ ...asAsked, asked: true });
    await app.pass(1_000);
    expect(app.launches).toMatchObject([{ work, epoch: 2 }]);
    app.tell({ ...running, epoch: 2 });
    app.hear(told(3, { type: 'ready' }, 2));
    await app.settle();
    expect(app.sent).toMatchObject([{ type: 'call', args: [2] }]);
  });

  test('somebody stopped past all flows leaves its work stopped', async ({ expect }) => {
    const app = await wired(await left(), [running]);
    app.tell(asAsked);
    await app.pass(1_000);
    expect(app.launches).toEqual([]);
    expect(statusesOf(app.app.root.step)).toContain('stopped:external');
  });

  test('overran its timeout ends it, and gives it no call', async ({ expect }) => {
    const store = new MemoryStateStore();
    const root = () => calling(new Step({ timeout: '10 s', raiseException: false }), 2);
    const before = await wired(store, [], root());
    await begin(before);
    await before.pass(10_000);
    expect(statusesOf(before.app.root.step)).toEqual(['pending']);
    await die(before);
    const app = await wired(store, [running], root());
    await app.pass(1_000);
    expect({ sent: app.sent, ended: app.ended }).toEqual({ sent: [], ended: [{ work, epoch: 1 }] });
  });

  test('serves knows its address, also when it said so before its machine was known', async ({
    expect,
  }) => {
    const store = new MemoryStateStore();
    const before = await wired(store);
    await begin(before);
    const url = { op: 'replace', path: '/vars/_url', value: 'http://127.0.0.1:8080' } as const;
    before.hear({ work, epoch: 1, seq: 3, ops: [url] });
    await before.pass(1_000);
    expect(before.app.root.step.url).toBe('');
    await die(before);
    const address = { internalIp: '10.0.0.7', publicIp: '', ports: { 8080: 32_768 } };
    const app = await wired(store, [{ work, epoch: 1, pid: 7, state: 'running', address }]);
    expect(app.app.root.step.url).toBe('http://10.0.0.7:32768');
  });

  test('receives the writes of its flow is given those that may not have reached it', async ({
    expect,
  }) => {
    class Tuned extends Step {
      override applyFlowDelta(delta: readonly Operation[]): void {
        super.applyFlowDelta(delta);
      }
    }
    const store = new MemoryStateStore();
    const before = await wired(store, [], calling(new Tuned()));
    await begin(before);
    before.app.root.step.counter = 5;
    await die(before);
    const app = await wired(store, [running], calling(new Tuned()));
    await app.settle();
    expect(app.sent).toEqual([
      { type: 'flowDelta', ops: [{ op: 'add', path: '/vars/counter', value: 5 }] },
    ]);
  });

  test('is gone hears of its end once: the next call is not failed by it', async ({ expect }) => {
    const store = new MemoryStateStore();
    const root = () => calling(new Step({ raiseException: false }), 3);
    const before = await wired(store, [], root());
    await begin(before);
    before.reach('absent');
    before.hear(told(3, { type: 'end', ...callOf(before), outcome: 'succeeded' }));
    await before.settle();
    // It fails the second call; the third one waits until it may be tried.
    before.tell(exited);
    await before.settle();
    await before.pass(200);
    expect(before.launches).toHaveLength(1);
    before.loop.abandon();
    await before.lease.close();
    const app = await wired(store, [exited], root());
    await app.pass(1_000);
    expect(app.app.root.step.status.stage).toBe('pending');
    expect(app.launches).toMatchObject([{ work, epoch: 2 }]);
  });

  test('left hardware that was to be kept keeps it', async ({ expect }) => {
    const store = new MemoryStateStore();
    const before = await wired(store);
    await begin(before);
    before.app.root.step.stop({ keepHardware: true });
    await die(before);
    const app = await wired(store, []);
    expect([app.kept, app.released]).toEqual([[work], []]);
  });
});

describe('a failure that is told while an app is', () => {
  test('interrupted does not end it: the call is made again', async ({ expect }) => {
    const store = new MemoryStateStore();
    const before = await wired(store);
    await begin(before);
    const over = before.loop.interrupt();
    before.hear(told(3, { type: 'end', ...callOf(before), outcome: 'failed' }));
    await before.settle();
    await over;
    await before.lease.close();
    const app = await wired(store);
    await app.pass(1_000);
    expect(statusesOf(app.app.root.step)).toEqual(['pending', 'running', 'pending:interrupted']);
    expect(app.launches).toMatchObject([{ work, epoch: 2 }]);
  });

  test('left to the next flow is the next one’s to take in', async ({ expect }) => {
    const store = new MemoryStateStore();
    const before = await wired(store);
    await begin(before);
    const failed = told(3, { type: 'end', ...callOf(before), outcome: 'failed' });
    await before.lease.appendDeltas([failed]);
    const over = before.loop.leave();
    before.hear(failed);
    await before.settle();
    await over;
    await before.lease.close();
    const app = await wired(store, [running]);
    app.tell(asAsked);
    await app.settle();
    expect(await app.loop.ended).toMatchObject({ stage: 'failed', error: { code: 'WORK_FAILED' } });
  });
});

describe('a work that is deleted', () => {
  test('gives the hardware back that was kept for it', async ({ expect }) => {
    class Deletes extends Flow {
      step = new Step({ cloudCompute: new CloudCompute('gpu') });
      run(): void {
        this.step.run(1);
      }
    }
    const app = await wired(undefined, [], new Deletes());
    await begin(app);
    app.app.root.step.stop({ keepHardware: true });
    await app.settle();
    app.tell(asAsked);
    await app.settle();
    const deleted = app.loop.command(work, 'delete');
    await app.settle();
    await deleted;
    expect([app.kept, app.released]).toEqual([[work], [work]]);
  });
});

describe('a work that takes the name of one whose process outlives its flow', () => {
  /** Has a work beside the one that it is given. */
  class Renews extends Flow {
    readonly step = new Step();
    more = new Dict<Step>();
    run(): void {
      (this.more['x'] ??= new Step()).run(1);
    }
  }
  class Drops extends Renews {
    override run(): void {
      delete this.more['x'];
    }
  }
  const name = 'root.more.x';
  const of = <T extends WorkFact | Delta>(said: T): T => ({ ...said, work: name });

  test('writes behind what that one still writes', async ({ expect }) => {
    const store = new MemoryStateStore();
    const before = await wired(store, [], new Renews());
    before.tell(of(running));
    before.hear(of(told(1, { type: 'ready' })));
    await die(before);
    await die(await wired(store, [of(running)], new Drops()));
    const app = await wired(store, [of(running)], new Renews());
    expect(app.ended).toEqual([{ work: name, epoch: 1 }]);
    expect(app.launches).toMatchObject([{ work: name, epoch: 2, seq: 1 }]);
    app.tell(of({ ...running, epoch: 2 }));
    app.hear(of(set(2, 5)));
    app.hear(of(told(3, { type: 'ready' }, 2)));
    await app.settle();
    expect(app.sent).toMatchObject([{ type: 'call', args: [1] }]);
  });
});

describe('a flow that finds two processes of a work', () => {
  test('takes the newer one, and leaves the older one to its launcher', async ({ expect }) => {
    const store = new MemoryStateStore();
    const before = await wired(store);
    await begin(before);
    before.tell({ work, epoch: 1, pid: 7, state: 'lost', message: 'gone' });
    await die(before);
    const older: WorkFact = { work, epoch: 1, pid: null, state: 'starting' };
    const app = await wired(store, [{ ...running, epoch: 2 }, older]);
    await app.pass(1_000);
    expect({ ended: app.ended, launches: app.launches }).toEqual({ ended: [], launches: [] });
  });
});
