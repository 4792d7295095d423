/** Counts what a DynamoDB client asks for, in requests and in the units that AWS bills. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';

export interface Usage {
  requests: number;
  writeUnits: number;
  readUnits: number;
  puts: number;
}

const WRITES = /^(?:Put|Update|Delete|BatchWrite|TransactWrite)/;

export function localConfig(endpoint: string) {
  return {
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'bench', secretAccessKey: 'bench' },
  } as const;
}

/** A client that adds to `usage` what every request costs. */
export async function meteredDynamoDb(endpoint: string, usage: Usage): Promise<DynamoDBClient> {
  const client = new DynamoDBClient(localConfig(endpoint));
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const name = String(context['commandName']);
      (args.input as { ReturnConsumedCapacity?: string }).ReturnConsumedCapacity = 'TOTAL';
      usage.requests += 1;
      const answer = await next(args);
      const { ConsumedCapacity = [] } = answer.output as {
        ConsumedCapacity?: { CapacityUnits?: number } | { CapacityUnits?: number }[];
      };
      const units = [ConsumedCapacity]
        .flat()
        .reduce((sum, { CapacityUnits = 0 }) => sum + CapacityUnits, 0);
      if (WRITES.test(name)) usage.writeUnits += units;
      else usage.readUnits += units;
      if (name === 'PutItemCommand') usage.puts += 1;
      return answer;
    },
    { step: 'initialize', name: 'meter' },
  );
  return client;
}

/** A client of streams that counts its requests for records. */
export function meteredStreams(endpoint: string, usage: Usage): DynamoDBStreamsClient {
  const client = new DynamoDBStreamsClient(localConfig(endpoint));
  client.middlewareStack.add(
    (next, context) => (args) => {
      if (context['commandName'] === 'GetRecordsCommand') usage.requests += 1;
      return next(args);
    },
    { step: 'initialize', name: 'meter' },
  );
  return client;
}
