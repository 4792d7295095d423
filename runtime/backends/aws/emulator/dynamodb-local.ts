/**
 * Amazon's DynamoDB Local, found or started: an endpoint that is given, else Docker, else Java.
 *
 * What is started here ends with this process, also when it is killed (`guarded-process.ts`).
 */
import { mkdir } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { appError } from '../../../errors/index.ts';
import { freePort } from '../../../host/free-port.ts';
import { findDocker, findJava, type Engine, type Found } from './dynamodb-engines.ts';
import { GuardedProcess } from './guarded-process.ts';

/** Names a DynamoDB Local that runs already. */
export const ENDPOINT_VARIABLE = 'STORMKITE_DYNAMODB_ENDPOINT';

/** Milliseconds between two looks whether it answers. */
const LOOK_MS = 50;
/** Milliseconds that an endpoint that was given may take to answer. */
const GIVEN_ENDPOINT_MS = 5_000;
/** Between choosing a port and its use somebody else may take it; Java and Docker say so in these words. */
const PORT_ATTEMPTS = 3;
const PORT_IS_TAKEN = /already (in use|allocated)/i;
/** Characters of what it prints that are kept to tell why it failed. */
const TAIL_CHARS = 2_000;

export interface DynamoDbLocalOptions {
  readonly env: NodeJS.ProcessEnv;
  /** One that runs already. @default - `STORMKITE_DYNAMODB_ENDPOINT`, else one is started */
  readonly endpoint?: string;
  /** @default - a free one */
  readonly port?: number;
  /** Where tables are kept. @default - in memory, gone when it ends */
  readonly directory?: string;
  /** Folder whose packages are looked at for the jar. @default - the working directory */
  readonly projectRoot?: string;
  /** Ways to start it that are tried, in this order. @default - Docker, Java */
  readonly engines?: readonly ('docker' | 'java')[];
  /** Ends the wait for its first answer. */
  readonly signal?: AbortSignal;
}

export interface DynamoDbLocal {
  /** As in `http://127.0.0.1:8000`. */
  readonly endpoint: string;
  /** How it runs, for people. */
  readonly how: string;
  /** Process that was started; `null` when the endpoint was given. */
  readonly pid: number | null;
  /** Ends what was started; an endpoint that was given is left alone. */
  close(): Promise<void>;
}

/**
 * Finds or starts DynamoDB Local; resolves when it answers. A way to start it that fails is followed by the next one.
 *
 * @throws `AWS_DYNAMODB_LOCAL_MISSING` when this machine has no way to run it, `AWS_DYNAMODB_LOCAL_FAILED` when it does not answer,
 * the reason of `signal`
 */
export async function startDynamoDbLocal(options: DynamoDbLocalOptions): Promise<DynamoDbLocal> {
  const given = options.endpoint ?? options.env[ENDPOINT_VARIABLE];
  if (given !== undefined && given !== '') return await useGiven(given);
  if (options.directory !== undefined) await mkdir(options.directory, { recursive: true });
  const missing: string[] = [];
  const failed: { readonly how: string; readonly problem: string }[] = [];
  for (const name of options.engines ?? ['docker', 'java']) {
    const engine = await findEngine(name, options);
    if ('missing' in engine) {
      missing.push(engine.missing);
      continue;
    }
    const started = await startOnSomePort(engine, options);
    if (!('problem' in started)) return started;
    failed.push({ how: engine.how, problem: started.problem });
  }
  if (failed.length === 0)
    throw appError('AWS_DYNAMODB_LOCAL_MISSING', { tried: missing.join('; ') });
  throw appError('AWS_DYNAMODB_LOCAL_FAILED', {
    how: failed.map(({ how }) => how).join(', '),
    problem: [...failed.map(({ problem }) => problem), ...missing].join('; '),
  });
}

async function useGiven(endpoint: string): Promise<DynamoDbLocal> {
  const problem = URL.canParse(endpoint)
    ? await answers(endpoint, GIVEN_ENDPOINT_MS, new AbortController().signal)
    : 'it is not a URL';
  if (problem !== null)
    throw appError('AWS_DYNAMODB_LOCAL_FAILED', { how: `at ${endpoint}`, problem });
  return { endpoint, how: 'given', pid: null, close: async () => undefined };
}

async function findEngine(
  name: 'docker' | 'java',
  { env, projectRoot = process.cwd() }: DynamoDbLocalOptions,
): Promise<Found> {
  return name === 'docker' ? await findDocker(env) : await findJava(env, projectRoot);
}

type Started = DynamoDbLocal | { readonly problem: string };

async function startOnSomePort(engine: Engine, options: DynamoDbLocalOptions): Promise<Started> {
  for (let attempt = 1; ; attempt += 1) {
    const port = options.port ?? (await freePort());
    const started = await start(engine, port, options);
    options.signal?.throwIfAborted();
    if (!('problem' in started) || !PORT_IS_TAKEN.test(started.problem)) return started;
    if (options.port !== undefined || attempt === PORT_ATTEMPTS) return started;
  }
}

async function start(
  engine: Engine,
  port: number,
  { directory, env, signal }: DynamoDbLocalOptions,
): Promise<Started> {
  const child = new GuardedProcess({
    command: engine.command(port, directory ?? null),
    cwd: directory ?? process.cwd(),
    env: definedOf(env),
    holdStdin: engine.holdStdin,
  });
  let printed = '';
  child.onOutput((_stream, chunk) => {
    printed = (printed + chunk.toString()).slice(-TAIL_CHARS);
  });
  const ended = new AbortController();
  const gone = child.exited.then(() => ended.abort());
  const endpoint = `http://127.0.0.1:${port}`;
  const given = AbortSignal.any([ended.signal, ...(signal ? [signal] : [])]);
  const problem = await answers(endpoint, engine.startMs, given);
  const close = async (): Promise<void> => {
    child.kill();
    await gone;
  };
  if (problem === null) return { endpoint, how: engine.how, pid: child.pid, close };
  await close();
  return { problem: printed.trim() === '' ? problem : `${problem}; it printed: ${printed.trim()}` };
}

/** `null` as soon as it lists its tables; what is wrong when it ended, or not in time. */
async function answers(
  endpoint: string,
  withinMs: number,
  ended: AbortSignal,
): Promise<string | null> {
  const client = new DynamoDBClient({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    maxAttempts: 1,
  });
  // Something else may listen there, and say nothing.
  const over = AbortSignal.timeout(withinMs);
  const options = { abortSignal: AbortSignal.any([ended, over]) };
  try {
    for (;;) {
      const problem = await client.send(new ListTablesCommand({ Limit: 1 }), options).then(
        () => null,
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      );
      if (ended.aborted) return 'it ended';
      if (problem === null) return null;
      if (over.aborted) return `nothing within ${withinMs} ms (${problem})`;
      await delay(LOOK_MS);
    }
  } finally {
    client.destroy();
  }
}

function definedOf(env: NodeJS.ProcessEnv): Record<string, string> {
  const entries = Object.entries(env).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  return Object.fromEntries(entries);
}
