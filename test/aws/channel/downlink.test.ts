import { describe } from 'vitest';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import {
  DownlinkWriter,
  type DownlinkTarget,
} from '../../../runtime/backends/aws/channel/downlink-writer.ts';
import { leaseKey, WORK_EXIT_CODES } from '../../../runtime/backends/aws/contract.ts';
import { itemKey } from '../../../runtime/backends/aws/dynamo/chunks.ts';
import type { CallMessage } from '../../../runtime/protocol/downlink.ts';
import { test, type DynamoDbRig } from '../../support/dynamodb.ts';
import { until } from '../../support/until.ts';
import { KEY, putInput, recordsOf, specOf, WorkRig } from './work-rig.ts';

interface Line {
  readonly writer: DownlinkWriter;
  target: DownlinkTarget | null;
}

/** A flow's line to the work, under a lease with this token. */
function lineOf({ client, tables }: DynamoDbRig, fence = 1, epoch = 1): Line {
  const options = {
    app: 'test',
    client,
    table: tables.state,
    fence,
    timings: { retryMs: 5, retryMaxMs: 20 },
    failing: () => undefined,
  };
  const line: Line = {
    target: { key: KEY, epoch },
    writer: new DownlinkWriter(options, () => line.target),
  };
  return line;
}

const call = (changes: Partial<CallMessage> = {}): CallMessage => ({
  type: 'call',
  call: 'a',
  attempt: 1,
  args: [],
  fold: [],
  mark: 0,
  ...changes,
});

const flowDelta = (value: number) =>
  ({ type: 'flowDelta', ops: [{ op: 'replace', path: '/vars/limit', value }] }) as const;

const drained = (rig: WorkRig): Promise<unknown> =>
  until('everything is written', () => rig.written === rig.posts);

describe('the downlink', () => {
  test('brings messages in their order, each once', async ({ dynamodb, expect }) => {
    await putInput(dynamodb, specOf());
    const rig = new WorkRig(dynamodb);
    const { writer } = lineOf(dynamodb);
    const sent = await Promise.all([
      writer.deliver(call({ call: 'a' })),
      writer.deliver(flowDelta(1)),
      writer.deliver(flowDelta(2)),
      writer.deliver(call({ call: 'b' })),
    ]);
    expect(sent).toEqual(['sent', 'sent', 'sent', 'sent']);
    await until('the second call came', () => rig.calls.length === 2);
    expect(rig.calls.map(({ message }) => message.call)).toEqual(['a', 'b']);
    expect(rig.flowDeltas.flat()).toEqual([...flowDelta(1).ops, ...flowDelta(2).ops]);
    await writer.deliver({ type: 'stop' });
    await until('the stop came', () => rig.stopCode !== null);
    expect(rig.stopCode).toBe(0);
    expect(rig.calls).toHaveLength(2);
    rig.close();
  });

  test('brings a message that is larger than an item', async ({ dynamodb, expect }) => {
    await putInput(dynamodb, specOf());
    const rig = new WorkRig(dynamodb);
    const text = Array.from({ length: 200_000 }, () => Math.random().toString(36)).join('');
    await lineOf(dynamodb).writer.deliver(call({ args: [text] }));
    await until('the call came', () => rig.calls.length === 1);
    expect(rig.calls[0]?.message.args).toEqual([text]);
    rig.close();
  });

  test('is continued by the next flow, and closed to the one before', async ({
    dynamodb,
    expect,
  }) => {
    await putInput(dynamodb, specOf());
    const rig = new WorkRig(dynamodb);
    const old = lineOf(dynamodb, 1).writer;
    await old.deliver(call({ call: 'a' }));
    const { writer } = lineOf(dynamodb, 2);
    await writer.deliver(call({ call: 'b' }));
    await expect(old.deliver(call({ call: 'never' }))).rejects.toMatchObject({
      code: 'STORE_CONFLICT',
    });
    await writer.deliver(call({ call: 'c' }));
    await until('three calls came', () => rig.calls.length === 3);
    expect(rig.calls.map(({ message }) => message.call)).toEqual(['a', 'b', 'c']);
    rig.close();
  });

  test('brings to a launch nothing that was meant for an older one', async ({
    dynamodb,
    expect,
  }) => {
    const line = lineOf(dynamodb);
    await line.writer.deliver(call({ call: 'old' }));
    line.target = { key: KEY, epoch: 2 };
    await putInput(dynamodb, specOf({ epoch: 2 }));
    const rig = new WorkRig(dynamodb, { epoch: 2 });
    await line.writer.deliver(call({ call: 'new' }));
    await until('a call came', () => rig.calls.length > 0);
    expect(rig.calls.map(({ message }) => message.call)).toEqual(['new']);
    rig.close();
  });

  test('of a newer launch makes an older process leave', async ({ dynamodb, expect }) => {
    await putInput(dynamodb, specOf());
    const rig = new WorkRig(dynamodb);
    await lineOf(dynamodb, 1, 2).writer.deliver(call());
    await until('it leaves', () => rig.leaveCode !== null);
    expect(rig.leaveCode).toBe(WORK_EXIT_CODES.fenced);
    rig.close();
  });

  test('answers absent without a process, and when it ends before it could be told', async ({
    dynamodb,
    expect,
  }) => {
    const line = lineOf(dynamodb);
    line.target = null;
    expect(await line.writer.deliver(call())).toBe('absent');
    line.target = { key: KEY, epoch: 1 };
    const first = line.writer.deliver(call());
    const second = line.writer.deliver(call());
    line.target = null;
    expect(await Promise.all([first, second])).toEqual(['sent', 'absent']);
  });

  test('tells a call how many posts the flow had applied, whatever became of them', async ({
    dynamodb,
    expect,
  }) => {
    await putInput(dynamodb, specOf());
    const rig = new WorkRig(dynamodb);
    rig.emit({ type: 'ready' });
    for (let n = 0; n < 50; n += 1) rig.set(n);
    rig.channel.report([{ op: 'replace', path: '/vars/_url', value: 'http://x' }]);
    rig.emit({ type: 'running', call: 'a', attempt: 1 });
    await drained(rig);
    const last = (await recordsOf(dynamodb)).at(-1)?.delta.seq ?? 0;
    const { writer } = lineOf(dynamodb);
    for (const mark of [last, 1, 0]) await writer.deliver(call({ mark }));
    await until('all three calls came', () => rig.calls.length === 3);
    rig.close();
    expect(rig.calls.map(({ applied }) => applied)).toEqual([52, 1, 0]);
  });
});

