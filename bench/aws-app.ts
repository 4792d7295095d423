/**
 * A flow with the real store, channel and loop over DynamoDB Local. Only what starts tasks is replaced: all works are played
 * by one process, which has the real work's end of the line for each.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { PutItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type * as Flows from '../runtime/backends/aws/channel/dynamo-delta-channel.ts';
import type { ChannelTimings } from '../runtime/backends/aws/channel/channel-timings.ts';
import type * as Contract from '../runtime/backends/aws/contract.ts';
import type * as Store from '../runtime/backends/aws/dynamo/dynamo-state-store.ts';
import type * as Tables from '../runtime/backends/aws/dynamo/tables.ts';
import type * as Local from '../runtime/backends/aws/emulator/dynamodb-local.ts';
import type * as TurnScopes from '../runtime/host/async-turn-scope.ts';
import type * as SystemClocks from '../runtime/host/system-clock.ts';
import type * as Stormkite from '../runtime/index.ts';
import type * as Loop from '../runtime/loop/flow-loop.ts';
import type * as LoopTimings from '../runtime/loop/timings.ts';
import type { Launcher, WorkFact } from '../runtime/ports/launcher.ts';
import type { WorkSpec } from '../runtime/protocol/work-spec.ts';
import { meteredDynamoDb, meteredStreams, type Usage } from './aws-meter.ts';
import { fromDist } from './built.ts';
import type { WriterJob } from './children/aws-writer.ts';

const APP = 'bench';
const CHILD = fileURLToPath(new URL('children/aws-writer.ts', import.meta.url));

const noUsage = (): Usage => ({ requests: 0, writeUnits: 0, readUnits: 0, puts: 0 });

export interface AwsFlow {
  readonly turns: number;
  close(): Promise<void>;
}

/** DynamoDB Local with an app's tables, and flows of that app one after the other. */
export class AwsBench {
  readonly tables = { state: 'bench-state', deltas: 'bench-deltas' };
  readonly endpoint: string;
  /** Of the flows, without their streams. */
  readonly usage = noUsage();
  /** `GetRecords` of the flows' streams. */
  readonly streamUsage = noUsage();
  readonly client: DynamoDBClient;
  readonly works: WriterJob['works'];
  readonly #local: Local.DynamoDbLocal;
  #writer: ChildProcess | null = null;

  private constructor(
    local: Local.DynamoDbLocal,
    client: DynamoDBClient,
    works: WriterJob['works'],
  ) {
    this.#local = local;
    this.endpoint = local.endpoint;
    this.client = client;
    this.works = works;
  }

  static async open(count: number): Promise<AwsBench> {
    const { startDynamoDbLocal } = await fromDist<typeof Local>(
      'runtime/backends/aws/emulator/dynamodb-local',
    );
    const { createTables } = await fromDist<typeof Tables>('runtime/backends/aws/dynamo/tables');
    const { classIdOf, workKey } = await fromDist<typeof Contract>('runtime/backends/aws/contract');
    const local = await startDynamoDbLocal({ env: process.env, engines: ['java'] });
    const usage = noUsage();
    const client = await meteredDynamoDb(local.endpoint, usage);
    const classId = classIdOf({ by: 'export', name: 'Writer' });
    const works = Array.from({ length: count }, (_, i) => {
      const work = `root.writers.w${i}`;
      return { work, key: workKey(classId, work) };
    });
    const bench = new AwsBench(local, client, works);
    await createTables(client, bench.tables);
    return bench;
  }

  /**
   * Opens a flow; it holds the app until it is closed.
   *
   * @param onTurn - hears in every turn the field `n` of every work
   */
  async flow(
    onTurn: (values: readonly number[]) => void,
    options: {
      readonly channel?: Partial<ChannelTimings>;
      /** Starts the works when they are first launched. @default - they are there already */
      readonly launched?: () => void;
    } = {},
  ): Promise<AwsFlow> {
    const { App, Dict, Flow, Work } = await fromDist<typeof Stormkite>('runtime/index');
    const { FlowLoop } = await fromDist<typeof Loop>('runtime/loop/flow-loop');
    const { awsTimings } = await fromDist<typeof LoopTimings>('runtime/loop/timings');
    const { DynamoStateStore } = await fromDist<typeof Store>(
      'runtime/backends/aws/dynamo/dynamo-state-store',
    );
    const { DynamoDeltaChannel } = await fromDist<typeof Flows>(
      'runtime/backends/aws/channel/dynamo-delta-channel',
    );
    const { AsyncTurnScope } = await fromDist<typeof TurnScopes>('runtime/host/async-turn-scope');
    const { SystemClock } = await fromDist<typeof SystemClocks>('runtime/host/system-clock');
    const { length } = this.works;

    class Writer extends Work {
      n = 0;
      run(): void {
        this.n = 0;
      }
    }
    class Root extends Flow {
      writers = new Dict(
        Object.fromEntries(Array.from({ length }, (_, i) => [`w${i}`, new Writer()])),
      );
      run(): void {
        onTurn(Array.from(this.writers, ([, { n }]) => n));
      }
    }

    const clock = new SystemClock();
    const client = await meteredDynamoDb(this.endpoint, this.usage);
    const streams = meteredStreams(this.endpoint, this.streamUsage);
    const keys = new Map(this.works.map(({ work, key }) => [work, key]));
    const keyOf = (work: string): string | undefined => keys.get(work);
    const store = new DynamoStateStore({ client, tables: this.tables, clock, keyOf });
    const lease = await store.open(APP);
    const channel = new DynamoDeltaChannel({
      app: APP,
      dynamodb: client,
      streams,
      tables: this.tables,
      fence: lease.fence,
      keyOf,
      receivedOf: (work) => loop.receivedOf(work),
      targetOf: () => null,
      failing: (error) => void process.stderr.write(`${String(error)}\n`),
      ...(options.channel ? { timings: options.channel } : {}),
    });
    const launcher = new StandingLauncher(this, options.launched ?? null, async () => {
      // Before the loop looks at what is there, as the AWS backend does.
      channel.setLive(keys.keys());
      await channel.ready();
    });
    const loop: Loop.FlowLoop = new FlowLoop(
      new App(new Root()),
      { lease, channel, launcher, clock, scope: new AsyncTurnScope() },
      { name: APP, exports: { Writer }, timings: awsTimings, remoteWorks: true },
    );
    await loop.open();
    return {
      get turns() {
        return loop.turns;
      },
      close: async () => {
        await loop.leave();
        await channel.close();
        await lease.close();
        client.destroy();
        streams.destroy();
      },
    };
  }

