/**
 * The SDK clients of one process. Endpoints come from `AWS_ENDPOINT_URL_<SERVICE>`, so the emulator needs no other code.
 */
import type { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import type { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import type { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import type { EC2Client } from '@aws-sdk/client-ec2';
import type { ECSClient } from '@aws-sdk/client-ecs';
import type { PricingClient } from '@aws-sdk/client-pricing';
import type { S3Client } from '@aws-sdk/client-s3';
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import type { SSMClient } from '@aws-sdk/client-ssm';
import type { STSClient } from '@aws-sdk/client-sts';

export interface AwsClients {
  readonly dynamodb: DynamoDBClient;
  readonly streams: DynamoDBStreamsClient;
  readonly ecs: ECSClient;
  readonly ec2: EC2Client;
  readonly autoScaling: AutoScalingClient;
  readonly logs: CloudWatchLogsClient;
  readonly s3: S3Client;
  readonly ssm: SSMClient;
  readonly secretsManager: SecretsManagerClient;
  readonly cloudFormation: CloudFormationClient;
  readonly serviceQuotas: ServiceQuotasClient;
  readonly pricing: PricingClient;
  readonly sts: STSClient;
}

export type AwsService = keyof AwsClients;

/** Attempts of one request, with the SDK's back-off between them. */
const MAX_ATTEMPTS = 8;

/** Milliseconds; a connection that does not come up, an answer that does not come. */
const CONNECT_MS = 3_000;
const ANSWER_MS = 10_000;

const constructors = {
  dynamodb: async () => (await import('@aws-sdk/client-dynamodb')).DynamoDBClient,
  streams: async () => (await import('@aws-sdk/client-dynamodb-streams')).DynamoDBStreamsClient,
  ecs: async () => (await import('@aws-sdk/client-ecs')).ECSClient,
  ec2: async () => (await import('@aws-sdk/client-ec2')).EC2Client,
  autoScaling: async () => (await import('@aws-sdk/client-auto-scaling')).AutoScalingClient,
  logs: async () => (await import('@aws-sdk/client-cloudwatch-logs')).CloudWatchLogsClient,
  s3: async () => (await import('@aws-sdk/client-s3')).S3Client,
  ssm: async () => (await import('@aws-sdk/client-ssm')).SSMClient,
  secretsManager: async () =>
    (await import('@aws-sdk/client-secrets-manager')).SecretsManagerClient,
  cloudFormation: async () => (await import('@aws-sdk/client-cloudformation')).CloudFormationClient,
  serviceQuotas: async () => (await import('@aws-sdk/client-service-quotas')).ServiceQuotasClient,
  pricing: async () => (await import('@aws-sdk/client-pricing')).PricingClient,
  sts: async () => (await import('@aws-sdk/client-sts')).STSClient,
} as const;

/** What differs from {@link clientConfig}. */
const SPECIAL: Partial<Record<AwsService, object>> = {
  // The emulator serves buckets by path, as S3 still does. Buckets that works mount may be in another region.
  s3: { forcePathStyle: true, followRegionRedirects: true },
  // Adaptive back-off slows all requests of a client when one is throttled: renewals of the lease must not wait for a snapshot.
  dynamodb: { retryMode: 'standard' },
  streams: { retryMode: 'standard' },
};

/**
 * How clients are configured everywhere; exported so that a test can make a single one the same way.
 *
 * @param answerMs - milliseconds after which a request that is not answered fails; without `throwOnRequestTimeout` the SDK would
 *   print a warning and wait for ever
 */
export function clientConfig(region: string, answerMs: number = ANSWER_MS) {
  return {
    region,
    retryMode: 'adaptive',
    maxAttempts: MAX_ATTEMPTS,
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      requestTimeout: answerMs,
      throwOnRequestTimeout: true,
    },
  } as const;
}

/**
 * How the client of a work's line is configured: it does not repeat requests. The line does, with its own waits, and so notices an
 * outage at once.
 */
export function lineConfig(region: string) {
  return { ...clientConfig(region), retryMode: 'standard', maxAttempts: 1 } as const;
}

/** A client for the tables, as a work's line has it; whoever made it destroys it. */
export async function createLineClient(region: string): Promise<DynamoDBClient> {
  const Client = await constructors.dynamodb();
  return new Client(lineConfig(region));
}

/**
 * Makes the clients that are asked for; loading one takes tens of milliseconds, so nobody loads what it does not use.
 * Whoever made them ends them with {@link destroyClients}.
 */
export async function createClients<S extends AwsService>(
  region: string,
  services: readonly S[],
): Promise<Pick<AwsClients, S>> {
  const made = await Promise.all(
    services.map(async (service) => {
      const Client = await constructors[service]();
      return [service, new Client({ ...clientConfig(region), ...SPECIAL[service] })] as const;
    }),
  );
  return Object.fromEntries(made) as unknown as Pick<AwsClients, S>;
}

/** Closes the connections of clients. */
export function destroyClients(clients: Partial<AwsClients>): void {
  for (const client of Object.values(clients)) client.destroy();
}
