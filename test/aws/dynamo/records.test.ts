import { describe } from 'vitest';
import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { appKey, padded } from '../../../runtime/backends/aws/contract.ts';
import { itemKey, putText } from '../../../runtime/backends/aws/dynamo/chunks.ts';
import { UPGRADES, type Upgrades } from '../../../runtime/backends/aws/dynamo/records.ts';
import { logKey } from '../../../runtime/backends/aws/dynamo/turn-log.ts';
import type { StoredApp, TurnRecord } from '../../../runtime/protocol/turn-record.ts';
import { STORE_VERSION } from '../../../runtime/protocol/version.ts';
import { Model, turnOf } from '../../contract/state-store.contract.ts';
import { test, type DynamoDbRig } from '../../support/dynamodb.ts';
import { storeOver } from './store-place.ts';

const APP = 'app';

/** A shape that never was: marks in a list, called differently. It shows that what an upgrade is given reaches the reader. */
interface OldTurn extends Omit<TurnRecord, 'marks'> {
  readonly seqs: readonly (readonly [string, number])[];
}

const UPGRADE_FROM_0: Upgrades = {
  0: {
    turn: (stored) => {
      const { seqs, ...turn } = stored as OldTurn;
      return { ...turn, marks: Object.fromEntries(seqs) };
    },
    app: (stored) => {
      const { state, ...app } = stored as Omit<StoredApp, 'document'> & { state: unknown };
      return { ...app, document: state };
    },
  },
};

/** Stores an app as version 0 would have: a snapshot of version 1, and the turn record 2. */
async function storeOldShape({ client, tables }: DynamoDbRig, model: Model): Promise<void> {
  const pk = appKey(APP);
  const { document: state, ...app } = model.add(turnOf(1, 1, { 'root.w': 4 })) && model.app;
  const { marks, ...turn } = model.add(turnOf(2, 2, { 'root.w': 5 }));
  const writer = '00000000-0000-4000-8000-000000000000';
  const snapshot = { table: tables.state, pk, sk: `S#${padded(1)}`, writer };
  await putText(client, { ...snapshot, text: JSON.stringify({ state, ...app }) });
  await putText(client, {
    table: tables.state,
    pk,
    sk: logKey(2),
    text: JSON.stringify({ ...turn, seqs: Object.entries(marks) }),
    attributes: { k: { S: 'turn' }, f: { N: '1' }, sv: { N: '0' } },
  });
  await client.send(
    new UpdateItemCommand({
      TableName: tables.state,
      Key: itemKey(pk, 'S'),
      UpdateExpression: 'SET #p = :one, #swept = :one, #w = :w, #sv = :zero',
      ExpressionAttributeNames: { '#p': 'position', '#swept': 'swept', '#w': 'w', '#sv': 'sv' },
      ExpressionAttributeValues: { ':one': { N: '1' }, ':zero': { N: '0' }, ':w': { S: writer } },
    }),
  );
}

describe('what an earlier version stored', () => {
  test('is read through the upgrades from its version, and goes on in the present shape', async ({
    dynamodb,
    expect,
  }) => {
    const model = new Model();
    await storeOldShape(dynamodb, model);
    const lease = await storeOver(dynamodb, { upgrades: UPGRADE_FROM_0 }).open(APP);
    expect(await lease.load()).toEqual(model.app);
    await lease.commit(model.add(turnOf(3)), model.snapshot);
    expect(await lease.load()).toEqual(model.app);
    await lease.close();
  });

  test('is left alone when nothing reads it', async ({ dynamodb, expect }) => {
    await storeOldShape(dynamodb, new Model());
    await expect(storeOver(dynamodb).open(APP)).rejects.toMatchObject({
      code: 'STORE_VERSION_UNKNOWN',
    });
  });

  test('has an upgrade for every version that there was', ({ expect }) => {
    const versions = Array.from({ length: STORE_VERSION - 1 }, (_, index) => String(index + 1));
    expect(Object.keys(UPGRADES)).toEqual(versions);
  });
});
