/**
 * Makes the two tables of an app where no stack has made them: for the emulator and for tests.
 *
 * Same shape as in `infra/`: on demand, `pk` and `sk`, expiry by {@link TTL_ATTRIBUTE}, and a stream of new images on `Deltas`.
 */
import {
  CreateTableCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  UpdateTimeToLiveCommand,
  waitUntilTableExists,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { PARTITION_KEY, SORT_KEY, TTL_ATTRIBUTE } from '../contract.ts';
import { isNamed } from './dynamo-errors.ts';

/** Seconds; a table that is not usable by then is reported. */
const MAX_WAIT_SECONDS = 60;
/** Seconds between two looks. */
const MIN_DELAY_SECONDS = 1;

export interface TableNames {
  readonly state: string;
  readonly deltas: string;
}

/** Makes the tables that do not exist yet; resolves when both can be used. */
export async function createTables(client: DynamoDBClient, tables: TableNames): Promise<void> {
  await Promise.all([
    createTable(client, tables.state, false),
    createTable(client, tables.deltas, true),
  ]);
}

async function createTable(
  client: DynamoDBClient,
  TableName: string,
  hasStream: boolean,
): Promise<void> {
  try {
    await client.send(
      new CreateTableCommand({
        TableName,
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [
          { AttributeName: PARTITION_KEY, AttributeType: 'S' },
          { AttributeName: SORT_KEY, AttributeType: 'S' },
        ],
        KeySchema: [
          { AttributeName: PARTITION_KEY, KeyType: 'HASH' },
          { AttributeName: SORT_KEY, KeyType: 'RANGE' },
        ],
        ...(hasStream
          ? { StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_IMAGE' } }
          : {}),
      }),
    );
  } catch (error) {
    if (!isNamed(error, 'ResourceInUseException')) throw error;
  }
  const { Table } = await client.send(new DescribeTableCommand({ TableName }));
  if (Table?.TableStatus !== 'ACTIVE') {
    const wait = { client, maxWaitTime: MAX_WAIT_SECONDS, minDelay: MIN_DELAY_SECONDS };
    await waitUntilTableExists(wait, { TableName });
  }
  await expireItems(client, TableName);
}

async function expireItems(client: DynamoDBClient, TableName: string): Promise<void> {
  const { TimeToLiveDescription } = await client.send(new DescribeTimeToLiveCommand({ TableName }));
  const status = TimeToLiveDescription?.TimeToLiveStatus;
  if (status === 'ENABLED' || status === 'ENABLING') return;
  await client.send(
    new UpdateTimeToLiveCommand({
      TableName,
      TimeToLiveSpecification: { AttributeName: TTL_ATTRIBUTE, Enabled: true },
    }),
  );
}