  /** Starts the process that plays the works. */
  write(job: Pick<WriterJob, 'writes' | 'everyMs'>): void {
    const { endpoint, tables, works } = this;
    const all: WriterJob = { endpoint, tables, works, ...job };
    this.#writer = fork(CHILD, [JSON.stringify(all)], {
      execArgv: ['--import', import.meta.resolve('tsx')],
    });
  }

  /** What the works have asked for. */
  async writerUsage(): Promise<Usage> {
    if (this.#writer === null) return noUsage();
    const told = once(this.#writer, 'message') as Promise<[Usage]>;
    this.#writer.send('usage');
    const [usage] = await told;
    return usage;
  }

  /** Milliseconds of bare `PutItem`s, one after the other. */
  async bare(count: number, nowMs: () => number): Promise<number[]> {
    const taken: number[] = [];
    for (let i = 0; i < count; i += 1) {
      const at = nowMs();
      await this.client.send(
        new PutItemCommand({
          TableName: this.tables.state,
          Item: { pk: { S: 'bare' }, sk: { S: String(i) }, v: { S: '{"n":1}' } },
        }),
      );
      taken.push(nowMs() - at);
    }
    return taken;
  }

  async close(): Promise<void> {
    const writer = this.#writer;
    if (writer !== null && writer.exitCode === null) {
      const gone = once(writer, 'exit');
      writer.kill('SIGKILL');
      await gone;
    }
    this.client.destroy();
    await this.#local.close();
  }
}

/** Every work has a task, from its launch on or from the beginning. */
class StandingLauncher implements Launcher {
  readonly #bench: AwsBench;
  readonly #launched: (() => void) | null;
  readonly #observed: () => Promise<void>;
  readonly #inputs: Promise<unknown>[] = [];
  readonly #handlers = new Set<(fact: WorkFact) => void>();

  constructor(bench: AwsBench, launched: (() => void) | null, observed: () => Promise<void>) {
    this.#bench = bench;
    this.#observed = observed;
    this.#launched = launched;
  }

  async launch(spec: WorkSpec): ReturnType<Launcher['launch']> {
    const { client, tables, works } = this.#bench;
    const { work, epoch } = spec;
    const { inputSortKey } = await fromDist<typeof Contract>('runtime/backends/aws/contract');
    const key = works.find((each) => each.work === work)?.key ?? '';
    const Item = {
      pk: { S: key },
      sk: { S: inputSortKey(epoch) },
      v: { S: JSON.stringify(spec) },
    };
    const put = client.send(new PutItemCommand({ TableName: tables.state, Item }));
    const isLast = this.#inputs.push(put) === works.length;
    await put;
    for (const state of ['starting', 'running'] as const)
      for (const handler of this.#handlers) handler({ work, epoch, pid: null, state });
    if (isLast) {
      await Promise.all(this.#inputs);
      this.#launched?.();
    }
    return { ok: true, ref: { work, epoch } };
  }

  stop(): ReturnType<Launcher['stop']> {
    return Promise.resolve({ forced: false });
  }

  release(): Promise<void> {
    return Promise.resolve();
  }

  async observe(): ReturnType<Launcher['observe']> {
    await this.#observed();
    if (this.#launched !== null) return [];
    return this.#bench.works.map(({ work }) => ({
      work,
      epoch: 1,
      pid: null,
      state: 'running',
    }));
  }

  subscribe(handler: (fact: WorkFact) => void): () => void {
    this.#handlers.add(handler);
    return () => void this.#handlers.delete(handler);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
