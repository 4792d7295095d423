import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { GetItemCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DescribeTasksCommand, ECSClient } from '@aws-sdk/client-ecs';
import { describe, test } from 'vitest';
import {
  clientConfig,
  createClients,
  destroyClients,
} from '../../../runtime/backends/aws/clients.ts';

describe('clients', () => {
  test('give a request up that is taken and never answered', async ({ expect }) => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.resume().on('error', () => undefined);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const config = {
      ...clientConfig('us-east-1', 30),
      maxAttempts: 1,
      endpoint: `http://127.0.0.1:${port}`,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    };
    const dynamodb = new DynamoDBClient(config);
    const ecs = new ECSClient(config);
    try {
      const item = new GetItemCommand({ TableName: 'State', Key: { pk: { S: 'a' } } });
      await expect(dynamodb.send(item)).rejects.toMatchObject({ name: 'TimeoutError' });
      await expect(ecs.send(new DescribeTasksCommand({ tasks: ['a'] }))).rejects.toMatchObject({
        name: 'TimeoutError',
      });
    } finally {
      dynamodb.destroy();
      ecs.destroy();
      for (const socket of sockets) socket.destroy();
      server.close();
    }
  });

  test('of DynamoDB wait for their own throttled requests only', async ({ expect }) => {
    const clients = await createClients('us-east-1', ['dynamodb', 'streams', 'ecs']);
    try {
      const { dynamodb, streams, ecs } = clients;
      expect(await dynamodb.config.retryStrategy()).toMatchObject({ mode: 'standard' });
      expect(await streams.config.retryStrategy()).toMatchObject({ mode: 'standard' });
      expect(await ecs.config.retryStrategy()).toMatchObject({ mode: 'adaptive' });
    } finally {
      destroyClients(clients);
    }
  });
});
