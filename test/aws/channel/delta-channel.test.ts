import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import { describe } from 'vitest';
import {
  DynamoDeltaChannel,
  type DynamoDeltaChannelOptions,
} from '../../../runtime/backends/aws/channel/dynamo-delta-channel.ts';
import type { ChannelTimings } from '../../../runtime/backends/aws/channel/channel-timings.ts';
import type { Delta } from '../../../runtime/protocol/delta.ts';
import { localConfig, test, type DynamoDbRig } from '../../support/dynamodb.ts';
import { TcpProxy } from '../../support/tcp-proxy.ts';
import { until } from '../../support/until.ts';
import { KEY, putInput, recordsOf, specOf, WORK, WorkRig } from './work-rig.ts';

const timings: Partial<ChannelTimings> = {
  pollMs: 5,
  flowingPollMs: 10,
  quietPollMs: 20,
  safetyMs: 60_000,
  retryMs: 5,
  retryMaxMs: 20,
};

interface Heard {
  readonly channel: DynamoDeltaChannel;
  readonly deltas: Delta[];
  /** Sends of SDK commands by name. */
  readonly requests: Map<string, number>;
  readonly failures: unknown[];
  received: number;
  close(): Promise<void>;
}

/** A flow's end, with what a loop would take in: in order, each once, nothing beyond a gap. */
function open(
  { tables, endpoint }: DynamoDbRig,
  changes: Partial<DynamoDeltaChannelOptions> = {},
  at = endpoint,
): Heard {
  const dynamodb = new DynamoDBClient({ ...localConfig(at), maxAttempts: 1 });
  const streams = new DynamoDBStreamsClient({ ...localConfig(at), maxAttempts: 1 });
  const requests = new Map<string, number>();
  for (const client of [dynamodb, streams as unknown as DynamoDBClient])
    client.middlewareStack.add(
      (next, { commandName = '' }) =>
        (args) => {
          requests.set(commandName, (requests.get(commandName) ?? 0) + 1);
          return next(args);
        },
      { step: 'initialize' },
    );
  const heard: Heard = {
    channel: new DynamoDeltaChannel({
      app: 'test',
      dynamodb,
      streams,
      tables,
      fence: 1,
      keyOf: (work) => (work === WORK ? KEY : undefined),
      receivedOf: () => heard.received,
      targetOf: () => ({ key: KEY, epoch: 1 }),
      timings: { ...timings, ...changes.timings },
      failing: (error) => heard.failures.push(error),
    }),
    deltas: [],
    requests,
    failures: [],
    received: 0,
    close: async () => {
      await heard.channel.close();
      dynamodb.destroy();
      streams.destroy();
    },
  };
  heard.channel.subscribe((delta) => {
    if (delta.seq !== heard.received + 1) return;
    heard.received = delta.seq;
    heard.deltas.push(delta);
  });
  return heard;
}

const valuesOf = (deltas: readonly Delta[]): unknown[] =>
  deltas.flatMap(({ ops }) => ops.map((op) => ('value' in op ? op.value : null)));

