/** Runs a case with `stormkite run --json`, and reads what it left. */
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoStateStore } from '../../runtime/backends/aws/dynamo/dynamo-state-store.ts';
import { LevelStateStore } from '../../runtime/backends/local/level-state-store.ts';
import { SystemClock } from '../../runtime/host/system-clock.ts';
import type { StateStore } from '../../runtime/ports/state-store.ts';
import type { AppEvent } from '../../runtime/protocol/events.ts';
import type { JsonObject } from '../../runtime/state/json.ts';
import { builtCli, temporaryFolder } from '../support/built-cli.ts';
import { localConfig } from '../support/dynamodb.ts';
import type { Case } from './cases.ts';
import type { Observed } from './observe.ts';

let runs = 0;

/** Runs it as works are processes of this machine. */
export async function runLocally(wanted: Case): Promise<Observed> {
  return await run(
    wanted,
    [],
    {},
    (home, name) => new LevelStateStore(join(home, 'apps', name, 'store')),
  );
}

/** Runs it on the emulated AWS, with tables in a DynamoDB Local that is there. */
export async function runEmulated(wanted: Case, endpoint: string): Promise<Observed> {
  const client = new DynamoDBClient(localConfig(endpoint));
  try {
    const env = { STORMKITE_DYNAMODB_ENDPOINT: endpoint };
    return await run(wanted, ['--emulate-aws'], env, (_home, name) => {
      const tables = { state: `stormkite-${name}-state`, deltas: `stormkite-${name}-deltas` };
      return new DynamoStateStore({
        client,
        tables,
        clock: new SystemClock(),
        keyOf: () => undefined,
        leaseWaitMs: 30_000,
      });
    });
  } finally {
    client.destroy();
  }
}

async function run(
  { file, env = {} }: Case,
  flags: readonly string[],
  more: Readonly<Record<string, string>>,
  storeOf: (home: string, name: string) => StateStore,
): Promise<Observed> {
  runs += 1;
  const name = `case-${process.pid}-${runs}`;
  const folder = await temporaryFolder();
  const home = join(folder.path, 'home');
  await mkdir(home);
  try {
    // As a project of its own: an artifact has the whole project, and this repository is a large one.
    const project = join(folder.path, 'project');
    await cp(dirname(file), project, { recursive: true });
    await writeFile(join(project, 'package.json'), '{"type":"module"}');
    const args = [
      'run',
      join(project, basename(file)),
      '--name',
      name,
      '--no-open',
      '--port',
      '0',
      '--json',
      ...flags,
    ];
    const { code, stdout, stderr } = await builtCli(args, {
      STORMKITE_HOME: home,
      ...env,
      ...more,
    });
    const events = stdout
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as AppEvent);
    if (!events.some(({ type }) => type === 'stage'))
      throw new Error(`nothing ran:\n${stdout}${stderr}`);
    const printed: Record<string, string[]> = {};
    for (const event of events)
      if (event.type === 'log') (printed[event.source] ??= []).push(event.line);
    return { exit: code, events, printed, document: await documentOf(storeOf(home, name), name) };
  } finally {
    await folder.remove();
  }
}

async function documentOf(store: StateStore, name: string): Promise<JsonObject> {
  const lease = await store.open(name);
  try {
    return (await lease.load())?.document ?? {};
  } finally {
    await lease.close();
  }
}
