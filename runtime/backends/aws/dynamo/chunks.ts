/**
 * Texts of any length as items of a table.
 *
 * C1 A text is visible by its head item, whole or not at all: the chunks of a long one are written before the head, under keys
 *    that no other write uses (`<sk>#<writer>#<n>`), and the head names their writer and number.
 * C2 A long text is stored gzipped: it costs what it weighs (one write unit per KB), and its checksum travels with it.
 * C3 A refused put that turns out to be this very write is a success: the SDK repeats requests whose answer was lost.
 *    `writer` tells; a caller that repeats a put itself, because its outcome is unknown, gives the same `writer` again.
 *
 * A writer that dies before its head leaves chunks that nothing names. Those with a `ttl` expire; those of turn records and
 * snapshots go with the sweep of the range they lie in.
 *
 * Attributes of a head: `w` writer, and `v` (S) the text, or `z` (B) the text gzipped, or `n` (N) the number of its chunks,
 * each of which has a part of the gzipped text in `z`.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import {
  GetItemCommand,
  PutItemCommand,
  type AttributeValue,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { appError } from '../../../errors/index.ts';
import { MAX_CHUNK_BYTES, PARTITION_KEY, SORT_KEY, TTL_ATTRIBUTE } from '../contract.ts';
import { isNamed, isRefusal } from './dynamo-errors.ts';
import { removeItems } from './remove-items.ts';
import { AFTER_ALL, queryAll } from './query.ts';

/** Chunks written at a time: 4 × 350 KB keep a small container's memory and network within reason. */
const PARALLEL_CHUNKS = 4;
/** Gzip's fastest level: texts are JSON, higher levels gain a tenth for three times the processor time. */
const GZIP_LEVEL = 1;
/** Digits of a chunk's number; 10,000 chunks are 3.5 GB. */
const CHUNK_DIGITS = 4;
const CHUNK_KEY = /#[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}#\d+$/;

const compress = promisify<Buffer, { level: number }, Buffer>(gzip);
const expand = promisify<Uint8Array, Buffer>(gunzip);

type Item = Record<string, AttributeValue>;

export interface TextPut {
  readonly table: string;
  readonly pk: string;
  readonly sk: string;
  /** Any length but none: JSON is never empty. */
  readonly text: string;
  /** More attributes of the head; `pk sk v z w n ttl` are taken. */
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  /** Condition of the head's put. */
  readonly condition?: {
    readonly expression: string;
    readonly names?: Readonly<Record<string, string>>;
    readonly values?: Readonly<Record<string, AttributeValue>>;
  };
  /** Epoch seconds after which head and chunks may be expired. */
  readonly ttlSeconds?: number;
  /** A UUID that identifies this write; the same again when it is repeated. @default a new one */
  readonly writer?: string;
  /**
   * Milliseconds after every chunk, which then are written one by one: a chunk takes a third of what one partition of a
   * table gives per second, and commits need the same partition.
   *
   * @default 0: four chunks at a time
   */
  readonly chunkPauseMs?: number;
  /** Gives the write up; whether it took place is then unknown. */
  readonly signal?: AbortSignal;
}

/** Puts a text; `refused` when the condition failed, and then nothing of it is left. */
export async function putText(
  client: DynamoDBClient,
  put: TextPut,
): Promise<'written' | 'refused'> {
  const { table, pk, sk, condition, writer = randomUUID() } = put;
  const ttl: Item =
    put.ttlSeconds === undefined ? {} : { [TTL_ATTRIBUTE]: { N: String(put.ttlSeconds) } };
  const options = put.signal === undefined ? {} : { abortSignal: put.signal };
  const { body, chunks } = await packed(put.text);
  const keys = chunks.map((_, index) => chunkKey(sk, writer, index));
  const { chunkPauseMs = 0 } = put;
  const atOnce = chunkPauseMs > 0 ? 1 : PARALLEL_CHUNKS;
  for (let start = 0; start < chunks.length; start += atOnce) {
    await Promise.all(
      chunks.slice(start, start + atOnce).map((z, index) =>
        client.send(
          new PutItemCommand({
            TableName: table,
            Item: { ...itemKey(pk, keys[start + index] ?? ''), ...ttl, z: { B: z } },
          }),
          options,
        ),
      ),
    );
    if (chunkPauseMs > 0) await delay(chunkPauseMs, undefined, { signal: put.signal });
  }
  try {
    await client.send(
      new PutItemCommand({
        TableName: table,
        Item: { ...put.attributes, ...body, ...ttl, ...itemKey(pk, sk), w: { S: writer } },
        ...(condition === undefined
          ? {}
          : {
              ConditionExpression: condition.expression,
              ExpressionAttributeNames: condition.names && { ...condition.names },
              ExpressionAttributeValues: condition.values && { ...condition.values },
            }),
      }),
      options,
    );
    return 'written';
  } catch (error) {
    if (!isRefusal(error)) throw error;
  }
  // Read instead of asking for the old item with the refusal: DynamoDB Local does not give it.
  const { Item: there } = await client.send(
    new GetItemCommand({
      TableName: table,
      Key: itemKey(pk, sk),
      ConsistentRead: true,
      ProjectionExpression: '#w',
      ExpressionAttributeNames: { '#w': 'w' },
    }),
    options,
  );
  if (there?.['w']?.S === writer) return 'written';
  await removeChunks(
    client,
    table,
    keys.map((key) => itemKey(pk, key)),
  );
  return 'refused';
}

