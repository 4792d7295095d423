import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { WorkChannel, WorkChannelListener } from '../../../ports/work-channel.ts';
import { lineConfig } from '../clients.ts';
import type { AwsBoot } from './aws-boot.ts';
import { DynamoWorkChannel } from './dynamo-work-channel.ts';

/**
 * Opens a work's line to its flow. Lives as long as the process.
 *
 * @param print - takes lines for the work's standard error; never waits
 */
export function openDynamoWorkChannel(
  boot: AwsBoot,
  listener: WorkChannelListener,
  print: (line: string) => void,
): WorkChannel {
  const client = new DynamoDBClient(lineConfig(boot.region));
  const channel = new DynamoWorkChannel(boot, client, listener, print);
  channel.start();
  return channel;
}
