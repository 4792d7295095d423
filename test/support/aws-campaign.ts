/** Runs of one small app on the emulated AWS, disturbed by a test, compared with one that nobody disturbed. */
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExpectStatic } from 'vitest';
import { DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb';
import { isHead } from '../../runtime/backends/aws/dynamo/chunks.ts';
import type { EmulatorTimings } from '../../runtime/backends/aws/emulator/timings.ts';
import type { StoredApp } from '../../runtime/protocol/turn-record.ts';
import type { Json } from '../../runtime/state/json.ts';
import { localConfig } from './dynamodb.ts';
import {
  EmulatedRig,
  FASTER,
  type DeployOptions,
  type EmulatedApp,
  type PackedApp,
} from './emulated-rig.ts';

const ERRAND = fileURLToPath(new URL('../fixtures/apps/errand.ts', import.meta.url));
/** A machine's bill has to end within two minutes of what ended its work, at AWS. Processes take real time, though. */
const BILL_MS = 120_000 / FASTER + 10_000;
/** How long a disturbed run may take on a slow machine that runs six of them at once; below the limit of its test. */
const END_MS = 240_000;
/** Differs from run to run, or tells of the disturbance itself. */
const HISTORY = new Set([
  'cost',
  'statuses',
  'attempt',
  'timestamp',
  'interruptions',
  'latest_call_hash',
  '_url',
  '_port',
  '_host',
  '_internal_ip',
  '_public_ip',
]);

export class AwsCampaign {
  readonly rig: EmulatedRig;
  readonly #packed: PackedApp;
  #runs = 0;

  private constructor(rig: EmulatedRig, packed: PackedApp) {
    this.rig = rig;
    this.#packed = packed;
  }

  static async open(timings: Partial<EmulatorTimings> = {}): Promise<AwsCampaign> {
    const rig = await EmulatedRig.open(timings);
    return new AwsCampaign(rig, await packAlone(rig, ERRAND));
  }

  /** Name of the next run. */
  get nextName(): string {
    return `errand-${this.#runs + 1}`;
  }

  /** Starts the app under a name of its own. */
  async start(options: DeployOptions = {}): Promise<ErrandRun> {
    const name = this.nextName;
    this.#runs += 1;
    const trace = join(this.rig.folder, `${name}.trace`);
    const app = await this.rig.deploy(this.#packed, {
      name,
      ...options,
      workEnv: { TRACE_FILE: trace, ...options.workEnv },
    });
    return { app, trace };
  }

  /** What an undisturbed run ends with. */
  async undisturbed(options: DeployOptions = {}): Promise<Json> {
    const run = await this.start(options);
    const result = await run.app.ended();
    if (result.stage !== 'stopped') throw new Error(`it failed:\n${run.app.told}`);
    return outcomeOf(await run.app.stored());
  }

  /** Where a flow's failpoint leaves its mark, so that the flow that comes next is not killed too. */
  markOf(name: string): string {
    return join(this.rig.folder, `mark-${name.replaceAll(/\W/g, '-')}`);
  }

  /** Parts of deltas that were too long for one item. */
  async chunksOf({ app }: ErrandRun): Promise<number> {
    const client = new DynamoDBClient(localConfig(this.rig.dynamodb.endpoint));
    try {
      const input = { TableName: app.deployment.tables.deltas, ProjectionExpression: 'sk' };
      let chunks = 0;
      for await (const { Items = [] } of paginateScan({ client }, input))
        chunks += Items.filter(({ sk }) => !isHead(sk?.S ?? '', 'D#')).length;
      return chunks;
    } finally {
      client.destroy();
    }
  }

  async close(): Promise<void> {
    await this.rig.close();
  }
}

export interface ErrandRun {
  readonly app: EmulatedApp;
  readonly trace: string;
}

/** Packs an app file without what lies beside it. */
export async function packAlone(rig: EmulatedRig, file: string): Promise<PackedApp> {
  const folder = join(rig.folder, `alone-${file.replaceAll(/\W/g, '-')}`);
  await mkdir(folder, { recursive: true });
  await copyFile(file, join(folder, 'app.ts'));
  return await rig.pack(join(folder, 'app.ts'));
}

export function outcomeOf({ document }: StoredApp): Json {
  return withoutHistory(document);
}

/** Calls that ran, from the works' own notes. */
export async function traceOf({ trace }: ErrandRun): Promise<string[]> {
  return (await readFile(trace, 'utf8')).trim().split('\n');
}

/** Waits until the first call has begun. */
export async function begun(run: ErrandRun): Promise<void> {
  await run.app.until('the first call runs', async () =>
    (await traceOf(run).catch((): string[] => [])).includes('start root.first 1'),
  );
}

/** Waits for the end of a disturbed run; then everything must be as if nothing had happened. */
export async function endsAsUndisturbed(
  run: ErrandRun,
  expected: Json,
  expect: ExpectStatic,
  {
    repeats = 0,
  }: {
    /** Calls that may have run once more, since a process was lost under them. @default 0 */
    readonly repeats?: number;
  } = {},
): Promise<void> {
  const { app } = run;
  expect(await app.ended(END_MS), app.told).toEqual({ stage: 'stopped', message: 'complete' });
  await app.released();
  expect(outcomeOf(await app.stored())).toEqual(expected);
  const trace = await traceOf(run);
  const ends = trace.filter((line) => line.startsWith('end'));
  expect(new Set(ends)).toEqual(
    new Set(['end root.first 1', 'end root.first 2', 'end root.more.x 3']),
  );
  expect(trace.length, trace.join('\n')).toBeLessThanOrEqual(6 + 2 * repeats);
  expect(billsAfter(app, (app.endedAt ?? 0) + BILL_MS), 'billed too long').toEqual([]);
  await app.end();
}

/** Machines of the app that were billed later than that. */
function billsAfter(app: EmulatedApp, at: number): string[] {
  return app.bills
    .filter(({ endedAt }) => endedAt === null || endedAt > at)
    .map((bill) => JSON.stringify(bill));
}

function withoutHistory(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutHistory);
  if (value === null || typeof value !== 'object') return value;
  const kept = Object.entries(value).filter(([key]) => !HISTORY.has(key));
  return Object.fromEntries(kept.map(([key, member]) => [key, withoutHistory(member)]));
}
