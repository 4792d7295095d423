/** Deltas of a work as they stand in the table. */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { deltaSortKey, SORT_KEY } from '../contract.ts';
import { isHead, textOfHead } from '../dynamo/chunks.ts';
import { AFTER_ALL, queryAll } from '../dynamo/query.ts';
import {
  DELTA_PREFIX,
  EPOCH_ATTRIBUTE,
  readRecord,
  seqOf,
  type DeltaRecord,
} from './delta-record.ts';

export interface DeltaRange {
  readonly table: string;
  /** Partition of the work. */
  readonly key: string;
  /** Full name of the work. */
  readonly work: string;
  /** The last `seq` that is not wanted. */
  readonly after: number;
  readonly signal?: AbortSignal;
}

/**
 * Everything that was written after a `seq`, in order, read consistently: half a cent buys 40,000 of these that find nothing.
 */
export async function* readDeltas(
  client: DynamoDBClient,
  { table, key, work, after, signal }: DeltaRange,
): AsyncGenerator<DeltaRecord> {
  const range = {
    table,
    pk: key,
    from: deltaSortKey(after + 1),
    to: DELTA_PREFIX + AFTER_ALL,
    consistent: true,
    ...(signal === undefined ? {} : { signal }),
  };
  for await (const item of queryAll(client, range)) {
    const sk = item[SORT_KEY]?.S ?? '';
    if (!isHead(sk, DELTA_PREFIX)) continue;
    const at = { work, epoch: Number(item[EPOCH_ATTRIBUTE]?.N ?? 0), seq: seqOf(sk) };
    yield await readRecord(at, () => textOfHead(client, table, item));
  }
}
