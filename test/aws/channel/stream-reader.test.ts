import { GetShardIteratorCommand } from '@aws-sdk/client-dynamodb-streams';
import fc from 'fast-check';
import { describe, test } from 'vitest';
import { DynamoDeltaChannel } from '../../../runtime/backends/aws/channel/dynamo-delta-channel.ts';
import type { ChannelTimings } from '../../../runtime/backends/aws/channel/channel-timings.ts';
import { SystemClock } from '../../../runtime/host/system-clock.ts';
import { Intake } from '../../../runtime/loop/intake.ts';
import { until } from '../../support/until.ts';
import { ScriptedTable } from './scripted-table.ts';
import { KEY, WORK } from './work-rig.ts';

/** The safety net is out of the way unless a test wants it: what is heard came through the stream, or after it was mended. */
const quick: ChannelTimings = {
  pollMs: 1,
  flowingPollMs: 1,
  flowingMs: 1_000,
  quietPollMs: 2,
  shardsMs: 5,
  lineageMs: 1,
  safetyMs: 1_000_000,
  retryMs: 1,
  retryMaxMs: 2,
};

/** A flow's end over a scripted table, with the loop's own intake behind it. */
function listenTo(table: ScriptedTable, timings: Partial<ChannelTimings> = {}) {
  const state = { name: WORK, received: 0 };
  const applied: number[] = [];
  const unreadable: number[] = [];
  const failures: string[] = [];
  const channel = new DynamoDeltaChannel({
    app: 'test',
    dynamodb: table.client,
    streams: table.streams,
    tables: { state: 'state', deltas: 'deltas' },
    fence: 1,
    keyOf: () => KEY,
    receivedOf: () => state.received,
    targetOf: () => null,
    timings: { ...quick, ...timings },
    failing: (error) => failures.push(error instanceof Error ? error.name : String(error)),
  });
  const intake = new Intake({
    lease: { deltasAfter: () => channel.catchUp(WORK).then(() => []) },
    clock: new SystemClock(),
    timings: { gapRetryMs: 1, gapRetryMaxMs: 2, gapLimitMs: 60_000 },
    accept: (delta) => {
      applied.push(delta.seq);
      if (delta.unreadable !== undefined) unreadable.push(delta.seq);
    },
    lost: () => undefined,
  });
  channel.subscribe((delta) => intake.take(state, delta));
  channel.setLive([WORK]);
  const all = (count: number): Promise<unknown> =>
    until(`${count} are applied`, () => applied.length >= count);
  const close = async (): Promise<void> => {
    intake.close();
    await channel.close();
  };
  return { applied, unreadable, failures, channel, all, close };
}

const queries = (table: ScriptedTable): number =>
  table.requests.filter((request) => request === 'Query').length;

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

