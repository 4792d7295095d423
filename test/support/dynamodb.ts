/** Amazon's DynamoDB Local for tests: one process per test file, tables of its own for every test. */
import { randomUUID } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import { test as base } from 'vitest';
import { createTables } from '../../runtime/backends/aws/dynamo/tables.ts';
import {
  startDynamoDbLocal,
  type DynamoDbLocal,
} from '../../runtime/backends/aws/emulator/dynamodb-local.ts';
import { isAppError } from '../../runtime/errors/index.ts';

/** What SDK clients need to talk to it. */
export function localConfig(endpoint: string) {
  return {
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  } as const;
}

/** A running DynamoDB Local, or why there is none. With `CI` set there has to be one. */
export async function openLocal(): Promise<DynamoDbLocal | { readonly missing: string }> {
  try {
    return await startDynamoDbLocal({ env: process.env, engines: ['java'] });
  } catch (error) {
    if (!isAppError(error, 'AWS_DYNAMODB_LOCAL_MISSING') || process.env['CI']) throw error;
    return { missing: error.message };
  }
}

/** One app's tables and the clients that reach them. */
export interface DynamoDbRig {
  readonly endpoint: string;
  readonly client: DynamoDBClient;
  readonly streams: DynamoDBStreamsClient;
  readonly tables: { readonly state: string; readonly deltas: string };
}

/** A test with DynamoDB tables that no other test sees; skipped, with the reason, where there is no Java. */
export const test = base.extend<{
  $file: { local: DynamoDbLocal | { readonly missing: string } };
  $test: { dynamodb: DynamoDbRig };
}>({
  local: [
    // eslint-disable-next-line no-empty-pattern -- vitest finds out by destructuring what a fixture needs
    async ({}, use) => {
      const local = await openLocal();
      await use(local);
      if ('close' in local) await local.close();
    },
    { scope: 'file' },
  ],
  dynamodb: async ({ local, skip }, use) => {
    if ('missing' in local) {
      skip(local.missing);
      return;
    }
    const { endpoint } = local;
    const client = new DynamoDBClient(localConfig(endpoint));
    const streams = new DynamoDBStreamsClient(localConfig(endpoint));
    const id = randomUUID();
    const tables = { state: `state-${id}`, deltas: `deltas-${id}` };
    await createTables(client, tables);
    await use({ endpoint, client, streams, tables });
    client.destroy();
    streams.destroy();
  },
});
