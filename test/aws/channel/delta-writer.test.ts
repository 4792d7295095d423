import { describe } from 'vitest';
import { DeltaQueue } from '../../../runtime/backends/aws/channel/delta-queue.ts';
import { SpillFile } from '../../../runtime/backends/aws/channel/spill-file.ts';
import { deltaSortKey, WORK_EXIT_CODES } from '../../../runtime/backends/aws/contract.ts';
import { putText } from '../../../runtime/backends/aws/dynamo/chunks.ts';
import { test, type DynamoDbRig } from '../../support/dynamodb.ts';
import { TcpProxy } from '../../support/tcp-proxy.ts';
import { until } from '../../support/until.ts';
import { KEY, putInput, recordsOf, specOf, valuesOf, WorkRig } from './work-rig.ts';

/** A record that another process of the work wrote. */
async function put({ client, tables }: DynamoDbRig, seq: number, epoch: number): Promise<void> {
  await putText(client, {
    table: tables.deltas,
    pk: KEY,
    sk: deltaSortKey(seq),
    text: '{"ops":[]}',
    attributes: { e: { N: String(epoch) } },
  });
}

const drained = (rig: WorkRig): Promise<unknown> =>
  until('everything is written', () => rig.written === rig.posts);

describe('the writer of deltas', () => {
  test('begins behind what the flow knows, and numbers without a gap', async ({
    dynamodb,
    expect,
  }) => {
    await putInput(dynamodb, specOf({ seq: 41 }));
    const rig = new WorkRig(dynamodb);
    for (let n = 0; n < 5; n += 1) rig.set(n, { type: 'ready' });
    await drained(rig);
    rig.close();
    const records = await recordsOf(dynamodb);
    expect(rig.assigned?.seq).toBe(41);
    expect(records.map(({ delta }) => delta.seq)).toEqual([42, 43, 44, 45, 46]);
    expect(valuesOf(records)).toEqual([0, 1, 2, 3, 4]);
    expect(rig.acknowledged).toBe(5);
  });

  test('puts together what comes in a burst, and never what comes after an event', async ({
    dynamodb,
    expect,
  }) => {
    await putInput(dynamodb, specOf());
    const rig = new WorkRig(dynamodb);
    for (let n = 0; n < 1_000; n += 1) rig.set(n);
    rig.emit({ type: 'running', call: 'a', attempt: 1 });
    rig.set(1_000);
    rig.emit({ type: 'end', call: 'a', attempt: 1, outcome: 'succeeded' });
    await drained(rig);
    rig.close();
    const records = await recordsOf(dynamodb);
    expect(valuesOf(records)).toEqual(Array.from({ length: 1_001 }, (_, n) => n));
    expect(records.length).toBeLessThan(12);
    const [before, after] = records.filter(({ delta }) => delta.event !== undefined);
    expect(before?.delta.event?.type).toBe('running');
    expect(after?.delta.event?.type).toBe('end');
    expect(valuesOf(after ? [after] : []).at(-1)).toBe(1_000);
  });

  test('goes on behind what an older process of the work wrote', async ({ dynamodb, expect }) => {
    await putInput(dynamodb, specOf({ epoch: 2 }));
    for (let seq = 1; seq <= 37; seq += 1) await put(dynamodb, seq, 1);
    const rig = new WorkRig(dynamodb, { epoch: 2 });
    rig.set('mine');
    await drained(rig);
    rig.close();
    const records = await recordsOf(dynamodb, 37);
    expect(records.map(({ delta }) => [delta.seq, delta.epoch])).toEqual([[38, 2]]);
  });

  test('leaves when a newer launch writes, and says which', async ({ dynamodb, expect }) => {
    await putInput(dynamodb, specOf());
    await put(dynamodb, 1, 3);
    const rig = new WorkRig(dynamodb);
    rig.set('late');
    await until('it leaves', () => rig.leaveCode !== null);
    expect(rig.leaveCode).toBe(WORK_EXIT_CODES.fenced);
    expect(rig.printed.join('\n')).toContain('AWS_WORK_FENCED');
    expect(rig.written).toBe(rig.posts);
    rig.close();
    expect(valuesOf(await recordsOf(dynamodb))).toEqual([]);
  });

  test('leaves when nobody wrote what it is to do', async ({ dynamodb, expect }) => {
    const rig = new WorkRig(dynamodb);
    await until('it leaves', () => rig.leaveCode !== null);
    expect(rig.leaveCode).toBe(WORK_EXIT_CODES.noInput);
    expect(rig.printed.join('\n')).toContain('AWS_INPUT_MISSING');
    rig.close();
  });

  test('stores a delta of several megabytes whole', async ({ dynamodb, expect }) => {
    await putInput(dynamodb, specOf());
    const rig = new WorkRig(dynamodb);
    // No two characters alike for long: it does not compress below an item.
    const text = Array.from({ length: 500_000 }, () => Math.random().toString(36)).join('');
    rig.set(text);
    rig.set('after');
    await drained(rig);
    rig.close();
    expect(text.length).toBeGreaterThan(5_000_000);
    expect(valuesOf(await recordsOf(dynamodb))).toEqual([text, 'after']);
  });
});

describe('while DynamoDB cannot be reached', () => {
  test('a work goes on, spills to disk, and everything arrives in order afterwards', async ({
    dynamodb,
    expect,
  }) => {
    const proxy = await TcpProxy.open(dynamodb.endpoint);
    await putInput(dynamodb, specOf());
    const spill = new SpillFile(64 * 1024 * 1024);
    const rig = new WorkRig(dynamodb, {
      endpoint: proxy.endpoint,
      queue: new DeltaQueue(spill),
    });
    rig.set(0);
    await until('the line is up', () => rig.acknowledged === 1);
    proxy.cut();
    const padding = 'x'.repeat(4_000);
    let n = 1;
    for (; n <= 1_000; n += 1) {
      rig.set(n);
      rig.set(padding, undefined, 'padding');
    }
    await until('the outage is noticed', () => rig.acknowledged === rig.posts);
    rig.set(n);
    expect(spill.bytes).toBeGreaterThan(2 * 1024 * 1024);
    expect(rig.written).toBeLessThan(rig.posts);
    expect(rig.printed.join('\n')).toContain('deltas cannot be written');
    proxy.mend();
    await drained(rig);
    rig.close();
    await proxy.close();
    const records = await recordsOf(dynamodb);
    expect(valuesOf(records)).toEqual(Array.from({ length: 1_002 }, (_, index) => index));
    expect(records.map(({ delta }) => delta.seq)).toEqual(records.map((_record, i) => i + 1));
    expect(spill.bytes).toBe(0);
    expect(proxy.refused).toBeGreaterThan(0);
  });

  test('what an unanswered put had written counts once', async ({ dynamodb, expect }) => {
    const proxy = await TcpProxy.open(dynamodb.endpoint);
    await putInput(dynamodb, specOf());
    const rig = new WorkRig(dynamodb, { endpoint: proxy.endpoint });
    for (let round = 0; round < 20; round += 1) {
      rig.set(round, { type: 'ready' });
      // Cut in the middle of whatever it does now.
      await new Promise((resolve) => setImmediate(resolve));
      proxy.cut();
      proxy.mend();
    }
    await drained(rig);
    rig.close();
    await proxy.close();
    const records = await recordsOf(dynamodb);
    expect(valuesOf(records)).toEqual(Array.from({ length: 20 }, (_, index) => index));
    expect(rig.leaveCode).toBeNull();
  });
});
