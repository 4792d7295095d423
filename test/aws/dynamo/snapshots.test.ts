import { randomBytes } from 'node:crypto';
import { describe } from 'vitest';
import { DeleteItemCommand, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { appKey } from '../../../runtime/backends/aws/contract.ts';
import { itemKey } from '../../../runtime/backends/aws/dynamo/chunks.ts';
import { queryAll } from '../../../runtime/backends/aws/dynamo/query.ts';
import { sweep } from '../../../runtime/backends/aws/dynamo/sweep.ts';
import { logKey } from '../../../runtime/backends/aws/dynamo/turn-log.ts';
import { Model, turnOf } from '../../contract/state-store.contract.ts';
import { test, type DynamoDbRig } from '../../support/dynamodb.ts';
import { until } from '../../support/until.ts';
import { aroundRequests, networkError } from './requests.ts';
import { clientAt, IMPATIENT, storeOver, UNAWARE } from './store-place.ts';

const APP = 'app';
const NEVER = new Promise<never>(() => undefined);

/** Text that does not get shorter by compression. */
const dense = (bytes: number): string => randomBytes(Math.ceil((bytes * 3) / 4)).toString('base64');

/** Sort keys of the app, without what is behind the writer of a chunk. */
async function keys({ client, tables }: DynamoDbRig): Promise<string[]> {
  const found: string[] = [];
  const range = { table: tables.state, pk: appKey(APP), from: ' ', to: '~' };
  for await (const { sk } of queryAll(client, range)) found.push(sk?.S ?? '');
  return found;
}

async function pointer({ client, tables }: DynamoDbRig) {
  const Key = itemKey(appKey(APP), 'S');
  const { Item: item } = await client.send(new GetItemCommand({ TableName: tables.state, Key }));
  return { position: Number(item?.['position']?.N ?? 0), swept: Number(item?.['swept']?.N ?? 0) };
}

describe('snapshots', () => {
  test('a state of 5 MB, and one field of it above an item’s limit, are stored and loaded', async ({
    dynamodb,
    expect,
  }) => {
    const model = new Model();
    const lease = await storeOver(dynamodb, { limits: { turns: 2 } }).open(APP);
    const fields = Array.from({ length: 10 }, () => dense(450_000));
    await lease.commit(model.add(turnOf(1, fields)), model.snapshot);
    await lease.commit(model.add(turnOf(2, [...fields, dense(600_000)])), model.snapshot);
    expect(await lease.load()).toEqual(model.app);
    await until('the snapshot is written', async () => (await pointer(dynamodb)).position > 0);
    await lease.close();
    const next = await storeOver(dynamodb).open(APP);
    expect(await next.load()).toEqual(model.app);
    await next.close();
  });

  test('replace the records before them, which are swept, and claims expire', async ({
    dynamodb,
    expect,
  }) => {
    const model = new Model();
    await (await storeOver(dynamodb).open(APP)).close();
    const lease = await storeOver(dynamodb, { limits: { turns: 5 } }).open(APP);
    for (let version = 1; version <= 12; version += 1) {
      await lease.commit(model.add(turnOf(version)), model.snapshot);
      const covered = { position: version >= 10 ? 12 : version >= 5 ? 7 : 0 };
      await until('what is due is swept', async () => {
        const { position, swept } = await pointer(dynamodb);
        return position === covered.position && swept === position;
      });
    }
    const found = await keys(dynamodb);
    expect(found).toEqual(['S', 'S#0000000000000012', ...[1, 2, 13, 14].map(logKey)]);
    const { Item: claim } = await dynamodb.client.send(
      new GetItemCommand({
        TableName: dynamodb.tables.state,
        Key: itemKey(appKey(APP), logKey(1)),
      }),
    );
    expect(Number(claim?.['ttl']?.N)).toBeGreaterThan(Date.now() / 1_000 + 29 * 86_400);
    expect(await lease.load()).toEqual(model.app);
    await lease.close();
    const next = await storeOver(dynamodb).open(APP);
    expect(await next.load()).toEqual(model.app);
    await next.close();
  });

  test('are still there when nobody heard that the pointer names them', async ({
    dynamodb,
    expect,
    onTestFinished,
  }) => {
    const client = clientAt(dynamodb.endpoint);
    onTestFinished(() => client.destroy());
    const model = new Model();
    const lease = await storeOver({ ...dynamodb, client }, { limits: { turns: 2 } }).open(APP);
    let lost = 0;
    aroundRequests(client, async ({ name, sk }, send) => {
      const answer = await send();
      // After all tries of the SDK, that is.
      if (name !== 'UpdateItem' || sk !== 'S' || lost > 0) return answer;
      lost += 1;
      throw networkError();
    });
    for (let version = 1; version <= 2; version += 1)
      await lease.commit(model.add(turnOf(version)), model.snapshot);
    await until('the snapshot is swept', async () => {
      const { position, swept } = await pointer(dynamodb);
      return position > 0 && swept === position;
    });
    expect(lost).toBe(1);
    await lease.commit(model.add(turnOf(3)), model.snapshot);
    expect(await lease.load()).toEqual(model.app);
    await lease.close();
    const next = await storeOver(dynamodb).open(APP);
    expect(await next.load()).toEqual(model.app);
    await next.close();
  });

  test('never stand in the way of commits', async ({ dynamodb, expect, onTestFinished }) => {
    const client = clientAt(dynamodb.endpoint);
    onTestFinished(() => client.destroy());
    const model = new Model();
    const lease = await storeOver({ ...dynamodb, client }, { limits: { turns: 2 } }).open(APP);
    let begun = 0;
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    aroundRequests(client, async ({ sk }, send) => {
      if (sk.startsWith('S#')) {
        begun += 1;
        await released;
      }
      return await send();
    });
    for (let version = 1; version <= 20; version += 1) {
      const result = await lease.commit(model.add(turnOf(version)), model.snapshot);
      expect(result).toEqual({ ok: true });
    }
    expect(begun).toBe(1);
    release();
    expect(await lease.load()).toEqual(model.app);
    await lease.close();
  });

  test('are taken after a while too, once they cost no more than the records did', async ({
    dynamodb,
  }) => {
    const model = new Model();
    const lease = await storeOver(dynamodb, { limits: { everyMs: 0 } }).open(APP);
    await lease.commit(model.add(turnOf(1, 'x'.repeat(5_000))), model.snapshot);
    await until('the snapshot is written', async () => (await pointer(dynamodb)).position === 2);
    await lease.close();
  });

  for (const { at, stops } of [
    { at: 'between its chunks', stops: (sk: string) => /^S#.*#0002$/.test(sk) },
    { at: 'between its chunks and its head', stops: (sk: string) => /^S#\d+$/.test(sk) },
    { at: 'before the pointer moves', stops: (sk: string) => sk === 'S' },
    { at: 'before the records are swept', stops: (_sk: string, name: string) => name === 'Query' },
    { at: 'while they are swept', stops: (_sk: string, name: string) => name === 'BatchWriteItem' },
  ]) {
    test(`a holder that dies ${at} loses nothing, and the next one clears up`, async ({
      dynamodb,
      expect,
      onTestFinished,
    }) => {
      const client = clientAt(dynamodb.endpoint);
      onTestFinished(() => client.destroy());
      const model = new Model();
      const limits = { turns: 3, turnChars: Number.POSITIVE_INFINITY };
      const timings = UNAWARE;
      const dying = await storeOver({ ...dynamodb, client }, { limits, timings }).open(APP);
      let isDead = false;
      aroundRequests(client, ({ sk, name }, send) => {
        isDead ||= stops(sk, name);
        return isDead ? NEVER : send();
      });
      await dying.commit(model.add(turnOf(1, [dense(1_200_000)])), model.snapshot);
      await dying.commit(model.add(turnOf(2)), model.snapshot);
      // The snapshot of this one is big, since its first fields are.
      const third = { ...turnOf(3), ops: [{ op: 'add', path: '/big', value: dense(1_200_000) }] };
      await dying.commit(model.add(third as ReturnType<typeof turnOf>), model.snapshot);
      await until('it is dead', () => isDead);
      const next = await storeOver(dynamodb, { limits, timings: IMPATIENT }).open(APP);
      expect(await next.load()).toEqual(model.app);
      for (let version = 4; version <= 6; version += 1)
        await next.commit(model.add(turnOf(version)), model.snapshot);
      const clean = await until('it has cleared up', async () => {
        const { position, swept } = await pointer(dynamodb);
        return position >= 6 && swept === position ? await keys(dynamodb) : null;
      });
      const { position } = await pointer(dynamodb);
      const isOld = (key: string): boolean =>
        /^[ST]#/.test(key) && Number(key.slice(2, 18)) <= position && !key.startsWith('S#');
      // Claims stay for a while: the first one, and that of the holder now.
      expect(clean.filter(isOld)).toEqual([logKey(1), logKey(5)]);
      const snapshots = clean.filter((key) => key.startsWith('S#'));
      expect(new Set(snapshots.map((key) => Number(key.slice(2, 18))))).toEqual(
        new Set([position]),
      );
      expect(await next.load()).toEqual(model.app);
      await next.close();
    });
  }

  test('what a holder left unswept is swept by the next one at once', async ({
    dynamodb,
    expect,
    onTestFinished,
  }) => {
    const client = clientAt(dynamodb.endpoint);
    onTestFinished(() => client.destroy());
    const model = new Model();
    const dying = await storeOver(
      { ...dynamodb, client },
      { limits: { turns: 3 }, timings: UNAWARE },
    ).open(APP);
    aroundRequests(client, ({ name }, send) => (name === 'BatchWriteItem' ? NEVER : send()));
    for (let version = 1; version <= 3; version += 1)
      await dying.commit(model.add(turnOf(version)), model.snapshot);
    await until('its pointer has moved', async () => (await pointer(dynamodb)).position === 4);
    expect((await pointer(dynamodb)).swept).toBe(0);
    const next = await storeOver(dynamodb, { timings: IMPATIENT }).open(APP);
    await until('it is swept', async () => (await pointer(dynamodb)).swept === 4);
    expect(await keys(dynamodb)).toEqual(['S', 'S#0000000000000004', logKey(1), logKey(5)]);
    await next.close();
  });

  test('a holder that was taken over moves no pointer and sweeps nothing', async ({
    dynamodb,
    expect,
    onTestFinished,
  }) => {
    const client = clientAt(dynamodb.endpoint);
    onTestFinished(() => client.destroy());
    const model = new Model();
    const lost: string[] = [];
    const zombie = await storeOver(
      { ...dynamodb, client },
      { limits: { turns: 2 }, timings: UNAWARE, onLost: ({ code }) => lost.push(code) },
    ).open(APP);
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    aroundRequests(client, async ({ sk }, send) => {
      if (sk === 'S') await released;
      return await send();
    });
    for (let version = 1; version <= 2; version += 1)
      await zombie.commit(model.add(turnOf(version)), model.snapshot);
    const next = await storeOver(dynamodb, { timings: IMPATIENT }).open(APP);
    release();
    await until('it notices', () => lost.length > 0);
    expect(lost).toEqual(['STORE_CONFLICT']);
    expect((await pointer(dynamodb)).position).toBe(0);
    expect(await next.load()).toEqual(model.app);
    await zombie.close();
    await next.close();
  });

  test('a holder that stood still sweeps nothing beyond its own snapshot', async ({
    dynamodb,
    expect,
  }) => {
    const model = new Model();
    const lease = await storeOver(dynamodb, { limits: { turns: 3 } }).open(APP);
    for (let version = 1; version <= 3; version += 1)
      await lease.commit(model.add(turnOf(version)), model.snapshot);
    await until('it is swept', async () => (await pointer(dynamodb)).swept === 4);
    await lease.close();
    const place = { client: dynamodb.client, table: dynamodb.tables.state, app: APP };
    const late = { position: 2, fence: 0, now: Date.now(), pauseMs: 0 };
    await sweep(place, late, new AbortController().signal);
    const next = await storeOver(dynamodb).open(APP);
    expect(await next.load()).toEqual(model.app);
    await next.close();
  });

  test('a cleared app stays empty when the holder dies while it clears', async ({
    dynamodb,
    expect,
    onTestFinished,
  }) => {
    const client = clientAt(dynamodb.endpoint);
    onTestFinished(() => client.destroy());
    const model = new Model();
    const dying = await storeOver({ ...dynamodb, client }, { timings: UNAWARE }).open(APP);
    await dying.commit(model.add(turnOf(1, 1, { 'root.w': 3 })), model.snapshot);
    await dying.appendDeltas([
      { work: 'root.w', epoch: 1, seq: 4, ops: [{ op: 'replace', path: '/vars/n', value: 4 }] },
    ]);
    let isDead = false;
    aroundRequests(client, ({ name }, send) => {
      isDead ||= name === 'BatchWriteItem';
      return isDead ? NEVER : send();
    });
    dying.clear().catch(() => undefined);
    await until('it is dead', () => isDead);
    const next = await storeOver(dynamodb, { timings: IMPATIENT }).open(APP);
    expect(await next.load()).toBeNull();
    expect(await next.deltasAfter('root.w', 0)).toEqual([]);
    const fresh = new Model();
    expect(await next.commit(fresh.add(turnOf(1, 'new')), fresh.snapshot)).toEqual({ ok: true });
    await next.close();
    const last = await storeOver(dynamodb).open(APP);
    expect(await last.load()).toEqual(fresh.app);
    await last.close();
  });
});

describe('a log that does not add up is damage', () => {
  test.for([
    { what: 'a missing turn record', sk: logKey(3), item: undefined },
    { what: 'a turn record that is no JSON', sk: logKey(3), item: { v: { S: '{' } } },
    { what: 'a turn record of another form', sk: logKey(3), item: { v: { S: '{"n":1}' } } },
    { what: 'a record of an unknown kind', sk: logKey(3), item: { k: { S: 'x' } } },
    { what: 'a missing snapshot', sk: 'S', item: { position: { N: '2' }, w: { S: 'w' } } },
  ])('$what', async ({ sk, item }, { dynamodb, expect }) => {
    const { client, tables } = dynamodb;
    const model = new Model();
    const lease = await storeOver(dynamodb).open(APP);
    for (let version = 1; version <= 4; version += 1)
      await lease.commit(model.add(turnOf(version)), model.snapshot);
    await lease.close();
    const at = { TableName: tables.state, Key: itemKey(appKey(APP), sk) };
    const { Item: before } = await client.send(new GetItemCommand(at));
    if (item === undefined) await client.send(new DeleteItemCommand(at));
    else {
      const Item = { ...before, ...item };
      await client.send(new PutItemCommand({ TableName: tables.state, Item }));
    }
    await expect(storeOver(dynamodb).open(APP)).rejects.toMatchObject({
      code: 'STORE_DAMAGED',
      hint: expect.stringContaining('point in time'),
    });
  });
});
