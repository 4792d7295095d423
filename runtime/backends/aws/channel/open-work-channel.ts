import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { WorkChannel, WorkChannelListener } from '../../../ports/work-channel.ts';
import { clientConfig } from '../clients.ts';
import type { AwsBoot } from './aws-boot.ts';
import { DynamoWorkChannel } from './dynamo-work-channel.ts';

/**
 * Opens a work's line to its flow. Lives as long as the process.
 *
 * The client does not repeat requests: the channel does, with its own waits, and so notices an outage at once.
 *
 * @param print - takes lines for the work's standard error; never waits
 */
export function openDynamoWorkChannel(
  boot: AwsBoot,
  listener: WorkChannelListener,
  print: (line: string) => void,
): WorkChannel {
  const client = new DynamoDBClient({
    ...clientConfig(boot.region),
    retryMode: 'standard',
    maxAttempts: 1,
  });
  const channel = new DynamoWorkChannel(boot, client, listener, print);
  channel.start();
  return channel;
}
