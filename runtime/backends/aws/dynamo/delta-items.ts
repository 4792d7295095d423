/**
 * Deltas as items of the table `Deltas`: `D#<seq>` under the key of their work.
 *
 * One item per number: where two processes of a work used the same, the item of the newer one stays. Items expire by
 * themselves ({@link DELTA_TTL_DAYS}); committing marks deletes none, since that would cost as much as writing them.
 *
 * Attributes: `e` epoch, `id` UUID of the delta, `t` epoch milliseconds, and the text `{ ops, event? }` (`chunks.ts`).
 */
import { randomUUID } from 'node:crypto';
import type { AttributeValue, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { z } from 'zod';
import { appError } from '../../../errors/index.ts';
import { parseDelta, unreadableDelta, type Delta } from '../../../protocol/delta.ts';
import { DELTA_TTL_DAYS, deltaSortKey, PARTITION_KEY, SORT_KEY } from '../contract.ts';
import { isHead, itemKey, putText, textOfHead } from './chunks.ts';
import { AFTER_ALL, queryAll } from './query.ts';
import { removeItems } from './remove-items.ts';

const DELTA_PREFIX = 'D#';
const SECONDS_PER_DAY = 86_400;
/** Deletions collected before they are sent. */
const DROP_ITEMS = 100;
/** Items of one page, from the end, in which the last head is looked for. */
const TAIL_ITEMS = 50;

type Item = Record<string, AttributeValue>;

export interface DeltaPlace {
  readonly client: DynamoDBClient;
  /** Name of the table `Deltas`. */
  readonly table: string;
}

/** Puts a delta as its work would, unless the same number is taken by as new a process. */
export async function putDelta(
  { client, table }: DeltaPlace,
  key: string,
  delta: Delta,
  now: number,
  signal: AbortSignal,
): Promise<void> {
  const { epoch, seq, ops, event } = delta;
  await putText(client, {
    table,
    pk: key,
    sk: deltaSortKey(seq),
    text: JSON.stringify(event === undefined ? { ops } : { ops, event }),
    attributes: { e: { N: String(epoch) }, id: { S: randomUUID() }, t: { N: String(now) } },
    condition: {
      expression: 'attribute_not_exists(#pk) OR #e < :e',
      names: { '#pk': PARTITION_KEY, '#e': 'e' },
      values: { ':e': { N: String(epoch) } },
    },
    ttlSeconds: Math.ceil(now / 1_000) + DELTA_TTL_DAYS * SECONDS_PER_DAY,
    signal,
  });
}

/**
 * Deltas of a work above a number that are there, in order, without those of dropped epochs. One that cannot be read says so.
 */
export async function readDeltas(
  { client, table }: DeltaPlace,
  key: string,
  { work, seq, dropped }: { readonly work: string; readonly seq: number; readonly dropped: number },
): Promise<Delta[]> {
  const deltas: Delta[] = [];
  const range = { from: deltaSortKey(seq + 1), to: DELTA_PREFIX + AFTER_ALL, consistent: true };
  for await (const item of queryAll(client, { table, pk: key, ...range })) {
    const sk = item[SORT_KEY]?.S ?? '';
    const epoch = Number(item['e']?.N ?? 0);
    if (!isHead(sk, DELTA_PREFIX) || epoch <= dropped) continue;
    const at = { work, epoch, seq: Number(sk.slice(DELTA_PREFIX.length)) };
    deltas.push(await toDelta(at, () => textOfHead(client, table, item)));
  }
  return deltas;
}

/** Epoch of the last delta of a work; `null` without any. */
export async function lastEpoch(
  { client, table }: DeltaPlace,
  key: string,
  signal: AbortSignal,
): Promise<number | null> {
  const range = { from: DELTA_PREFIX, to: DELTA_PREFIX + AFTER_ALL, consistent: true };
  const last = { only: ['e'], backwards: true, pageItems: TAIL_ITEMS };
  for await (const item of queryAll(client, { table, pk: key, ...range, ...last, signal })) {
    // Chunks have no epoch, and lie behind their head.
    if (item['e'] !== undefined) return Number(item['e'].N);
  }
  return null;
}

/**
 * Removes the deltas of a work up to an epoch, from the first on, and ends at the first of a later one: nobody writes such a
 * one before all of these are gone. So doing it again is safe and, once done, costs one read.
 */
export async function dropDeltas(
  { client, table }: DeltaPlace,
  key: string,
  epoch: number,
  signal: AbortSignal,
): Promise<void> {
  const range = { from: DELTA_PREFIX, to: DELTA_PREFIX + AFTER_ALL, consistent: true };
  const only = [PARTITION_KEY, SORT_KEY, 'e'];
  const gone: Item[] = [];
  for await (const item of queryAll(client, { table, pk: key, ...range, only, signal })) {
    if (Number(item['e']?.N ?? 0) > epoch) break;
    gone.push(itemKey(key, item[SORT_KEY]?.S ?? ''));
    if (gone.length === DROP_ITEMS) await removeItems(client, table, gone.splice(0), { signal });
  }
  await removeItems(client, table, gone, { signal });
}

/**
 * What stands in a delta's text.
 *
 * @throws `PROTOCOL_MESSAGE_INVALID`
 */
export function parseDeltaText(seq: number, text: string): Record<string, unknown> {
  const message = `record ${deltaSortKey(seq)}`;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw appError('PROTOCOL_MESSAGE_INVALID', { message, problem: 'it is not JSON' }, { cause });
  }
  const { data } = z.looseObject({}).safeParse(value);
  if (data === undefined)
    throw appError('PROTOCOL_MESSAGE_INVALID', { message, problem: 'it is no object' });
  return data;
}

async function toDelta(
  at: Pick<Delta, 'work' | 'epoch' | 'seq'>,
  read: () => Promise<string>,
): Promise<Delta> {
  try {
    return parseDelta({ ...parseDeltaText(at.seq, await read()), ...at });
  } catch (error) {
    return unreadableDelta(at, error);
  }
}
