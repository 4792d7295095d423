/** The contract of the channel with the process of a real work, which reaches the tables as a task does. */
import { randomUUID } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import { afterAll } from 'vitest';
import { readDeltas } from '../../../runtime/backends/aws/channel/delta-query.ts';
import { DynamoDeltaChannel } from '../../../runtime/backends/aws/channel/dynamo-delta-channel.ts';
import { createTables } from '../../../runtime/backends/aws/dynamo/tables.ts';
import { SystemClock } from '../../../runtime/host/system-clock.ts';
import { Intake } from '../../../runtime/loop/intake.ts';
import { defaultTimings } from '../../../runtime/loop/timings.ts';
import type { Delta } from '../../../runtime/protocol/delta.ts';
import {
  deltaChannelContract,
  type DeltaChannelBench,
} from '../../contract/delta-channel.contract.ts';
import { localConfig, openLocal, type DynamoDbRig } from '../../support/dynamodb.ts';
import { until } from '../../support/until.ts';
import { FixtureApp, type WorkProcess } from './work-process.ts';
import { KEY, WORK } from './work-rig.ts';

const local = await openLocal();
const app = await FixtureApp.open();

afterAll(async () => {
  if ('close' in local) await local.close();
  await app.close();
});

async function openBench(endpoint: string): Promise<DeltaChannelBench> {
  const client = new DynamoDBClient(localConfig(endpoint));
  const streams = new DynamoDBStreamsClient(localConfig(endpoint));
  const id = randomUUID();
  const tables = { state: `state-${id}`, deltas: `deltas-${id}` };
  const rig: DynamoDbRig = { endpoint, client, streams, tables };
  await createTables(client, tables);
  const clock = new SystemClock();
  const states = new Set<{ readonly name: string; received: number }>();
  let base = 0;
  let child: WorkProcess | null = null;
  let isUp = false;
  const channel = new DynamoDeltaChannel({
    app: 'test',
    dynamodb: client,
    streams,
    tables,
    fence: 1,
    keyOf: (work) => (work === WORK ? KEY : undefined),
    receivedOf: () => Math.min(...[...states].map(({ received }) => received)),
    targetOf: (work) => (work === WORK && isUp ? { key: KEY, epoch: 1 } : null),
    timings: { pollMs: 20, flowingPollMs: 50 },
    failing: () => undefined,
  });
  const after = async (seq: number): Promise<Delta[]> => {
    const deltas: Delta[] = [];
    const range = { table: tables.deltas, key: KEY, work: WORK, after: seq };
    for await (const { delta } of readDeltas(client, range)) deltas.push(delta);
    return deltas;
  };
  let durable: Delta[] = [];
  let isClosed = false;
  const look = async (): Promise<void> => {
    while (!isClosed) durable = await after(base);
  };
  let looking = Promise.resolve();
  return {
    // What a loop does with repeats and gaps is no business of the channel.
    channel: {
      subscribe: (handler) => {
        const state = { name: WORK, received: base };
        states.add(state);
        const intake = new Intake({
          lease: { deltasAfter: (_work, seq) => after(seq) },
          clock,
          timings: defaultTimings,
          accept: handler,
          lost: () => undefined,
        });
        const unsubscribe = channel.subscribe((delta) => intake.take(state, delta));
        return () => {
          states.delete(state);
          intake.close();
          unsubscribe();
        };
      },
      deliver: (work, message) => channel.deliver(work, message),
      close: () => channel.close(),
    },
    work: WORK,
    start: async (seq) => {
      base = seq;
      for (const state of states) state.received = seq;
      channel.setLive([WORK]);
      await channel.ready();
      child = await app.start(rig, WORK, { seq });
      isUp = true;
      looking = look();
      await until('the work is ready', () => durable.some(({ event }) => event?.type === 'ready'));
    },
    durable: () => durable,
    close: async () => {
      isClosed = true;
      await looking;
      await child?.kill();
      await channel.close();
      client.destroy();
      streams.destroy();
    },
  };
}

if ('missing' in local) {
  // Every case is shown, with the reason why it is not run.
  const reasons = new Proxy({}, { get: () => local.missing, has: () => true });
  deltaChannelContract('DynamoDB', () => Promise.reject(new Error(local.missing)), reasons);
} else deltaChannelContract('DynamoDB', () => openBench(local.endpoint));
