/** Removes what a snapshot replaced (`snapshots.ts` P3), at a bounded rate: commits need the same partition. */
import { UpdateItemCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';
import { appKey, PARTITION_KEY, SORT_KEY, TTL_ATTRIBUTE } from '../contract.ts';
import { itemKey } from './chunks.ts';
import { isRefusal } from './dynamo-errors.ts';
import { AFTER_ALL, queryAll } from './query.ts';
import { BATCH_ITEMS, removeItems } from './remove-items.ts';
import { pointerKey, SNAPSHOT_PREFIX, snapshotKey } from './snapshots.ts';
import { CLAIM_TTL_DAYS, LOG_PREFIX, logKey, type LogPlace } from './turn-log.ts';

const SECONDS_PER_DAY = 86_400;

type Item = Record<string, AttributeValue>;

export interface Sweep {
  /** What the pointer says. */
  readonly position: number;
  readonly fence: number;
  /** Epoch milliseconds. */
  readonly now: number;
  readonly pauseMs: number;
}

/** Removes the records and snapshots that the snapshot at `position` replaced; doing it again finds nothing. */
export async function sweep(place: LogPlace, what: Sweep, signal: AbortSignal): Promise<void> {
  const { position, pauseMs } = what;
  const pk = appKey(place.app);
  const current = snapshotKey(position);
  const batch = { place, pauseMs, signal, keys: new Array<Item>() };
  const every = {
    table: place.table,
    pk,
    signal,
    only: [PARTITION_KEY, SORT_KEY, 'k', TTL_ATTRIBUTE],
  };
  // Nothing beyond its own: a holder that stood still meanwhile does not know of newer snapshots.
  const snapshots = { ...every, from: SNAPSHOT_PREFIX, to: current };
  for await (const item of queryAll(place.client, snapshots)) {
    const sk = item[SORT_KEY]?.S ?? '';
    if (sk !== current) await add(batch, itemKey(pk, sk));
  }
  const records = { ...every, from: LOG_PREFIX, to: logKey(position) + AFTER_ALL };
  for await (const item of queryAll(place.client, records)) {
    const key = itemKey(pk, item[SORT_KEY]?.S ?? '');
    if (item['k']?.S !== 'claim') await add(batch, key);
    else if (item[TTL_ATTRIBUTE] === undefined) await expire(place, key, what.now, signal);
  }
  await flush(batch);
  await finish(place, what, signal);
}

interface Batch {
  readonly place: LogPlace;
  readonly pauseMs: number;
  readonly signal: AbortSignal;
  keys: Item[];
}

async function add(batch: Batch, key: Item): Promise<void> {
  batch.keys.push(key);
  if (batch.keys.length === BATCH_ITEMS) await flush(batch);
}

async function flush(batch: Batch): Promise<void> {
  const { place, pauseMs, signal } = batch;
  await removeItems(place.client, place.table, batch.keys.splice(0), { pauseMs, signal });
}

/** A claim stays for a while (`turn-log.ts` G4). */
async function expire(place: LogPlace, key: Item, now: number, signal: AbortSignal): Promise<void> {
  const ttl = Math.ceil(now / 1_000) + CLAIM_TTL_DAYS * SECONDS_PER_DAY;
  await place.client.send(
    new UpdateItemCommand({
      TableName: place.table,
      Key: key,
      UpdateExpression: 'SET #ttl = :ttl',
      ConditionExpression: 'attribute_exists(#k)',
      ExpressionAttributeNames: { '#ttl': TTL_ATTRIBUTE, '#k': 'k' },
      ExpressionAttributeValues: { ':ttl': { N: String(ttl) } },
    }),
    { abortSignal: signal },
  );
}

async function finish(
  place: LogPlace,
  { position, fence }: Sweep,
  signal: AbortSignal,
): Promise<void> {
  try {
    await place.client.send(
      new UpdateItemCommand({
        TableName: place.table,
        Key: pointerKey(place),
        UpdateExpression: 'SET #swept = :position',
        ConditionExpression: '#fence = :fence',
        ExpressionAttributeNames: { '#swept': 'swept', '#fence': 'fence' },
        ExpressionAttributeValues: {
          ':position': { N: String(position) },
          ':fence': { N: String(fence) },
        },
      }),
      { abortSignal: signal },
    );
  } catch (error) {
    // A newer holder sweeps again, and finds nothing.
    if (!isRefusal(error)) throw error;
  }
}
