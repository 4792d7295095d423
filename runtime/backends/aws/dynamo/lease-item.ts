/**
 * The lease of an app: one item of the table `State` under `L#<app>` / `L#<app>`, which its works may read.
 *
 * | attribute      | meaning                                                                            |
 * |----------------|------------------------------------------------------------------------------------|
 * | `owner`        | UUID of the holder                                                                 |
 * | `token`        | the fence: 1 more with every holder, never reset                                   |
 * | `beat`         | 1 more with every renewal; who sees it change within its own time sees a live flow |
 * | `storeVersion` | shape that the holder stores                                                       |
 * | `free`         | true once the holder gave it back                                                  |
 *
 * No time stands in it: everybody measures with a clock of their own that never goes back.
 */
import {
  GetItemCommand,
  UpdateItemCommand,
  type AttributeValue,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { leaseKey } from '../contract.ts';
import { itemKey } from './chunks.ts';
import { isRefusal } from './dynamo-errors.ts';

export interface LeaseItem {
  readonly owner: string;
  readonly token: number;
  readonly beat: number;
  readonly storeVersion: number;
  readonly free: boolean;
}

/** Where the lease of an app is. */
export interface LeasePlace {
  readonly client: DynamoDBClient;
  /** Name of the table `State`. */
  readonly table: string;
  readonly app: string;
}

/** Reads the lease; `null` when the app never had one. */
export async function readLeaseItem(
  { client, table, app }: LeasePlace,
  signal?: AbortSignal,
): Promise<LeaseItem | null> {
  const { Item: item } = await client.send(
    new GetItemCommand({ TableName: table, Key: keyOf(app), ConsistentRead: true }),
    signal === undefined ? {} : { abortSignal: signal },
  );
  return item === undefined ? null : toLeaseItem(item);
}

/** Takes the lease if it is still as it was seen; gives the new fence, or `null` when it is not. */
export async function takeLease(
  place: LeasePlace,
  owner: string,
  storeVersion: number,
  seen: LeaseItem | null,
): Promise<number | null> {
  const { client, table, app } = place;
  try {
    const { Attributes: item } = await client.send(
      new UpdateItemCommand({
        TableName: table,
        Key: keyOf(app),
        UpdateExpression:
          'SET #owner = :owner, #version = :version REMOVE #free ADD #token :one, #beat :one',
        ConditionExpression:
          seen === null ? 'attribute_not_exists(#token)' : '#token = :token AND #beat = :beat',
        ExpressionAttributeNames: {
          '#owner': 'owner',
          '#token': 'token',
          '#beat': 'beat',
          '#version': 'storeVersion',
          '#free': 'free',
        },
        ExpressionAttributeValues: {
          ':owner': { S: owner },
          ':version': { N: String(storeVersion) },
          ':one': { N: '1' },
          ...(seen === null
            ? {}
            : { ':token': { N: String(seen.token) }, ':beat': { N: String(seen.beat) } }),
        },
        ReturnValues: 'ALL_NEW',
      }),
    );
    return toLeaseItem(item ?? {}).token;
  } catch (error) {
    if (!isRefusal(error)) throw error;
    // The SDK repeats a request whose answer was lost; then the refusal is our own doing.
    const now = await readLeaseItem(place);
    return now?.owner === owner ? now.token : null;
  }
}

/** Renews the lease; false when it is somebody else's. */
export function renewLease(
  place: LeasePlace,
  token: number,
  signal: AbortSignal,
): Promise<boolean> {
  const beat = {
    update: 'ADD #beat :one',
    names: { '#beat': 'beat' },
    values: { ':one': { N: '1' } },
  };
  return updateMine(place, token, beat, signal);
}

/** Gives the lease back; false when it is somebody else's. */
export function freeLease(place: LeasePlace, token: number, signal: AbortSignal): Promise<boolean> {
  const values = { ':true': { BOOL: true } };
  const free = { update: 'SET #free = :true', names: { '#free': 'free' }, values };
  return updateMine(place, token, free, signal);
}

async function updateMine(
  { client, table, app }: LeasePlace,
  token: number,
  change: {
    readonly update: string;
    readonly names: Record<string, string>;
    readonly values: Record<string, AttributeValue>;
  },
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await client.send(
      new UpdateItemCommand({
        TableName: table,
        Key: keyOf(app),
        UpdateExpression: change.update,
        ConditionExpression: '#token = :token',
        ExpressionAttributeNames: { ...change.names, '#token': 'token' },
        ExpressionAttributeValues: { ...change.values, ':token': { N: String(token) } },
      }),
      { abortSignal: signal },
    );
    return true;
  } catch (error) {
    if (isRefusal(error)) return false;
    throw error;
  }
}

function keyOf(app: string): Record<string, AttributeValue> {
  return itemKey(leaseKey(app), leaseKey(app));
}

function toLeaseItem(item: Readonly<Record<string, AttributeValue>>): LeaseItem {
  return {
    owner: item['owner']?.S ?? '',
    token: Number(item['token']?.N ?? 0),
    beat: Number(item['beat']?.N ?? 0),
    storeVersion: Number(item['storeVersion']?.N ?? 0),
    free: item['free']?.BOOL ?? false,
  };
}
