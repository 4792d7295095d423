/** What the process of a work does when its line is in trouble. */
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, describe } from 'vitest';
import { DownlinkWriter } from '../../../runtime/backends/aws/channel/downlink-writer.ts';
import { leaseKey, WORK_EXIT_CODES } from '../../../runtime/backends/aws/contract.ts';
import { itemKey } from '../../../runtime/backends/aws/dynamo/chunks.ts';
import { parseTaskLog } from '../../../runtime/host/task-log.ts';
import type { Downlink } from '../../../runtime/protocol/downlink.ts';
import { test, type DynamoDbRig } from '../../support/dynamodb.ts';
import { TcpProxy } from '../../support/tcp-proxy.ts';
import { until } from '../../support/until.ts';
import { FixtureApp } from './work-process.ts';
import { KEY, recordsOf, valuesOf } from './work-rig.ts';

const app = await FixtureApp.open();
afterAll(() => app.close());

/** Sends to the process of one launch. */
function deliver({ client, tables }: DynamoDbRig, epoch: number, message: Downlink) {
  const options = {
    app: 'test',
    client,
    table: tables.state,
    fence: 1,
    timings: { retryMs: 5, retryMaxMs: 20 },
    failing: () => undefined,
  };
  return new DownlinkWriter(options, () => ({ key: KEY, epoch })).deliver(message);
}

/** Renews the lease as a flow does, while there is one. */
async function beat({ client, tables }: DynamoDbRig, isThere: () => boolean): Promise<void> {
  const key = itemKey(leaseKey('test'), leaseKey('test'));
  for (let count = 1; isThere(); count += 1) {
    const Item = { ...key, beat: { N: String(count) } };
    await client.send(new PutItemCommand({ TableName: tables.state, Item }));
  }
}

const call = { type: 'call', call: 'a', attempt: 1, args: [], fold: [], mark: 0 } as const;

const is = (dynamodb: DynamoDbRig, type: 'ready' | 'running' | 'end'): Promise<unknown> =>
  until(`it is ${type}`, async () =>
    (await recordsOf(dynamodb)).some(({ delta }) => delta.event?.type === type),
  );

describe('the process of a work', () => {
  test('that was replaced leaves, also out of a loop that never yields', async ({
    dynamodb,
    expect,
  }) => {
    const work = await app.start(dynamodb, 'root.stubborn');
    await is(dynamodb, 'ready');
    await deliver(dynamodb, 1, call);
    await until('it never yields again', async () =>
      valuesOf(await recordsOf(dynamodb), 'started').includes(true),
    );
    await deliver(dynamodb, 2, call);
    expect(await work.exited).toEqual({ code: WORK_EXIT_CODES.fenced, signal: null });
    expect(work.stderr()).toContain('AWS_WORK_FENCED');
  });

  test('tells its log what it does, with launch, call and attempt', async ({
    dynamodb,
    expect,
  }) => {
    const work = await app.start(dynamodb, 'root.spinner', { epoch: 3 });
    await is(dynamodb, 'ready');
    await deliver(dynamodb, 3, { ...call, attempt: 2, args: [false] });
    await is(dynamodb, 'running');
    await deliver(dynamodb, 3, { type: 'stop' });
    await work.exited;
    const entries = work
      .stdout()
      .split('\n')
      .flatMap((line) => parseTaskLog(line) ?? []);
    const of = { stormkite: 'work', app: 'test', work: 'root.spinner', epoch: 3 };
    const which = { call: 'a', attempt: 2 };
    expect(entries).toEqual([
      { ...of, event: 'running', ...which },
      { ...of, event: 'stopping', ...which },
      { ...of, event: 'end', ...which, outcome: 'stopped' },
    ]);
  });

  test('ends only when its last change is in the table', async ({ dynamodb, expect }) => {
    const proxy = await TcpProxy.open(dynamodb.endpoint);
    const work = await app.start({ ...dynamodb, endpoint: proxy.endpoint }, 'root.leaver');
    await is(dynamodb, 'ready');
    await deliver(dynamodb, 1, call);
    await is(dynamodb, 'running');
    proxy.cut();
    await until('it tries to write', () => proxy.refused > 3);
    expect(work.child.exitCode).toBeNull();
    proxy.mend();
    expect(await work.exited).toEqual({ code: 0, signal: null });
    expect(valuesOf(await recordsOf(dynamodb)).at(-1)).toBe(199);
    await proxy.close();
  });

  test('whose flow is lost ends by itself, with an end that says so', async ({
    dynamodb,
    expect,
  }) => {
    const timings = { leasePollMs: 20, flowLostMs: 4_000, flowLostGraceMs: 60_000 };
    let isFlowThere = true;
    const flow = beat(dynamodb, () => isFlowThere);
    const work = await app.start(dynamodb, 'root.spinner', {}, timings);
    await is(dynamodb, 'ready');
    await deliver(dynamodb, 1, { ...call, args: [false] });
    await is(dynamodb, 'running');
    isFlowThere = false;
    await flow;
    expect(await work.exited).toEqual({ code: WORK_EXIT_CODES.flowLost, signal: null });
    expect(work.stderr()).toContain('AWS_FLOW_LOST');
    const events = (await recordsOf(dynamodb)).flatMap(({ delta }) => delta.event ?? []);
    const end = events.find(({ type }) => type === 'end');
    expect(end).toMatchObject({ outcome: 'stopped', reason: 'flow_lost' });
  });

  test('that cannot rebuild its work says why beside its records', async ({ dynamodb, expect }) => {
    const work = await app.start(dynamodb, 'root.counter', { tree: ['root', 'root.other'] });
    expect((await work.exited).code).toBe(1);
    const notices = (await recordsOf(dynamodb)).flatMap(({ notice }) => notice ?? []);
    expect(notices).toMatchObject([{ reason: 'tree' }]);
    expect(notices[0]?.message).toContain('WORK_TREE_DIFFERS');
  });
});