/** Works may put and not delete: their chunks expire by themselves. */
async function removeChunks(
  client: DynamoDBClient,
  table: string,
  keys: readonly Item[],
): Promise<void> {
  try {
    await removeItems(client, table, keys);
  } catch (error) {
    if (!isNamed(error, 'AccessDeniedException')) throw error;
  }
}

/** Reads a text and the head's other attributes; `null` when there is no head. */
export async function readText(
  client: DynamoDBClient,
  at: {
    readonly table: string;
    readonly pk: string;
    readonly sk: string;
    /** @default false */
    readonly consistent?: boolean;
  },
): Promise<{ readonly text: string; readonly attributes: Item } | null> {
  const { Item: head } = await client.send(
    new GetItemCommand({
      TableName: at.table,
      Key: itemKey(at.pk, at.sk),
      ConsistentRead: at.consistent ?? false,
    }),
  );
  if (head === undefined) return null;
  return { text: await textOfHead(client, at.table, head), attributes: head };
}

/**
 * The text of a head that a Query or a stream returned, with what else it takes read consistently.
 *
 * @throws `STORE_DAMAGED` when a part of it is missing
 */
export async function textOfHead(
  client: DynamoDBClient,
  table: string,
  head: Readonly<Item>,
): Promise<string> {
  if (head['v']?.S !== undefined) return head['v'].S;
  if (head['z']?.B !== undefined) return unpacked(table, head, [head['z'].B]);
  const pk = head[PARTITION_KEY]?.S ?? '';
  const sk = head[SORT_KEY]?.S ?? '';
  const count = Number(head['n']?.N ?? Number.NaN);
  const writer = head['w']?.S;
  if (writer === undefined || !Number.isSafeInteger(count))
    throw damagedText(table, head, 'has no text');
  const parts: Uint8Array[] = [];
  const range = { table, pk, from: chunkKey(sk, writer, 0), to: `${sk}#${writer}#${AFTER_ALL}` };
  for await (const item of queryAll(client, { ...range, consistent: true })) {
    if (item['z']?.B !== undefined) parts.push(item['z'].B);
  }
  if (parts.length !== count)
    throw damagedText(table, head, `has ${parts.length} of its ${count} chunks`);
  return unpacked(table, head, parts);
}

/** Whether a sort key with this prefix is a head's; the chunks of a head lie behind it under the same `pk`. */
export function isHead(sk: string, prefix: string): boolean {
  return sk.startsWith(prefix) && !CHUNK_KEY.test(sk);
}

/** The key of an item. */
export function itemKey(pk: string, sk: string): Item {
  return { [PARTITION_KEY]: { S: pk }, [SORT_KEY]: { S: sk } };
}

function chunkKey(sk: string, writer: string, index: number): string {
  return `${sk}#${writer}#${String(index).padStart(CHUNK_DIGITS, '0')}`;
}

async function packed(text: string): Promise<{ body: Item; chunks: Buffer[] }> {
  if (Buffer.byteLength(text) <= MAX_CHUNK_BYTES) return { body: { v: { S: text } }, chunks: [] };
  const bytes = await compress(Buffer.from(text), { level: GZIP_LEVEL });
  if (bytes.length <= MAX_CHUNK_BYTES) return { body: { z: { B: bytes } }, chunks: [] };
  const chunks: Buffer[] = [];
  for (let start = 0; start < bytes.length; start += MAX_CHUNK_BYTES)
    chunks.push(bytes.subarray(start, start + MAX_CHUNK_BYTES));
  return { body: { n: { N: String(chunks.length) } }, chunks };
}

async function unpacked(
  table: string,
  head: Readonly<Item>,
  parts: readonly Uint8Array[],
): Promise<string> {
  try {
    return (await expand(Buffer.concat(parts))).toString();
  } catch (cause) {
    throw damagedText(table, head, 'does not unpack', cause);
  }
}

function damagedText(table: string, head: Readonly<Item>, problem: string, cause?: unknown): Error {
  const key = `${head[PARTITION_KEY]?.S ?? '?'} ${head[SORT_KEY]?.S ?? '?'}`;
  return appError('STORE_DAMAGED', { where: table, problem: `${key} ${problem}` }, { cause });
}
