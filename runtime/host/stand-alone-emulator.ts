/** The AWS emulator with its DynamoDB, for whoever wants them without an app: `stormkite emulator`. */
import { join } from 'node:path';
import { startDynamoDbLocal } from '../backends/aws/emulator/dynamodb-local.ts';
import { openEmulator } from '../backends/aws/emulator/emulator.ts';
import { Closers } from './closers.ts';
import { SystemClock } from './system-clock.ts';

export interface StandAloneOptions {
  readonly env: NodeJS.ProcessEnv;
  /** 0: any free one. */
  readonly port: number;
  readonly region: string;
  /** Folder whose packages are looked at for DynamoDB Local. */
  readonly projectRoot: string;
  /** @default - DynamoDB Local is started */
  readonly dynamodbEndpoint?: string | undefined;
  /** @default - nothing is kept */
  readonly directory?: string | undefined;
  /** Ends the wait for what is started. */
  readonly signal: AbortSignal;
  /** Hears every line that a task prints. */
  readonly onLine: (line: StandAloneLine) => void;
}

/** A line that a container printed. */
export interface StandAloneLine {
  readonly family: string;
  readonly container: string;
  readonly taskArn: string;
  readonly stream: 'stdout' | 'stderr';
  /** Epoch milliseconds. */
  readonly at: number;
  readonly line: string;
}

export interface StandAloneEmulator {
  readonly endpoint: string;
  readonly dynamodb: { readonly endpoint: string; readonly how: string };
  /** What leads SDKs here. */
  readonly environment: Readonly<Record<string, string>>;
  /** Ends everything that runs in it. */
  close(): Promise<void>;
}

/** @throws `AWS_DYNAMODB_LOCAL_…`, `EMULATOR_PORT_TAKEN`, `EMULATOR_STATE_UNREADABLE` */
export async function openStandAloneEmulator(
  options: StandAloneOptions,
): Promise<StandAloneEmulator> {
  const { env, port, region, projectRoot, dynamodbEndpoint, directory, signal, onLine } = options;
  const closers = new Closers();
  try {
    const dynamodb = await startDynamoDbLocal({
      env,
      projectRoot,
      signal,
      ...(dynamodbEndpoint === undefined ? {} : { endpoint: dynamodbEndpoint }),
      ...(directory === undefined ? {} : { directory: join(directory, 'dynamodb') }),
    });
    closers.add(() => dynamodb.close());
    const emulator = await openEmulator({
      clock: new SystemClock(),
      port,
      region,
      directory: directory ?? null,
      dynamodbEndpoint: dynamodb.endpoint,
      onLog: onLine,
    });
    closers.add(() => emulator.close());
    const { endpoint, environment } = emulator;
    return { endpoint, dynamodb, environment, close: () => closers.close() };
  } catch (error) {
    await closers.close();
    throw error;
  }
}
