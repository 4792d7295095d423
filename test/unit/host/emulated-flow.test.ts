import { describe, test } from 'vitest';
import type { TaskLine } from '../../../runtime/backends/aws/emulator/ecs/life-host.ts';
import { LineCutter } from '../../../runtime/backends/aws/emulator/logs/line-cutter.ts';
import { appError, toWire } from '../../../runtime/errors/index.ts';
import { EmulatedFlow } from '../../../runtime/host/emulated-flow.ts';
import {
  endedEntry,
  formatTaskLog,
  parseTaskLog,
  type TaskLogEntry,
} from '../../../runtime/host/task-log.ts';

function lineOf(line: string, changes: Partial<TaskLine> = {}): TaskLine {
  return {
    taskArn: 'arn:task/flow',
    family: 'f',
    container: 'app',
    logGroup: 'g',
    logStream: 'flow/app/1',
    stream: 'stdout',
    at: 7,
    line,
    ...changes,
  };
}

function listen() {
  const heard: unknown[] = [];
  const hear =
    (what: string) =>
    (value: unknown): void =>
      void heard.push([what, value]);
  const flow = new EmulatedFlow({
    line: hear('line'),
    event: hear('event'),
    warn: hear('warn'),
    note: hear('note'),
    listening: hear('listening'),
    resting: hear('resting'),
    ended: hear('ended'),
  });
  return { flow, heard };
}

const work = { taskArn: 'arn:task/w', logStream: 'work/app/2' };

describe('what the containers of an emulated app print', () => {
  test('of works is told with their names, of the flow as its own', ({ expect }) => {
    const { flow, heard } = listen();
    const start: TaskLogEntry = {
      stormkite: 'work',
      app: 'a',
      work: 'root.w',
      epoch: 1,
      event: 'starting',
    };
    flow.take(lineOf(JSON.stringify(start), work));
    flow.take(lineOf('loss 0.5', work));
    flow.take(lineOf('{"stormkite-like": true}'));
    expect(heard).toEqual([
      ['line', { source: 'root.w', stream: 'stdout', at: 7, line: 'loss 0.5' }],
      ['line', { source: 'flow', stream: 'stdout', at: 7, line: '{"stormkite-like": true}' }],
    ]);
  });

  test('a structured line becomes what it says', ({ expect }) => {
    const { flow, heard } = listen();
    flow.take(lineOf(JSON.stringify(endedEntry('a', { stage: 'stopped', message: 'done' }))));
    flow.take(lineOf('{"stormkite":"warning","app":"a","message":"careful"}'));
    flow.take(lineOf('{"stormkite":"resting","app":"a","stage":"paused"}'));
    expect(heard).toEqual([
      ['ended', { stage: 'stopped', message: 'done' }],
      ['warn', 'careful'],
      ['resting', 'paused'],
    ]);
  });

  test('a structured line of any length becomes what it says', ({ expect }) => {
    const { flow, heard } = listen();
    const cutter = new LineCutter((line) => flow.take(lineOf(line)));
    const message = 'x'.repeat(600_000);
    cutter.push(Buffer.from(formatTaskLog({ stormkite: 'note', app: 'a', message })));
    expect(heard).toEqual([['note', message]]);
  });

  test('an error keeps its code on the way', ({ expect }) => {
    const { flow, heard } = listen();
    const error = toWire(new RangeError('too far'));
    flow.take(lineOf(JSON.stringify({ stormkite: 'failed', app: 'a', error })));
    expect(heard).toMatchObject([['ended', { stage: 'failed', error: { message: 'too far' } }]]);
  });

  test('a flow that may come back does not end the run, unless it does so again and again', ({
    expect,
  }) => {
    const { flow, heard } = listen();
    const error = toWire(appError('STORE_UNREACHABLE', { where: 't', problem: 'p', advice: 'a' }));
    const fail = (at: number): void =>
      flow.take(lineOf(JSON.stringify({ stormkite: 'failed', app: 'a', error }), { at }));
    for (let times = 1; times <= 5; times += 1) fail(times);
    for (let times = 1; times <= 5; times += 1) fail(100_000 + times);
    expect(heard).toHaveLength(10);
    expect(heard.every((each) => Array.isArray(each) && each[0] === 'warn')).toBe(true);
    fail(100_006);
    expect(heard.at(-1)).toMatchObject(['ended', { error: { code: 'STORE_UNREACHABLE' } }]);
  });

  test('a flow that cannot even start ends the run', ({ expect }) => {
    const { flow, heard } = listen();
    flow.take(lineOf('stormkite: this task cannot start: no tar', { stream: 'stderr' }));
    expect(heard.at(-1)).toMatchObject([
      'ended',
      { stage: 'failed', error: { code: 'HOST_EMULATION_FAILED' } },
    ]);
  });

  test('half a line is user output', ({ expect }) => {
    expect(parseTaskLog('{"stormkite":"warning"')).toBeNull();
  });
});
