/**
 * Snapshots of an app, and what they replace.
 *
 * P1 The pointer `S` under `A#<app>` names the log position that the snapshot covers; the snapshot is the text at
 *    `S#<position>`, written whole before the pointer moves to it (R2: it never stands in the way of a commit).
 * P2 The pointer only moves forward, and only under the fence that touched it last: a new holder touches it before it
 *    reads, so what it reads from there on stays.
 * P3 What a snapshot covers is swept (`sweep.ts`) only after the pointer has moved. `swept` tells how far; a sweep that was cut short is
 *    done again by the next holder, parts of a snapshot that was never pointed to go with the next sweep.
 *
 * Attributes of the pointer: `fence`; from the first snapshot on `position`, `w` writer of its text, `chars` its length, `sv`
 * version of its shape, `swept`, and `d` the works whose deltas were still to be removed then.
 */
import { GetItemCommand, UpdateItemCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';
import type { StoredApp } from '../../../protocol/turn-record.ts';
import { STORE_VERSION } from '../../../protocol/version.ts';
import { appKey, padded } from '../contract.ts';
import { itemKey, putText, readText } from './chunks.ts';
import { isRefusal } from './dynamo-errors.ts';
import { damaged, parseSnapshot, type Upgrades } from './records.ts';
import type { LogPlace } from './turn-log.ts';

const POINTER_KEY = 'S';
export const SNAPSHOT_PREFIX = 'S#';

type Item = Record<string, AttributeValue>;

/** What the pointer says; position 0 without a snapshot. */
export interface Pointer {
  readonly position: number;
  readonly writer: string | undefined;
  readonly chars: number;
  readonly storeVersion: number;
  readonly swept: number;
  readonly drop: string | undefined;
}

/** Marks the pointer as ours; `fenced` when a newer holder was there (P2). */
export async function touchPointer(place: LogPlace, fence: number): Promise<Pointer | 'fenced'> {
  try {
    const { Attributes: item } = await place.client.send(
      new UpdateItemCommand({
        TableName: place.table,
        Key: pointerKey(place),
        UpdateExpression: 'SET #fence = :fence',
        ConditionExpression: 'attribute_not_exists(#fence) OR #fence <= :fence',
        ExpressionAttributeNames: { '#fence': 'fence' },
        ExpressionAttributeValues: { ':fence': { N: String(fence) } },
        ReturnValues: 'ALL_NEW',
      }),
    );
    return toPointer(item);
  } catch (error) {
    if (isRefusal(error)) return 'fenced';
    throw error;
  }
}

export async function readPointer(place: LogPlace): Promise<Pointer> {
  const { Item: item } = await place.client.send(
    new GetItemCommand({
      TableName: place.table,
      Key: pointerKey(place),
      ConsistentRead: true,
    }),
  );
  return toPointer(item);
}

/**
 * Reads the snapshot that the pointer names.
 *
 * @throws `STORE_DAMAGED`, `STORE_VERSION_UNKNOWN`
 */
export async function readSnapshot(
  { client, table, app }: LogPlace,
  pointer: Pointer,
  upgrades: Upgrades,
): Promise<StoredApp | null> {
  if (pointer.position === 0) return null;
  const key = snapshotKey(pointer.position);
  const found = await readText(client, { table, pk: appKey(app), sk: key, consistent: true });
  if (found?.attributes['w']?.S !== pointer.writer || found === null)
    throw damaged(table, `the snapshot ${key} is missing`);
  return parseSnapshot(found.text, { table, key, storeVersion: pointer.storeVersion, upgrades });
}

export interface SnapshotWrite {
  /** UUID of this write, the same when it is repeated (C3 of `chunks.ts`): its answer may have been lost. */
  readonly writer: string;
  readonly position: number;
  readonly text: string;
  readonly fence: number;
  /** JSON of what is still to be removed from `Deltas`. */
  readonly drop: string;
  /** Milliseconds after every chunk. */
  readonly chunkPauseMs: number;
}

/** Writes a snapshot and moves the pointer to it; `fenced` when a newer holder has touched the pointer. */
export async function writeSnapshot(
  place: LogPlace,
  snapshot: SnapshotWrite,
  signal: AbortSignal,
): Promise<'written' | 'fenced'> {
  const { client, table, app } = place;
  const { writer, position, text, fence, chunkPauseMs } = snapshot;
  await putText(client, {
    table,
    pk: appKey(app),
    sk: snapshotKey(position),
    text,
    writer,
    chunkPauseMs,
    signal,
  });
  try {
    await client.send(
      new UpdateItemCommand({
        TableName: table,
        Key: pointerKey(place),
        UpdateExpression:
          'SET #position = :position, #w = :w, #chars = :chars, #sv = :sv, #d = :d, #swept = if_not_exists(#swept, :zero)',
        ConditionExpression:
          '#fence = :fence AND (attribute_not_exists(#position) OR #position < :position OR #w = :w)',
        ExpressionAttributeNames: {
          '#fence': 'fence',
          '#position': 'position',
          '#w': 'w',
          '#chars': 'chars',
          '#sv': 'sv',
          '#d': 'd',
          '#swept': 'swept',
        },
        ExpressionAttributeValues: {
          ':fence': { N: String(fence) },
          ':position': { N: String(position) },
          ':w': { S: writer },
          ':chars': { N: String(text.length) },
          ':sv': { N: String(STORE_VERSION) },
          ':d': { S: snapshot.drop },
          ':zero': { N: '0' },
        },
      }),
      { abortSignal: signal },
    );
    return 'written';
  } catch (error) {
    if (isRefusal(error)) return 'fenced';
    throw error;
  }
}

export function snapshotKey(position: number): string {
  return SNAPSHOT_PREFIX + padded(position);
}

export function pointerKey({ app }: LogPlace): Item {
  return itemKey(appKey(app), POINTER_KEY);
}

function toPointer(item: Readonly<Item> | undefined): Pointer {
  return {
    position: Number(item?.['position']?.N ?? 0),
    writer: item?.['w']?.S,
    chars: Number(item?.['chars']?.N ?? 0),
    storeVersion: Number(item?.['sv']?.N ?? 0),
    swept: Number(item?.['swept']?.N ?? 0),
    drop: item?.['d']?.S,
  };
}
