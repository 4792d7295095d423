import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { WorkChannel, WorkChannelListener } from '../../../ports/work-channel.ts';
import { lineConfig } from '../clients.ts';
import type { AwsBoot } from './aws-boot.ts';
import { DynamoWorkChannel, type WorkVoice } from './dynamo-work-channel.ts';

/** Opens a work's line to its flow. Lives as long as the process. */
export function openDynamoWorkChannel(
  boot: AwsBoot,
  listener: WorkChannelListener,
  voice: WorkVoice,
): WorkChannel {
  const client = new DynamoDBClient(lineConfig(boot.region));
  const channel = new DynamoWorkChannel(boot, client, listener, voice);
  channel.start();
  return channel;
}
