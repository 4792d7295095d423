import { randomUUID } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, describe, test } from 'vitest';
import { createTables } from '../../../runtime/backends/aws/dynamo/tables.ts';
import { stateStoreContract } from '../../contract/state-store.contract.ts';
import { localConfig, openLocal } from '../../support/dynamodb.ts';
import { storeOver } from './store-place.ts';

const local = await openLocal();

if ('missing' in local) {
  test.skip(`DynamoStateStore keeps the StateStore contract: ${local.missing}`, () => undefined);
} else {
  const client = new DynamoDBClient(localConfig(local.endpoint));

  afterAll(async () => {
    client.destroy();
    await local.close();
  });

  describe('on DynamoDB', () => {
    stateStoreContract({
      name: 'DynamoStateStore',
      whileHeld: 'refuses',
      createPlace: async () => {
        const tables = { state: `state-${randomUUID()}`, deltas: `deltas-${randomUUID()}` };
        await createTables(client, tables);
        return { reach: () => storeOver({ client, tables }), remove: async () => undefined };
      },
    });
  });
}
