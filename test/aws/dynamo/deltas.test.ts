import { randomBytes } from 'node:crypto';
import { describe } from 'vitest';
import { DeleteItemCommand, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { deltaSortKey } from '../../../runtime/backends/aws/contract.ts';
import { itemKey } from '../../../runtime/backends/aws/dynamo/chunks.ts';
import { lastEpoch } from '../../../runtime/backends/aws/dynamo/delta-items.ts';
import { queryAll } from '../../../runtime/backends/aws/dynamo/query.ts';
import type { Delta } from '../../../runtime/protocol/delta.ts';
import { deltaOf, Model, turnOf } from '../../contract/state-store.contract.ts';
import { test, type DynamoDbRig } from '../../support/dynamodb.ts';
import { until } from '../../support/until.ts';
import { aroundRequests } from './requests.ts';
import { clientAt, IMPATIENT, keyOf, storeOver, UNAWARE } from './store-place.ts';

const APP = 'app';
const WORK = 'root.w';
const NEVER = new Promise<never>(() => undefined);

async function stored({ client, tables }: DynamoDbRig): Promise<string[]> {
  const found: string[] = [];
  const range = { table: tables.deltas, pk: keyOf(WORK), from: ' ', to: '~' };
  for await (const { sk } of queryAll(client, range)) found.push(sk?.S ?? '');
  return found;
}

describe('deltas in the table', () => {
  test('larger than an item, and with every kind of event, come back as they were', async ({
    dynamodb,
    expect,
  }) => {
    const lease = await storeOver(dynamodb).open(APP);
    const value = randomBytes(600_000).toString('base64');
    const deltas: Delta[] = [
      { ...deltaOf(WORK, 1), event: { type: 'ready' } },
      { ...deltaOf(WORK, 2), ops: [{ op: 'replace', path: '/vars/n', value }] },
      { ...deltaOf(WORK, 3), ops: [] },
      {
        ...deltaOf(WORK, 4),
        event: { type: 'end', call: 'c', attempt: 1, outcome: 'failed', reason: 'exception' },
      },
    ];
    await lease.appendDeltas(deltas);
    expect((await stored(dynamodb)).length).toBeGreaterThan(5);
    expect(await lease.deltasAfter(WORK, 0)).toEqual(deltas);
    expect(await lease.deltasAfter(WORK, 2)).toEqual(deltas.slice(2));
    await lease.close();
  });

  test('tell the epoch of the last one, however large it is', async ({ dynamodb, expect }) => {
    const { client, tables } = dynamodb;
    const place = { client, table: tables.deltas };
    const { signal } = new AbortController();
    expect(await lastEpoch(place, keyOf(WORK), signal)).toBe(null);
    const lease = await storeOver(dynamodb).open(APP);
    // A page of a Query is 1 MB of items.
    const value = randomBytes(2_000_000).toString('base64');
    await lease.appendDeltas([
      deltaOf(WORK, 1, 3),
      { ...deltaOf(WORK, 2, 4), ops: [{ op: 'replace', path: '/vars/n', value }] },
    ]);
    expect(await lastEpoch(place, keyOf(WORK), signal)).toBe(4);
    await lease.close();
  });

  test('carry what their reader and their expiry need', async ({ dynamodb, expect }) => {
    const { client, tables } = dynamodb;
    const lease = await storeOver(dynamodb).open(APP);
    await lease.appendDeltas([deltaOf(WORK, 1, 7)]);
    const Key = itemKey(keyOf(WORK), deltaSortKey(1));
    const { Item: item } = await client.send(new GetItemCommand({ TableName: tables.deltas, Key }));
    expect(item?.['e']).toEqual({ N: '7' });
    expect(item?.['id']?.S).toMatch(/^[0-9a-f-]{36}$/);
    expect(JSON.parse(item?.['v']?.S ?? '')).toEqual({ ops: deltaOf(WORK, 1).ops });
    const days = (Number(item?.['ttl']?.N) - Number(item?.['t']?.N) / 1_000) / 86_400;
    expect(Math.round(days)).toBe(30);
    await lease.close();
  });

  test('that expired are simply not there', async ({ dynamodb, expect }) => {
    const { client, tables } = dynamodb;
    const lease = await storeOver(dynamodb).open(APP);
    await lease.appendDeltas([1, 2, 3].map((seq) => deltaOf(WORK, seq)));
    const Key = itemKey(keyOf(WORK), deltaSortKey(1));
    await client.send(new DeleteItemCommand({ TableName: tables.deltas, Key }));
    expect((await lease.deltasAfter(WORK, 0)).map(({ seq }) => seq)).toEqual([2, 3]);
    await lease.close();
  });

  test('of more than a page of the table are all returned', async ({ dynamodb, expect }) => {
    const lease = await storeOver(dynamodb).open(APP);
    const deltas = Array.from({ length: 12 }, (_, index): Delta => {
      const value = randomBytes(150_000).toString('base64');
      return { ...deltaOf(WORK, index + 1), ops: [{ op: 'replace', path: '/vars/n', value }] };
    });
    await lease.appendDeltas(deltas);
    expect(await lease.deltasAfter(WORK, 0)).toEqual(deltas);
    await lease.close();
  });

  test('of a work that nobody knows are none', async ({ dynamodb, expect }) => {
    const lease = await storeOver(dynamodb, { keyOf: () => undefined }).open(APP);
    await lease.appendDeltas([deltaOf(WORK, 1)]);
    expect(await lease.deltasAfter(WORK, 0)).toEqual([]);
    await lease.whenDropped(WORK);
    await lease.close();
  });

  test('that cannot be read say so, in their place', async ({ dynamodb, expect }) => {
    const { client, tables } = dynamodb;
    const lease = await storeOver(dynamodb).open(APP);
    for (const v of ['{', '[]', '{"ops":[{"op":"explode"}]}']) {
      const Item = { ...itemKey(keyOf(WORK), deltaSortKey(1)), e: { N: '1' }, v: { S: v } };
      await client.send(new PutItemCommand({ TableName: tables.deltas, Item }));
      const found = await lease.deltasAfter(WORK, 0);
      expect(found).toMatchObject([{ seq: 1, ops: [], unreadable: expect.any(String) }]);
    }
    await lease.close();
  });
});

describe('the deltas of a deleted work', () => {
  test('are removed behind the commit, and a launch can wait for that', async ({
    dynamodb,
    expect,
    onTestFinished,
  }) => {
    const client = clientAt(dynamodb.endpoint);
    onTestFinished(() => client.destroy());
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    aroundRequests(client, async ({ name }, send) => {
      if (name === 'BatchWriteItem') await released;
      return await send();
    });
    const model = new Model();
    const lease = await storeOver({ ...dynamodb, client }).open(APP);
    await lease.appendDeltas(Array.from({ length: 60 }, (_, index) => deltaOf(WORK, index + 1)));
    await lease.commit(model.add(turnOf(1, 1, { [WORK]: 50 })), model.snapshot);
    await lease.commit(model.add(turnOf(2, 2, { [WORK]: 0 })), model.snapshot);
    // The commit did not wait, and what is being removed is not returned.
    expect(await stored(dynamodb)).toHaveLength(60);
    expect(await lease.deltasAfter(WORK, 0)).toEqual([]);
    let isDropped = false;
    const dropped = lease.whenDropped(WORK).then(() => {
      isDropped = true;
    });
    await lease.commit(model.add(turnOf(3)), model.snapshot);
    expect(isDropped).toBe(false);
    release();
    await dropped;
    expect(await stored(dynamodb)).toEqual([]);
    await lease.appendDeltas([deltaOf(WORK, 1, 2)]);
    expect(await lease.deltasAfter(WORK, 0)).toEqual([deltaOf(WORK, 1, 2)]);
    await lease.close();
  });

  for (const turns of [1_000, 3]) {
    test(`are removed by the next holder when the one that began died (${turns === 3 ? 'kept in a snapshot' : 'kept in the record'})`, async ({
      dynamodb,
      expect,
      onTestFinished,
    }) => {
      const client = clientAt(dynamodb.endpoint);
      onTestFinished(() => client.destroy());
      const model = new Model();
      const dying = await storeOver(
        { ...dynamodb, client },
        { timings: UNAWARE, limits: { turns } },
      ).open(APP);
      let wasFlipped = false;
      aroundRequests(client, async ({ name, sk }, send) => {
        if (name === 'BatchWriteItem') return await NEVER;
        const answer = await send();
        wasFlipped ||= sk === 'S';
        return answer;
      });
      await dying.appendDeltas(Array.from({ length: 30 }, (_, index) => deltaOf(WORK, index + 1)));
      await dying.commit(model.add(turnOf(1, 1, { [WORK]: 20 })), model.snapshot);
      await dying.commit(model.add(turnOf(2, 2, { [WORK]: 0 })), model.snapshot);
      await dying.commit(model.add(turnOf(3)), model.snapshot);
      if (turns === 3) await until('the snapshot is written', () => wasFlipped);
      const next = await storeOver(dynamodb, { timings: IMPATIENT }).open(APP);
      expect(await next.load()).toEqual(model.app);
      await next.whenDropped(WORK);
      expect(await stored(dynamodb)).toEqual([]);
      await next.close();
    });
  }

  test('done once, they are not removed again with those of a newer one', async ({
    dynamodb,
    expect,
  }) => {
    const model = new Model();
    const lease = await storeOver(dynamodb).open(APP);
    await lease.appendDeltas([1, 2, 3].map((seq) => deltaOf(WORK, seq)));
    await lease.commit(model.add(turnOf(1, 1, { [WORK]: 2 })), model.snapshot);
    await lease.commit(model.add(turnOf(2, 2, { [WORK]: 0 })), model.snapshot);
    await lease.whenDropped(WORK);
    const newer = [1, 2].map((seq) => deltaOf(WORK, seq, 2));
    await lease.appendDeltas(newer);
    await lease.close();
    const next = await storeOver(dynamodb).open(APP);
    await next.whenDropped(WORK);
    expect(await next.deltasAfter(WORK, 0)).toEqual(newer);
    await next.close();
  });
});
