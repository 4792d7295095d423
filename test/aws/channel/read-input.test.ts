import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { describe } from 'vitest';
import { readInput, type InputPlace } from '../../../runtime/backends/aws/channel/read-input.ts';
import { localConfig, test, type DynamoDbRig } from '../../support/dynamodb.ts';
import { TcpProxy } from '../../support/tcp-proxy.ts';
import { until } from '../../support/until.ts';
import { KEY, putInput, quickTimings, specOf, WORK } from './work-rig.ts';

const placeOf = (
  { tables }: DynamoDbRig,
  client: DynamoDBClient,
  timings: Partial<InputPlace['timings']> = {},
): InputPlace => ({
  client,
  task: { work: WORK, epoch: 1, key: KEY, tables },
  timings: { ...quickTimings, ...timings },
  failing: () => undefined,
});

const clientOf = (endpoint: string) =>
  new DynamoDBClient({ ...localConfig(endpoint), maxAttempts: 1 });

describe('the input of a launch', () => {
  test('is waited for while the table cannot be reached, however long it may be missing', async ({
    dynamodb,
    expect,
  }) => {
    const proxy = await TcpProxy.open(dynamodb.endpoint);
    proxy.cut();
    const client = clientOf(proxy.endpoint);
    const read = readInput(placeOf(dynamodb, client, { inputMs: 0 }));
    await until('it was tried', () => proxy.refused > 3);
    await putInput(dynamodb, specOf({ seq: 7 }));
    proxy.mend();
    expect(await read).toMatchObject({ work: WORK, seq: 7 });
    client.destroy();
    await proxy.close();
  });

  test('that the table does not have is missing', async ({ dynamodb, expect }) => {
    const { client } = dynamodb;
    await expect(readInput(placeOf(dynamodb, client))).rejects.toMatchObject({
      code: 'AWS_INPUT_MISSING',
    });
  });

  test('that may not be read is missing too, with the refusal', async ({ dynamodb, expect }) => {
    const elsewhere = { ...dynamodb, tables: { state: 'nowhere', deltas: 'nowhere' } };
    await expect(readInput(placeOf(elsewhere, dynamodb.client))).rejects.toMatchObject({
      code: 'AWS_INPUT_MISSING',
      cause: { name: 'ResourceNotFoundException' },
    });
  });

  test('is given up when nothing answers for long', async ({ dynamodb, expect }) => {
    const proxy = await TcpProxy.open(dynamodb.endpoint);
    proxy.cut();
    const client = clientOf(proxy.endpoint);
    await expect(readInput(placeOf(dynamodb, client, { isolatedMs: 0 }))).rejects.toMatchObject({
      code: 'AWS_FLOW_LOST',
    });
    client.destroy();
    await proxy.close();
  });

  test('is asked for no longer once its channel is closed', async ({ dynamodb, expect }) => {
    const { client } = dynamodb;
    const signal = AbortSignal.abort();
    expect(await readInput({ ...placeOf(dynamodb, client), signal })).toBeNull();
  });
});