describe('a work whose flow is lost', () => {
  const timings = { leasePollMs: 5, flowLostMs: 60, flowLostGraceMs: 30 };

  test('is asked to end, and its end says why', async ({ dynamodb, expect }) => {
    await putInput(dynamodb, specOf());
    const Item = {
      ...itemKey(leaseKey('test'), leaseKey('test')),
      token: { N: '1' },
      beat: { N: '7' },
    };
    await dynamodb.client.send(new PutItemCommand({ TableName: dynamodb.tables.state, Item }));
    const rig = new WorkRig(dynamodb, { timings: { ...timings, flowLostGraceMs: 10_000 } });
    rig.emit({ type: 'running', call: 'a', attempt: 1 });
    await until('it is asked to end', () => rig.stopCode !== null);
    expect(rig.stopCode).toBe(WORK_EXIT_CODES.flowLost);
    expect(rig.printed.join('\n')).toContain('AWS_FLOW_LOST');
    rig.emit({ type: 'end', call: 'a', attempt: 1, outcome: 'stopped' });
    await drained(rig);
    rig.close();
    const records = await recordsOf(dynamodb);
    expect(records.at(-1)?.delta.event).toMatchObject({
      type: 'end',
      call: 'a',
      outcome: 'stopped',
      reason: 'flow_lost',
    });
    expect(records.find(({ notice }) => notice !== null)?.notice?.reason).toBe('interrupted');
  });

  test('is not fooled by other changes of the lease than its renewal', async ({
    dynamodb,
    expect,
  }) => {
    await putInput(dynamodb, specOf());
    const rig = new WorkRig(dynamodb, { timings });
    for (let note = 0; rig.stopCode === null; note += 1) {
      const Item = {
        ...itemKey(leaseKey('test'), leaseKey('test')),
        token: { N: '1' },
        beat: { N: '7' },
        note: { N: String(note) },
      };
      await dynamodb.client.send(new PutItemCommand({ TableName: dynamodb.tables.state, Item }));
    }
    expect(rig.stopCode).toBe(WORK_EXIT_CODES.flowLost);
    rig.close();
  });

  test('that does not end gets its end written, and is ended', async ({ dynamodb, expect }) => {
    await putInput(dynamodb, specOf());
    const rig = new WorkRig(dynamodb, { timings });
    rig.emit({ type: 'running', call: 'a', attempt: 2 });
    await until('it leaves', () => rig.leaveCode !== null);
    expect(rig.leaveCode).toBe(WORK_EXIT_CODES.flowLost);
    rig.close();
    const records = await recordsOf(dynamodb);
    expect(records.at(-1)?.delta.event).toMatchObject({
      call: 'a',
      attempt: 2,
      reason: 'flow_lost',
    });
  });

  test('had succeeded before it noticed: that stands', async ({ dynamodb, expect }) => {
    await putInput(dynamodb, specOf());
    const rig = new WorkRig(dynamodb, { timings: { ...timings, flowLostGraceMs: 10_000 } });
    await until('it is asked to end', () => rig.stopCode !== null);
    rig.emit({ type: 'end', call: 'a', attempt: 1, outcome: 'succeeded' });
    await drained(rig);
    rig.close();
    const { event } = (await recordsOf(dynamodb)).at(-1)?.delta ?? {};
    expect(event).toEqual({ type: 'end', call: 'a', attempt: 1, outcome: 'succeeded' });
  });
});
