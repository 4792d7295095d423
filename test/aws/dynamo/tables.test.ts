import { DescribeTableCommand, DescribeTimeToLiveCommand } from '@aws-sdk/client-dynamodb';
import { describe } from 'vitest';
import { createTables } from '../../../runtime/backends/aws/dynamo/tables.ts';
import { test } from '../../support/dynamodb.ts';

describe('tables', () => {
  test('are on demand, expire items, and only that of deltas has a stream', async ({
    dynamodb: { client, tables },
    expect,
  }) => {
    const found = await Promise.all(
      [tables.state, tables.deltas].map(async (TableName) => {
        const { Table: table } = await client.send(new DescribeTableCommand({ TableName }));
        const { TimeToLiveDescription: ttl } = await client.send(
          new DescribeTimeToLiveCommand({ TableName }),
        );
        return [
          table?.TableStatus,
          table?.BillingModeSummary?.BillingMode,
          ttl?.AttributeName,
          table?.StreamSpecification?.StreamViewType,
        ];
      }),
    );
    expect(found).toEqual([
      ['ACTIVE', 'PAY_PER_REQUEST', 'ttl', undefined],
      ['ACTIVE', 'PAY_PER_REQUEST', 'ttl', 'NEW_IMAGE'],
    ]);
  });

  test('are made once', async ({ dynamodb: { client, tables }, expect }) => {
    const of = async () =>
      (await client.send(new DescribeTableCommand({ TableName: tables.deltas }))).Table
        ?.LatestStreamArn;
    const before = await of();
    await createTables(client, tables);
    expect(await of()).toBe(before);
  });
});
