import { randomBytes, randomUUID } from 'node:crypto';
import { DeleteItemCommand, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { describe } from 'vitest';
import {
  isHead,
  itemKey,
  putText,
  readText,
  textOfHead,
} from '../../../runtime/backends/aws/dynamo/chunks.ts';
import { queryAll } from '../../../runtime/backends/aws/dynamo/query.ts';
import { test, type DynamoDbRig } from '../../support/dynamodb.ts';
import { aroundRequests, loseAnswers, networkError } from './requests.ts';
import { clientAt } from './store-place.ts';

const IF_NEW = { expression: 'attribute_not_exists(#pk)', names: { '#pk': 'pk' } };

/** Text that does not get shorter by compression. */
const dense = (bytes: number): string => randomBytes(Math.ceil((bytes * 3) / 4)).toString('base64');

async function keysUnder({ client, tables }: DynamoDbRig, pk: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const item of queryAll(client, { table: tables.state, pk, from: ' ', to: '~' }))
    keys.push(item['sk']?.S ?? '');
  return keys;
}

describe('texts in items', () => {
  test.for([
    { name: 'a short text', text: 'ü\u{1F600}"\\', items: 1 },
    { name: 'a long text that compresses', text: 'state '.repeat(200_000), items: 1 },
    { name: 'a text at the limit', text: 'x'.repeat(350 * 1_024), items: 1 },
    { name: 'a long text that does not compress', text: dense(1_000_000), items: 4 },
    { name: '5 MB', text: dense(5_000_000), items: 12 },
  ])('$name comes back as it was', async ({ text, items }, { dynamodb, expect }) => {
    const { client, tables } = dynamodb;
    const put = { table: tables.state, pk: 'p', sk: 'T#1', text, attributes: { k: { S: 'v' } } };
    expect(await putText(client, put)).toBe('written');
    const at = { table: tables.state, pk: 'p', sk: 'T#1', consistent: true };
    const found = await readText(client, at);
    expect(found?.text === text).toBe(true);
    expect(found?.attributes['k']).toEqual({ S: 'v' });
    const keys = await keysUnder(dynamodb, 'p');
    expect(keys.length).toBeGreaterThanOrEqual(items);
    expect(keys.filter((key) => isHead(key, 'T#'))).toEqual(['T#1']);
  });

  test('what is not there is null', async ({ dynamodb: { client, tables }, expect }) => {
    expect(await readText(client, { table: tables.state, pk: 'p', sk: 'T#1' })).toBeNull();
  });

  test('a refused text leaves nothing behind', async ({ dynamodb, expect }) => {
    const { client, tables } = dynamodb;
    const put = { table: tables.state, pk: 'p', sk: 'T#1', condition: IF_NEW };
    expect(await putText(client, { ...put, text: 'first' })).toBe('written');
    expect(await putText(client, { ...put, text: dense(1_000_000) })).toBe('refused');
    expect(await keysUnder(dynamodb, 'p')).toEqual(['T#1']);
    expect((await readText(client, put))?.text).toBe('first');
  });

  test('a put that the SDK repeats because its answer was lost is written once', async ({
    dynamodb,
    expect,
    onTestFinished,
  }) => {
    const client = clientAt(dynamodb.endpoint);
    onTestFinished(() => client.destroy());
    loseAnswers(client, ({ sk }) => sk === 'T#1');
    const text = dense(1_000_000);
    const put = { table: dynamodb.tables.state, pk: 'p', sk: 'T#1', condition: IF_NEW, text };
    expect(await putText(client, put)).toBe('written');
    expect((await readText(client, { ...put, consistent: true }))?.text === text).toBe(true);
  });

  test('a put that its caller repeats as the same writer is written once', async ({
    dynamodb: { client, tables },
    expect,
  }) => {
    const put = { table: tables.state, pk: 'p', sk: 'T#1', condition: IF_NEW, text: 'x' };
    const writer = randomUUID();
    expect(await putText(client, { ...put, writer })).toBe('written');
    expect(await putText(client, { ...put, writer })).toBe('written');
    expect(await putText(client, put)).toBe('refused');
  });

  test('a writer that dies before the head has written nothing that anybody sees', async ({
    dynamodb,
    expect,
    onTestFinished,
  }) => {
    const dying = clientAt(dynamodb.endpoint);
    onTestFinished(() => dying.destroy());
    aroundRequests(dying, ({ sk }, send) => {
      if (sk === 'T#1') throw networkError();
      return send();
    });
    const put = { table: dynamodb.tables.state, pk: 'p', sk: 'T#1', text: dense(1_000_000) };
    await expect(putText(dying, put)).rejects.toThrow('socket hang up');
    expect(await readText(dynamodb.client, { ...put, consistent: true })).toBeNull();
    const left = await keysUnder(dynamodb, 'p');
    expect(left.length).toBeGreaterThan(1);
    expect(left.filter((key) => isHead(key, 'T#'))).toEqual([]);
  });

  test('a missing chunk is damage, not a shorter text', async ({ dynamodb, expect }) => {
    const { client, tables } = dynamodb;
    const table = tables.state;
    await putText(client, { table, pk: 'p', sk: 'T#1', text: dense(1_000_000) });
    const chunk = (await keysUnder(dynamodb, 'p')).find((key) => !isHead(key, 'T#')) ?? '';
    await client.send(new DeleteItemCommand({ TableName: table, Key: itemKey('p', chunk) }));
    await expect(readText(client, { table, pk: 'p', sk: 'T#1' })).rejects.toMatchObject({
      code: 'STORE_DAMAGED',
    });
  });

  test('a head without text, or with one that does not unpack, is damage', async ({
    dynamodb: { client, tables },
    expect,
  }) => {
    const damage = { code: 'STORE_DAMAGED' };
    const key = itemKey('p', 'T#1');
    await expect(textOfHead(client, tables.state, key)).rejects.toMatchObject(damage);
    const garbled = { ...key, z: { B: Buffer.from('no gzip') } };
    await client.send(new PutItemCommand({ TableName: tables.state, Item: garbled }));
    await expect(
      readText(client, { table: tables.state, pk: 'p', sk: 'T#1' }),
    ).rejects.toMatchObject(damage);
  });

  test('head and chunks expire together', async ({ dynamodb, expect }) => {
    const { client, tables } = dynamodb;
    const table = tables.deltas;
    const ttlSeconds = Math.ceil(Date.now() / 1_000) + 3_600;
    await putText(client, { table, pk: 'p', sk: 'D#1', text: dense(800_000), ttlSeconds });
    for await (const { sk } of queryAll(client, { table, pk: 'p', from: 'D#', to: 'D#~' })) {
      const Key = itemKey('p', sk?.S ?? '');
      const { Item } = await client.send(new GetItemCommand({ TableName: table, Key }));
      expect(Item?.['ttl']).toEqual({ N: String(ttlSeconds) });
    }
  });

  test('heads are told from chunks also where keys have more parts', ({ expect }) => {
    expect(isHead('R#root.a#0000000000000001', 'R#')).toBe(true);
    expect(isHead(`R#root.a#0000000000000001#${randomUUID()}#0003`, 'R#')).toBe(false);
    expect(isHead('S', 'S#')).toBe(false);
  });
});
