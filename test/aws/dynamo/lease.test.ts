import { describe } from 'vitest';
import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { leaseKey } from '../../../runtime/backends/aws/contract.ts';
import { itemKey } from '../../../runtime/backends/aws/dynamo/chunks.ts';
import { readLeaseItem } from '../../../runtime/backends/aws/dynamo/lease-item.ts';
import { defaultStoreTimings } from '../../../runtime/backends/aws/dynamo/store-timings.ts';
import { ManualClock } from '../../../runtime/backends/memory/manual-clock.ts';
import type { AppError } from '../../../runtime/errors/index.ts';
import { Model, turnOf } from '../../contract/state-store.contract.ts';
import { test } from '../../support/dynamodb.ts';
import { until } from '../../support/until.ts';
import { aroundRequests, loseAnswers } from './requests.ts';
import { clientAt, IMPATIENT, storeOver, UNAWARE } from './store-place.ts';

const APP = 'app';

describe('the lease of an app', () => {
  test('stays with a holder that renews it, and says who has it', async ({ dynamodb, expect }) => {
    const place = { client: dynamodb.client, table: dynamodb.tables.state, app: APP };
    expect(await readLeaseItem(place)).toBeNull();
    const lease = await storeOver(dynamodb).open(APP);
    const before = await readLeaseItem(place);
    expect(before).toMatchObject({ token: lease.fence, free: false, storeVersion: 1 });
    await until('it is renewed', async () => {
      const now = await readLeaseItem(place);
      return now?.owner === before?.owner && (now?.beat ?? 0) > (before?.beat ?? 0);
    });
    await lease.close();
    expect(await readLeaseItem(place)).toMatchObject({ token: lease.fence, free: true });
  });

  test('goes to the one that waits as soon as it is given back', async ({ dynamodb, expect }) => {
    const older = await storeOver(dynamodb).open(APP);
    const seen: boolean[] = [];
    const waiting = storeOver(dynamodb, {
      leaseWaitMs: 60_000,
      onWaiting: ({ app, waitedMs, holderLives }) => {
        expect(app).toBe(APP);
        expect(waitedMs).toBeGreaterThanOrEqual(0);
        seen.push(holderLives);
      },
    }).open(APP);
    await until('it knows that the holder lives', () => seen.includes(true));
    await older.close();
    const newer = await waiting;
    expect(newer.fence).toBe(older.fence + 1);
    await newer.close();
  });

  test('is refused to the one that has waited long enough', async ({ dynamodb, expect }) => {
    const older = await storeOver(dynamodb).open(APP);
    await expect(storeOver(dynamodb, { leaseWaitMs: 300 }).open(APP)).rejects.toMatchObject({
      code: 'STORE_LOCKED',
      hint: expect.stringContaining('other flow'),
    });
    await older.close();
  });

  test('of a holder that died is taken once its beat stood still for long enough on the taker’s own clock', async ({
    dynamodb,
    expect,
  }) => {
    const dead = await storeOver(dynamodb, { timings: UNAWARE }).open(APP);
    const clock = new ManualClock();
    const looks: number[] = [];
    const taking = storeOver(dynamodb, {
      clock,
      timings: defaultStoreTimings,
      onWaiting: ({ waitedMs, holderLives }) => {
        expect(holderLives).toBe(false);
        looks.push(waitedMs);
      },
    }).open(APP);
    let isTaken = false;
    const taken = taking.finally(() => {
      isTaken = true;
    });
    // Looks once a second of its clock, whatever time it really is.
    let asked = 0;
    await until('it has looked', () => looks.length > asked);
    while (!isTaken) {
      asked = looks.length;
      clock.runTimerWithin(1_000);
      await until('it has looked, or taken it', () => isTaken || looks.length > asked);
    }
    const newer = await taken;
    expect(newer.fence).toBe(dead.fence + 1);
    expect(Math.max(...looks)).toBeGreaterThanOrEqual(14_000);
    expect(Math.max(...looks)).toBeLessThan(17_000);
    await newer.close();
    await dead.close();
  });

  test('is lost to a newer holder: commits are refused, and the host hears of it once', async ({
    dynamodb,
    expect,
  }) => {
    const lost: AppError[] = [];
    const options = { onLost: (error: AppError) => lost.push(error) };
    const older = await storeOver(dynamodb, { ...options, timings: UNAWARE }).open(APP);
    const model = new Model();
    await older.commit(model.add(turnOf(1)), model.snapshot);
    const newer = await storeOver(dynamodb, { timings: IMPATIENT }).open(APP);
    const fenced = { ok: false, conflict: 'fenced' };
    expect(await older.commit(turnOf(2), model.snapshot)).toEqual(fenced);
    expect(await older.commit(turnOf(3), model.snapshot)).toEqual(fenced);
    const conflict = { code: 'STORE_CONFLICT' };
    await expect(older.appendDeltas([])).rejects.toMatchObject(conflict);
    await expect(older.clear()).rejects.toMatchObject(conflict);
    expect(lost.map(({ code }) => code)).toEqual(['STORE_CONFLICT']);
    expect(await newer.load()).toEqual(model.app);
    expect(await newer.commit(model.add(turnOf(2)), model.snapshot)).toEqual({ ok: true });
    await older.close();
    // What is closed late takes nothing from the one that holds it now.
    expect(await newer.commit(model.add(turnOf(3)), model.snapshot)).toEqual({ ok: true });
    await newer.close();
  });

  test('is noticed to be lost by the next renewal', async ({ dynamodb, expect }) => {
    const lost: AppError[] = [];
    const older = await storeOver(dynamodb, { onLost: (error) => lost.push(error) }).open(APP);
    const { client, tables } = dynamodb;
    await client.send(
      new UpdateItemCommand({
        TableName: tables.state,
        Key: itemKey(leaseKey(APP), leaseKey(APP)),
        UpdateExpression: 'ADD #token :one',
        ExpressionAttributeNames: { '#token': 'token' },
        ExpressionAttributeValues: { ':one': { N: '1' } },
      }),
    );
    await until('it hears of it', () => lost.length > 0);
    expect(lost[0]?.code).toBe('STORE_CONFLICT');
    await older.close();
  });

  test('survives that its holder stood still, if nobody took it meanwhile', async ({
    dynamodb,
    expect,
  }) => {
    const clock = new ManualClock();
    const lost: AppError[] = [];
    const onLost = (error: AppError): unknown => lost.push(error);
    // A snapshot, which would be due after that time, would renew the lease too.
    const limits = { everyMs: Number.POSITIVE_INFINITY };
    const lease = await storeOver(dynamodb, { clock, onLost, limits }).open(APP);
    const model = new Model();
    clock.skip('1 hour');
    expect(await lease.commit(model.add(turnOf(1)), model.snapshot)).toEqual({ ok: true });
    clock.skip('1 hour');
    const newer = await storeOver(dynamodb, { timings: IMPATIENT }).open(APP);
    const fenced = { ok: false, conflict: 'fenced' };
    expect(await lease.commit(turnOf(2), model.snapshot)).toEqual(fenced);
    expect(lost.map(({ code }) => code)).toEqual(['STORE_CONFLICT']);
    await newer.close();
    await lease.close();
  });

  test('is taken once when the answer is lost and the SDK asks again', async ({
    dynamodb,
    expect,
    onTestFinished,
  }) => {
    const client = clientAt(dynamodb.endpoint);
    onTestFinished(() => client.destroy());
    loseAnswers(client, ({ name }) => name === 'UpdateItem');
    const lease = await storeOver({ ...dynamodb, client }).open(APP);
    expect(lease.fence).toBe(1);
    await lease.close();
  });

  test('of a newer version of stormkite is not touched', async ({ dynamodb, expect }) => {
    const { client, tables } = dynamodb;
    await (await storeOver(dynamodb).open(APP)).close();
    const place = { client, table: tables.state, app: APP };
    await client.send(
      new UpdateItemCommand({
        TableName: tables.state,
        Key: itemKey(leaseKey(APP), leaseKey(APP)),
        UpdateExpression: 'SET #v = :new',
        ExpressionAttributeNames: { '#v': 'storeVersion' },
        ExpressionAttributeValues: { ':new': { N: '99' } },
      }),
    );
    const before = await readLeaseItem(place);
    await expect(storeOver(dynamodb).open(APP)).rejects.toMatchObject({
      code: 'STORE_VERSION_UNKNOWN',
    });
    expect(await readLeaseItem(place)).toEqual(before);
  });

  test('of a table that is not there cannot be taken', async ({ dynamodb, expect }) => {
    const tables = { ...dynamodb.tables, state: 'none' };
    await expect(storeOver({ ...dynamodb, tables }).open(APP)).rejects.toMatchObject({
      code: 'STORE_UNREACHABLE',
      hint: expect.stringContaining('deploy the stack again'),
    });
  });

  test('is all that an idle app asks for; a commit is one request', async ({
    dynamodb,
    expect,
    onTestFinished,
  }) => {
    const client = clientAt(dynamodb.endpoint);
    onTestFinished(() => client.destroy());
    const requests: string[] = [];
    const lease = await storeOver({ ...dynamodb, client }).open(APP);
    aroundRequests(client, ({ name, sk }, send) => {
      requests.push(`${name} ${sk}`);
      return send();
    });
    await until('it is renewed some times', () => requests.length >= 5);
    const renewal = `UpdateItem ${leaseKey(APP)}`;
    expect(new Set(requests)).toEqual(new Set([renewal]));
    const model = new Model();
    for (let version = 1; version <= 3; version += 1)
      await lease.commit(model.add(turnOf(version)), model.snapshot);
    expect(requests.filter((each) => each !== renewal)).toEqual([
      'PutItem T#0000000000000002',
      'PutItem T#0000000000000003',
      'PutItem T#0000000000000004',
    ]);
    await lease.close();
  });
});