describe('the channel of deltas', () => {
  test('hears what a work writes, in order, through the stream alone', async ({
    dynamodb,
    expect,
  }) => {
    await putInput(dynamodb, specOf());
    const heard = open(dynamodb);
    heard.channel.setLive([WORK]);
    await heard.channel.ready();
    const rig = new WorkRig(dynamodb);
    for (let n = 0; n < 300; n += 1) rig.set(n);
    rig.emit({ type: 'ready' });
    await until('the event is heard', () => heard.deltas.at(-1)?.event);
    expect(valuesOf(heard.deltas)).toEqual(Array.from({ length: 300 }, (_, n) => n));
    // Once after each opening: DynamoDB Local may call the iterator of a table that is new trimmed.
    expect(heard.requests.get('QueryCommand')).toBe(heard.requests.get('DescribeTableCommand'));
    expect(heard.failures).toEqual([]);
    rig.close();
    await heard.close();
  });

  test('asks for nothing while no work is live', async ({ dynamodb, expect }) => {
    const heard = open(dynamodb, { timings: { safetyMs: 1 } });
    await heard.channel.ready();
    heard.channel.setLive([]);
    heard.channel.setLive(['root.unknown']);
    expect([...heard.requests]).toEqual([]);
    heard.channel.setLive([WORK]);
    await heard.channel.ready();
    await until('tails are read', () => (heard.requests.get('QueryCommand') ?? 0) > 3);
    heard.channel.setLive([]);
    await heard.channel.ready();
    await heard.channel.catchUp('root.unknown');
    // Behind all that were asked for while it was live.
    await heard.channel.catchUp(WORK);
    const before = JSON.stringify([...heard.requests]);
    // Longer than many of its waits.
    for (let request = 0; request < 10; request += 1) await recordsOf(dynamodb);
    expect(JSON.stringify([...heard.requests])).toBe(before);
    await heard.close();
  });

  test('catches up with what was written while it did not listen', async ({ dynamodb, expect }) => {
    await putInput(dynamodb, specOf());
    const rig = new WorkRig(dynamodb);
    for (let n = 0; n < 40; n += 1) rig.set(n, { type: 'ready' });
    await until('all is written', () => rig.written === rig.posts);
    const heard = open(dynamodb);
    heard.channel.setLive([WORK]);
    await until('all is heard', () => heard.deltas.length === 40);
    heard.channel.setLive([]);
    rig.set('later');
    await until('it is written', () => rig.written === rig.posts);
    expect(heard.deltas).toHaveLength(40);
    heard.channel.setLive([WORK]);
    await until('that is heard too', () => heard.deltas.length === 41);
    rig.close();
    await heard.close();
  });

  test('has everything of a work before its end is judged, also what it said of its end', async ({
    dynamodb,
    expect,
  }) => {
    await putInput(dynamodb, specOf());
    const rig = new WorkRig(dynamodb);
    const heard = open(dynamodb);
    rig.set(1, { type: 'end', call: 'a', attempt: 1, outcome: 'succeeded' });
    rig.channel.say({ type: 'failed', reason: 'tree', message: 'it has other works' });
    rig.posts += 1;
    rig.channel.given(rig.posts);
    await until('all is written', () => rig.written === rig.posts);
    await heard.channel.catchUp(WORK);
    // Another work came and went meanwhile; this one never was live.
    heard.channel.setLive([]);
    expect(heard.deltas.map(({ event }) => event?.type)).toEqual(['end', undefined]);
    expect(heard.channel.noticeOf(WORK, 1)).toEqual({
      reason: 'tree',
      message: 'it has other works',
    });
    expect(heard.channel.noticeOf(WORK, 2)).toBeNull();
    // A flow that comes back has applied that, and did not hear it.
    const next = open(dynamodb);
    next.received = heard.received;
    await next.channel.catchUp(WORK);
    expect(next.deltas).toEqual([]);
    expect(next.channel.noticeOf(WORK, 1)?.reason).toBe('tree');
    rig.close();
    await heard.close();
    await next.close();
  });

  test('brings a delta of megabytes through the stream', async ({ dynamodb, expect }) => {
    await putInput(dynamodb, specOf());
    const heard = open(dynamodb);
    heard.channel.setLive([WORK]);
    await heard.channel.ready();
    const rig = new WorkRig(dynamodb);
    const text = Array.from({ length: 200_000 }, () => Math.random().toString(36)).join('');
    rig.set(text);
    await until('it is heard', () => heard.deltas.length === 1);
    expect(valuesOf(heard.deltas)).toEqual([text]);
    rig.close();
    await heard.close();
  });

  test('survives that DynamoDB cannot be reached for a while', async ({ dynamodb, expect }) => {
    const proxy = await TcpProxy.open(dynamodb.endpoint);
    await putInput(dynamodb, specOf());
    const heard = open(dynamodb, {}, proxy.endpoint);
    heard.channel.setLive([WORK]);
    await heard.channel.ready();
    const rig = new WorkRig(dynamodb);
    rig.set(0);
    await until('the line is up', () => heard.deltas.length === 1);
    proxy.cut();
    for (let n = 1; n <= 20; n += 1) rig.set(n, { type: 'ready' });
    await until('all is written', () => rig.written === rig.posts);
    await until('the outage is noticed', () => heard.failures.length > 3);
    const caughtUp = heard.channel.catchUp(WORK);
    expect(heard.deltas).toHaveLength(1);
    proxy.mend();
    await caughtUp;
    rig.set(21);
    await until('all is heard', () => heard.deltas.length === 22);
    expect(valuesOf(heard.deltas)).toEqual(Array.from({ length: 22 }, (_, n) => n));
    rig.close();
    await heard.close();
    await proxy.close();
  });
});
