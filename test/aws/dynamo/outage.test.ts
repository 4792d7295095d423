import { describe } from 'vitest';
import { pause } from '../../../runtime/backends/aws/dynamo/waiting.ts';
import { ManualClock } from '../../../runtime/backends/memory/manual-clock.ts';
import type { AppError } from '../../../runtime/errors/index.ts';
import type { CommitResult } from '../../../runtime/ports/state-store.ts';
import { deltaOf, Model, turnOf } from '../../contract/state-store.contract.ts';
import { test } from '../../support/dynamodb.ts';
import { until } from '../../support/until.ts';
import { aroundRequests } from './requests.ts';
import { clientAt, storeOver } from './store-place.ts';
import { startTcpProxy } from './tcp-proxy.ts';

const APP = 'app';

/** What the service answers to too many requests. */
const throttled = (): Error =>
  Object.assign(new Error('too fast'), { name: 'ThrottlingException', $metadata: {} });

describe('while DynamoDB does not answer', () => {
  for (const how of ['cut', 'swallow'] as const) {
    test(`commits wait and then go on in order (connections ${how === 'cut' ? 'broken' : 'silent'})`, async ({
      dynamodb,
      expect,
      onTestFinished,
    }) => {
      const proxy = await startTcpProxy(dynamodb.endpoint);
      const client = clientAt(proxy.endpoint);
      onTestFinished(async () => {
        client.destroy();
        await proxy.close();
      });
      const lost: AppError[] = [];
      const lease = await storeOver(
        { ...dynamodb, client },
        {
          onLost: (error) => lost.push(error),
          timings: { renewTimeoutMs: 200, lossMs: 60_000, lapseMs: 90_000 },
        },
      ).open(APP);
      const model = new Model();
      await lease.commit(model.add(turnOf(1)), model.snapshot);
      const failed: string[] = [];
      aroundRequests(client, ({ name }, send) =>
        send().catch((error: unknown) => {
          failed.push(name);
          throw error;
        }),
      );
      proxy[how]();
      const done: (CommitResult | number)[] = [];
      const commits = Array.from({ length: 5 }, (_, index) => {
        const turn = model.add(turnOf(index + 2));
        const { app } = model;
        return lease.commit(turn, () => app).then((result) => done.push(turn.version, result));
      });
      const deltas = lease.appendDeltas([deltaOf('root.w', 1)]);
      await until('renewals have failed, and commits where that shows', () => {
        const count = (name: string): number => failed.filter((each) => each === name).length;
        return count('UpdateItem') >= 3 && (how === 'swallow' || count('PutItem') >= 4);
      });
      expect(done).toEqual([]);
      proxy.mend();
      await Promise.all([...commits, deltas]);
      const ok = { ok: true };
      expect(done).toEqual([2, ok, 3, ok, 4, ok, 5, ok, 6, ok]);
      expect(lost).toEqual([]);
      expect(await lease.load()).toEqual(model.app);
      expect(await lease.deltasAfter('root.w', 0)).toEqual([deltaOf('root.w', 1)]);
      await lease.close();
    });
  }

  test('for longer than the lease holds, it is lost, and every further commit is refused', async ({
    dynamodb,
    expect,
    onTestFinished,
  }) => {
    const proxy = await startTcpProxy(dynamodb.endpoint);
    const client = clientAt(proxy.endpoint);
    onTestFinished(async () => {
      client.destroy();
      await proxy.close();
    });
    const lost: AppError[] = [];
    const lease = await storeOver(
      { ...dynamodb, client },
      { onLost: (error) => lost.push(error), timings: { renewTimeoutMs: 1_000, lossMs: 3_000 } },
    ).open(APP);
    const model = new Model();
    expect(await lease.commit(model.add(turnOf(1)), model.snapshot)).toEqual({ ok: true });
    proxy.cut();
    const fenced = { ok: false, conflict: 'fenced' };
    expect(await lease.commit(turnOf(2), model.snapshot)).toEqual(fenced);
    expect(lost.map(({ code }) => code)).toEqual(['STORE_LEASE_LOST']);
    expect(lost[0]?.message).toContain('could not renew its lease');
    expect(lost[0]?.cause).toBeInstanceOf(Error);
    proxy.mend();
    expect(await lease.commit(turnOf(3), model.snapshot)).toEqual(fenced);
    await expect(lease.appendDeltas([deltaOf('root.w', 1)])).rejects.toMatchObject({
      code: 'STORE_LEASE_LOST',
    });
    await lease.close();
    const next = await storeOver(dynamodb, { timings: { lapseMs: 300 } }).open(APP);
    expect(await next.load()).toEqual(model.app);
    await next.close();
  });

  test('throttled requests are sent again until they are taken', async ({
    dynamodb,
    expect,
    onTestFinished,
  }) => {
    const client = clientAt(dynamodb.endpoint);
    onTestFinished(() => client.destroy());
    const lease = await storeOver({ ...dynamodb, client }).open(APP);
    let refusals = 0;
    aroundRequests(client, ({ name }, send) => {
      if (name !== 'PutItem' || refusals % 4 === 3) {
        refusals += name === 'PutItem' ? 1 : 0;
        return send();
      }
      refusals += 1;
      throw throttled();
    });
    const model = new Model();
    for (let version = 1; version <= 5; version += 1) {
      const result = await lease.commit(model.add(turnOf(version)), model.snapshot);
      expect(result).toEqual({ ok: true });
    }
    expect(refusals).toBe(20);
    expect(await lease.load()).toEqual(model.app);
    await lease.close();
  });

  test('a refusal that will not pass ends the lease for all later calls', async ({
    dynamodb,
    expect,
    onTestFinished,
  }) => {
    const client = clientAt(dynamodb.endpoint);
    onTestFinished(() => client.destroy());
    const lease = await storeOver({ ...dynamodb, client }).open(APP);
    let isDenied = true;
    aroundRequests(client, ({ sk }, send) => {
      if (isDenied && sk.startsWith('T#'))
        throw Object.assign(new Error('not allowed'), { name: 'AccessDeniedException' });
      return send();
    });
    const failure = { code: 'STORE_UNREACHABLE', hint: expect.stringContaining('role') };
    const model = new Model();
    await expect(lease.commit(turnOf(1), model.snapshot)).rejects.toMatchObject(failure);
    isDenied = false;
    await expect(lease.commit(turnOf(2), model.snapshot)).rejects.toMatchObject(failure);
    await lease.close();
  });

  test('what waits for it keeps the process alive, which the clock’s timers do not', async ({
    expect,
  }) => {
    const clock = new ManualClock();
    const holding = (): number =>
      process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length;
    const before = holding();
    const giveUp = new AbortController();
    const waits = [pause(clock, 10), pause(clock, 10_000, giveUp.signal)];
    expect(holding()).toBe(before + 2);
    clock.runTimerWithin(10);
    giveUp.abort();
    expect(holding()).toBe(before);
    await Promise.all(waits);
    await pause(clock, 10_000, giveUp.signal);
    expect(holding()).toBe(before);
  });
});
