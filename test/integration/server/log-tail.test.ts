import { mkdtemp, rm, truncate, appendFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'vitest';
import { LogFiles, tailLogs, type LogLine } from '../../../runtime/host/log-files.ts';
import { formatLogLine } from '../../../runtime/host/log-reader.ts';
import { until } from '../../support/until.ts';
import { ServerRig } from './server-rig.ts';

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

describe('logs that are not read', () => {
  const TAIL = 4 * MiB;
  const LIMIT = 2 * TAIL;

  /** A reader of the flow's log that takes nothing; resolves when its answer has begun. */
  function open(rig: ServerRig, query: string): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const request = get(
        `${rig.api}/works/flow/logs?tail=100000&${query}`,
        { agent: false },
        (response) => {
          response.on('error', () => undefined);
          response.pause();
          resolve(response);
        },
      );
      request.on('error', reject);
    });
  }

  test.for(['follow=0', 'follow=1'])(
    'are kept once the limit and one tail at most, and cut after a while (%s)',
    async (query, { expect, onTestFinished }) => {
      const rig = await ServerRig.open({
        outlets: { bytes: LIMIT, lookMs: 20, stalledLooks: 10, pressedLooks: 5 },
      });
      onTestFinished(() => rig.close());
      for (let n = 0; n < 16; n += 1) rig.logs.write(line('flow', 'x'.repeat(MiB / 4), n));
      const readers = await Promise.all(Array.from({ length: 12 }, () => open(rig, query)));
      onTestFinished(() => readers.forEach((reader) => reader.destroy()));
      let most = 0;
      // Everyone had its turn, took nothing of it beyond what the system keeps, and was cut.
      await until('nothing is kept', () => {
        most = Math.max(most, rig.heldBytes);
        return most > 0 && rig.heldBytes === 0 && rig.waitingBytes === 0;
      });
      expect(most).toBeLessThan(LIMIT + TAIL + MiB);
    },
  );

  test('are cut when more comes than may wait for one', async ({ expect, onTestFinished }) => {
    const rig = await ServerRig.open();
    onTestFinished(() => rig.close());
    const reader = await open(rig, 'follow=1');
    onTestFinished(() => void reader.destroy());
    const over = new Promise((resolve) => reader.on('close', resolve));
    for (let n = 0; n < 100; n += 1) {
      rig.logs.write(line('flow', 'x'.repeat(MiB / 4), n));
      await new Promise((resolve) => setImmediate(resolve));
      expect(rig.heldBytes).toBeLessThan(9 * MiB);
    }
    await until('it is cut', () => rig.heldBytes === 0 && rig.waitingBytes === 0);
    reader.resume();
    await over;
    expect(reader.complete).toBe(false);
  });
});