describe('the reader of the stream', () => {
  test('follows all shards of a list of several pages, without a query', async ({ expect }) => {
    const table = new ScriptedTable(['a', 'b', 'c', 'd', 'e']);
    const { channel, applied, all, close } = listenTo(table);
    await channel.ready();
    await channel.catchUp(WORK);
    const before = queries(table);
    for (let seq = 1; seq <= 20; seq += 1) table.write(seq, ['e']);
    await all(20);
    expect(applied).toEqual(upTo(20));
    expect(queries(table)).toBe(before);
    await close();
  });

  test('reads children from their beginning, after their parent', async ({ expect }) => {
    const table = new ScriptedTable(['a']);
    const { channel, applied, failures, all, close } = listenTo(table);
    await channel.ready();
    await channel.catchUp(WORK);
    const before = queries(table);
    // All at once: grandchildren exist before the first page of their grandparent was read.
    for (let seq = 1; seq <= 10; seq += 1) table.write(seq, ['a']);
    table.split('a', 'b', 'c');
    for (let seq = 11; seq <= 20; seq += 1) table.write(seq, ['c']);
    table.split('c', 'd');
    for (let seq = 21; seq <= 30; seq += 1) table.write(seq, ['d']);
    await all(30);
    expect(applied).toEqual(upTo(30));
    expect(queries(table)).toBe(before);
    expect(failures).toEqual([]);
    await close();
  });

  test('finds the children of a shard that are listed only later', async ({ expect }) => {
    const table = new ScriptedTable(['a']);
    const { channel, applied, all, close } = listenTo(table);
    await channel.ready();
    table.write(1, ['a']);
    table.closeShard('a');
    await all(1);
    const described = table.requests.length;
    await until('it looked', () => table.requests.length > described + 1);
    table.addShard('b', 'a');
    table.write(2, ['b']);
    await all(2);
    expect(applied).toEqual([1, 2]);
    await close();
  });

  test('holds nobody up while a shard cannot be opened', async ({ expect }) => {
    const table = new ScriptedTable(['a', 'b']);
    const failing = Array.from({ length: 10_000 }, () => 'InternalServerError');
    table.faults.GetShardIterator.push(...failing);
    const { channel, applied, failures, all, close } = listenTo(table);
    await channel.ready();
    expect(failures).toContain('InternalServerError');
    table.write(1, ['b']);
    table.faults.GetShardIterator.length = 0;
    await all(1);
    expect(applied).toEqual([1]);
    await close();
  });

  test('opens and reads no shard after it was closed', async ({ expect }) => {
    const table = new ScriptedTable(['a']);
    const { channel, close } = listenTo(table);
    await channel.ready();
    const { send } = table.streams;
    const asked: (string | undefined)[] = [];
    let answer = (): void => undefined;
    const held = new Promise<void>((resolve) => (answer = resolve));
    table.streams.send = async (command: unknown) => {
      if (command instanceof GetShardIteratorCommand) {
        asked.push(command.input.ShardId);
        await held;
      }
      return await (send as (command: unknown) => Promise<never>)(command);
    };
    table.split('a', 'b', 'c');
    await until('a child is being opened', () => asked.length > 0);
    // Its last work has ended.
    channel.setLive([]);
    answer();
    for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
    const before = table.requests.length;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(asked).toEqual(['b']);
    expect(table.requests).toHaveLength(before);
    await close();
  });

  test('goes on behind the last record when an iterator expires', async ({ expect }) => {
    const table = new ScriptedTable();
    const { channel, applied, failures, all, close } = listenTo(table);
    await channel.ready();
    await channel.catchUp(WORK);
    table.write(1);
    await all(1);
    const before = queries(table);
    table.faults.GetRecords.push('ExpiredIteratorException');
    table.write(2);
    await all(2);
    expect(applied).toEqual([1, 2]);
    expect(queries(table)).toBe(before);
    expect(failures).toEqual([]);
    await close();
  });

  test('reads the table when an iterator expires that had no record yet', async ({ expect }) => {
    const table = new ScriptedTable();
    const { channel, applied, all, close } = listenTo(table);
    await channel.ready();
    await channel.catchUp(WORK);
    const before = queries(table);
    // Written while the iterator is expired: the newest one begins behind it.
    table.write(1, []);
    table.faults.GetRecords.push('ExpiredIteratorException');
    await all(1);
    expect(applied).toEqual([1]);
    expect(queries(table)).toBeGreaterThan(before);
    await close();
  });

  test.for(['TrimmedDataAccessException', 'ResourceNotFoundException'])(
    'opens the stream anew and reads the table after %s',
    async (fault, { expect }) => {
      const table = new ScriptedTable();
      const { channel, applied, all, close } = listenTo(table);
      await channel.ready();
      await channel.catchUp(WORK);
      table.write(1, []);
      table.faults.GetRecords.push(fault);
      await all(1);
      table.write(2);
      await all(2);
      expect(applied).toEqual([1, 2]);
      expect(table.requests.filter((each) => each === 'DescribeTable')).toHaveLength(2);
      await close();
    },
  );

  test('follows a stream that was turned off and on', async ({ expect }) => {
    const table = new ScriptedTable();
    const { channel, applied, all, close } = listenTo(table);
    await channel.ready();
    table.write(1);
    await all(1);
    table.restart('two', ['x', 'y', 'z']);
    table.write(2, ['z']);
    await all(2);
    table.write(3, ['z']);
    await all(3);
    expect(applied).toEqual([1, 2, 3]);
    await close();
  });

  test('waits and tries again when it is throttled or AWS fails', async ({ expect }) => {
    const table = new ScriptedTable();
    const faults = ['LimitExceededException', 'ThrottlingException', 'InternalServerError'];
    for (const operation of Object.keys(table.faults) as (keyof typeof table.faults)[])
      table.faults[operation].push(...faults);
    const { channel, applied, failures, all, close } = listenTo(table);
    await channel.ready();
    for (let seq = 1; seq <= 5; seq += 1) table.write(seq);
    await all(5);
    expect(applied).toEqual(upTo(5));
    expect(failures.length).toBeGreaterThanOrEqual(5 * faults.length);
    await close();
  });

  test('takes new records of heads only', async ({ expect }) => {
    const table = new ScriptedTable();
    const { channel, applied, all, close } = listenTo(table);
    await channel.ready();
    const image = (sk: string) => ({ pk: { S: KEY }, sk: { S: sk }, e: { N: '1' } });
    const chunk = 'D#0000000000000001#00000000-0000-4000-8000-000000000000#0000';
    table.show(image(chunk), 'a');
    table.show({ ...image('D#0000000000000001'), v: { S: '{"ops":[]}' } }, 'a', 'REMOVE');
    table.show({ ...image('D#0000000000000001'), pk: { S: 'W#Other#root.x' } }, 'a');
    table.write(1);
    await all(1);
    expect(applied).toEqual([1]);
    await close();
  });

  test('hands on what cannot be read as such, in its place', async ({ expect }) => {
    const table = new ScriptedTable();
    const { channel, applied, unreadable, all, close } = listenTo(table);
    await channel.ready();
    table.write(1);
    table.write(2, ['a'], '{"ops":[{"op":"replace","path":"/vars/__proto__/x","value":1}]}');
    table.write(3);
    await all(3);
    await channel.catchUp(WORK);
    expect(applied).toEqual([1, 2, 3]);
    expect(unreadable).toEqual([2]);
    await close();
  });

  test('any repeats, orders, losses, splits and failures apply each delta once, in order', async ({
    expect,
  }) => {
    const shards = ['a', 'b', 'c'];
    const faults = [
      'ExpiredIteratorException',
      'TrimmedDataAccessException',
      'ResourceNotFoundException',
      'LimitExceededException',
    ];
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ shown: fc.array(fc.constantFrom(...shards), { maxLength: 3 }) }),
      },
      { weight: 1, arbitrary: fc.record({ fault: fc.constantFrom(...faults) }) },
      { weight: 1, arbitrary: fc.record({ split: fc.constantFrom(...shards) }) },
      { weight: 1, arbitrary: fc.record({ trim: fc.constantFrom(...shards) }) },
      { weight: 1, arbitrary: fc.record({ yields: fc.nat({ max: 3 }) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const table = new ScriptedTable(shards);
        const { channel, applied, all, close } = listenTo(table, { safetyMs: 5 });
        // Where each shard's records go now.
        const heirs = new Map(shards.map((shard) => [shard, shard]));
        const heirOf = (shard: string): string => heirs.get(shard) ?? shard;
        let seq = 0;
        for (const each of steps) {
          if ('shown' in each) table.write((seq += 1), each.shown.map(heirOf));
          else if ('fault' in each) table.faults.GetRecords.push(each.fault);
          else if ('trim' in each) table.trim(heirOf(each.trim));
          else if ('split' in each) {
            const heir = `${heirOf(each.split)}'`;
            table.split(heirOf(each.split), heir);
            heirs.set(each.split, heir);
          } else for (let n = 0; n < each.yields; n += 1) await new Promise(setImmediate);
        }
        await all(seq);
        await channel.catchUp(WORK);
        expect(applied).toEqual(upTo(seq));
        await close();
      }),
      { numRuns: 60 },
    );
  });
});
