/** Stores over one pair of tables, each as another process would have it. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { workKey } from '../../../runtime/backends/aws/contract.ts';
import {
  DynamoStateStore,
  type DynamoStateStoreOptions,
} from '../../../runtime/backends/aws/dynamo/dynamo-state-store.ts';
import type { StoreTimings } from '../../../runtime/backends/aws/dynamo/store-timings.ts';
import { SystemClock } from '../../../runtime/host/system-clock.ts';
import { localConfig, type DynamoDbRig } from '../../support/dynamodb.ts';

/** Waits of seconds, not of tenths: on a busy machine a live holder must not seem to be dead. */
export const TEST_TIMINGS: StoreTimings = {
  renewMs: 100,
  renewTimeoutMs: 2_000,
  lossMs: 4_000,
  lapseMs: 8_000,
  lookMs: 20,
  firstRetryMs: 10,
  maxRetryMs: 100,
  chunkPauseMs: 1,
  sweepPauseMs: 1,
};

/** A taker that waits for no one. */
export const IMPATIENT: Partial<StoreTimings> = { lapseMs: 0, lookMs: 1 };
/** A holder that notices nothing by itself. */
export const UNAWARE: Partial<StoreTimings> = { renewMs: 600_000, lossMs: 600_000 };

export const keyOf = (work: string): string => workKey('Work', work);

type Options = Omit<Partial<DynamoStateStoreOptions>, 'timings'> & {
  readonly timings?: Partial<StoreTimings>;
};

export function storeOver(
  { client, tables }: Pick<DynamoDbRig, 'client' | 'tables'>,
  options: Options = {},
): DynamoStateStore {
  return new DynamoStateStore({
    client,
    tables,
    clock: new SystemClock(),
    keyOf,
    ...options,
    timings: { ...TEST_TIMINGS, ...options.timings },
  });
}

/** A client of its own, so that it can be cut off, or its requests be watched. */
export function clientAt(endpoint: string): DynamoDBClient {
  return new DynamoDBClient({ ...localConfig(endpoint), maxAttempts: 2 });
}
