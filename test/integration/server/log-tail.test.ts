import { mkdtemp, rm, truncate, appendFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'vitest';
import { LogFiles, tailLogs, type LogLine } from '../../../runtime/host/log-files.ts';
import { formatLogLine } from '../../../runtime/host/log-reader.ts';

const MiB = 1024 * 1024;
const line = (source: string, text: string, at: number): LogLine => ({
  source,
  stream: 'stdout',
  at,
  line: text,
});

describe('the tail of many logs', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'log-tail-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  test('is what all lines in the order of their times end with', async ({ expect }) => {
    const logs = new LogFiles(directory);
    const all: LogLine[] = [];
    // Some sources print often, some hardly ever, several at the same time, one line is longer than what is read at once.
    for (let at = 0; at < 3_000; at += 1) {
      for (let source = 0; source < 7; source += 1) {
        if (at % (source * source * 5 + 1) !== 0) continue;
        const text = at === 2_000 ? 'ü'.repeat(100_000) : `line ${at} of ${source} ü`;
        all.push(line(`root.w${source}`, text, at));
      }
    }
    for (const each of all) logs.write(each);
    for (const lines of [0, 1, 2, 9, 100, 2_500, 100_000]) {
      const tail = await logs.tail(null, lines);
      expect(tail).toEqual(lines === 0 ? [] : all.slice(-lines));
    }
    logs.close();
  });

  test('keeps the order in which a source printed, also when its clock went back', async ({
    expect,
  }) => {
    const logs = new LogFiles(directory);
    for (const at of [5, 6, 2, 3, 7]) logs.write(line('a', String(at), at));
    for (const at of [1, 4, 8]) logs.write(line('b', String(at), at));
    const tail = await logs.tail(null, 100);
    const of = (source: string) =>
      tail.filter((each) => each.source === source).map(({ at }) => at);
    expect([of('a'), of('b')]).toEqual([
      [5, 6, 2, 3, 7],
      [1, 4, 8],
    ]);
    logs.close();
  });

  test('reads nothing of a source but what is new enough', async ({ expect }) => {
    // Its first line is a GiB before its last one, more than could be read.
    const old = join(directory, 'root.old.log');
    await appendFile(old, formatLogLine(line('root.old', 'first', 1)));
    await truncate(old, 1_024 * MiB);
    await appendFile(old, `\n${formatLogLine(line('root.old', 'last', 2))}`);
    await appendFile(
      join(directory, 'root.new.log'),
      [3, 4, 5].map((at) => formatLogLine(line('root.new', String(at), at))).join(''),
    );
    const tail = await tailLogs(directory, null, 3);
    expect(tail.map(({ at }) => at)).toEqual([3, 4, 5]);
  });

  test('has no more than 16 MiB, however many lines were asked for', async ({ expect }) => {
    const logs = new LogFiles(directory);
    const text = 'x'.repeat(MiB / 4);
    for (let at = 0; at < 80; at += 1) logs.write(line(`root.w${at % 3}`, text, at));
    const tail = await logs.tail(null, 100_000);
    expect(tail.map(({ at }) => at)).toEqual(Array.from({ length: 64 }, (_, index) => index + 16));
    expect(await logs.tail('root.w0', 100_000)).toHaveLength(27);
    logs.close();
  });
});
