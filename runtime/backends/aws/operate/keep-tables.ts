import { UpdateTableCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { attempt } from './aws-error.ts';

/** Makes tables that CloudFormation cannot delete. They stay so: whoever deletes them takes the protection away first. */
export async function protectTables(
  client: DynamoDBClient,
  tables: readonly string[],
): Promise<void> {
  for (const TableName of tables)
    await attempt(`protecting the table ${TableName}`, () =>
      client.send(new UpdateTableCommand({ TableName, DeletionProtectionEnabled: true })),
    );
}
