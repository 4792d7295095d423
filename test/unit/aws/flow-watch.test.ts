import { describe, test } from 'vitest';
import { BackOff } from '../../../runtime/backends/aws/channel/back-off.ts';
import { FlowWatch } from '../../../runtime/backends/aws/channel/flow-watch.ts';
import { PostMarks } from '../../../runtime/backends/aws/channel/post-marks.ts';

const MINUTE = 60_000;

/** A watch whose time and lease are the test's. */
function watched() {
  let nowMs = 0;
  let lease: string | Error = 'beat 1';
  const lost: [string, number][] = [];
  const watch = new FlowWatch({
    read: async () => {
      if (lease instanceof Error) throw lease;
      return lease;
    },
    timings: { leasePollMs: MINUTE, flowLostMs: 15 * MINUTE, isolatedMs: 60 * MINUTE },
    lost: (why, forMs) => lost.push([why, forMs / MINUTE]),
    failing: () => undefined,
    now: () => nowMs,
  });
  /** Looks once a minute. */
  const minutes = async (count: number): Promise<void> => {
    for (let minute = 0; minute < count; minute += 1) {
      nowMs += MINUTE;
      await watch.look();
    }
  };
  return {
    lost,
    minutes,
    sleep: (ms: number) => (nowMs += ms),
    set: (next: string | Error) => (lease = next),
  };
}

describe("the watch over the flow's lease", () => {
  test('takes the flow for lost when the lease has not moved for its time', async ({ expect }) => {
    const { lost, minutes } = watched();
    await minutes(15);
    expect(lost).toEqual([]);
    await minutes(1);
    expect(lost).toEqual([['lease', 15]]);
  });

  test('begins anew with every renewal, also by another flow', async ({ expect }) => {
    const { lost, minutes, set } = watched();
    for (let beat = 0; beat < 10; beat += 1) {
      await minutes(14);
      set(`beat ${beat}`);
    }
    expect(lost).toEqual([]);
  });

  test('does not count time in which nothing could be read', async ({ expect }) => {
    const { lost, minutes, set } = watched();
    await minutes(5);
    set(new Error('unreachable'));
    await minutes(55);
    expect(lost).toEqual([]);
    set('beat 1');
    await minutes(9);
    expect(lost).toEqual([]);
    await minutes(2);
    expect(lost).toEqual([['lease', 15]]);
  });

  test('does not count time in which the machine was suspended', async ({ expect }) => {
    const { lost, minutes, sleep } = watched();
    await minutes(2);
    sleep(10 * 60 * MINUTE);
    await minutes(1);
    expect(lost).toEqual([]);
  });

  test('gives up a work that could read nothing for an hour', async ({ expect }) => {
    const { lost, minutes, set } = watched();
    await minutes(1);
    set(new Error('unreachable'));
    await minutes(59);
    expect(lost).toEqual([]);
    await minutes(1);
    expect(lost).toEqual([['unreachable', 60]]);
  });
});

describe('waits between attempts', () => {
  test('double up to their limit, and are drawn from the upper half', ({ expect }) => {
    const least = new BackOff(100, 1_000, () => 0);
    expect(Array.from({ length: 6 }, () => least.next())).toEqual([50, 100, 200, 400, 500, 500]);
    const most = new BackOff(100, 1_000, () => 1);
    expect(Array.from({ length: 5 }, () => most.next())).toEqual([100, 200, 400, 800, 1_000]);
    most.reset();
    expect(most.next()).toBe(100);
  });
});

describe('marks of posts', () => {
  test('know what every delta had, and never say too much of old ones', ({ expect }) => {
    const marks = new PostMarks();
    const count = 200_000;
    // Every fourth number is another process's.
    const seqOf = (n: number): number => n + Math.floor(n / 3);
    for (let n = 1; n <= count; n += 1) marks.note(seqOf(n), 2 * n);
    expect(marks.upTo(0)).toBe(0);
    expect(marks.upTo(seqOf(count) + 10)).toBe(2 * count);
    for (let n = count - 8_000; n <= count; n += 1) expect(marks.upTo(seqOf(n))).toBe(2 * n);
    for (let n = 1; n < count; n += 997) expect(marks.upTo(seqOf(n))).toBeLessThanOrEqual(2 * n);
  });
});
