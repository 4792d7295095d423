import { describe, test } from 'vitest';
import { ManualClock } from 'stormkite/testing';
import { appError } from '../../../runtime/errors/index.ts';
import { Intake } from '../../../runtime/loop/intake.ts';
import { defaultTimings } from '../../../runtime/loop/timings.ts';
import type { Delta } from '../../../runtime/protocol/delta.ts';

const delta = (seq: number): Delta => ({ work: 'root.step', epoch: 1, seq, ops: [] });

/** An intake over a store that the test fills. */
function taken() {
  const clock = new ManualClock();
  const work = { name: 'root.step', received: 0 };
  const stored: Delta[] = [];
  const asked: number[] = [];
  const applied: number[] = [];
  const lost: number[] = [];
  let answer: () => void = () => undefined;
  const intake = new Intake({
    lease: {
      deltasAfter: async (_name, seq) => {
        asked.push(clock.monotonic());
        answer();
        return stored.filter((each) => each.seq > seq).toSorted((a, b) => a.seq - b.seq);
      },
    },
    clock,
    timings: defaultTimings,
    accept: ({ seq }) => applied.push(seq),
    lost: (_work, seq) => lost.push(seq),
  });
  const settle = async (): Promise<void> => {
    for (let n = 0; n < 10; n += 1) await new Promise((resolve) => setImmediate(resolve));
  };
  const pass = async (ms: number): Promise<void> => {
    await settle();
    for (let left: number | null = ms; left !== null; await settle())
      left = clock.runTimerWithin(left);
  };
  return {
    take: (seq: number, epoch = 1) => intake.take(work, { ...delta(seq), epoch }),
    store: (seq: number) => stored.push(delta(seq)),
    fail: (how: () => void) => (answer = how),
    close: () => intake.close(),
    work,
    asked,
    applied,
    lost,
    pass,
  };
}

describe('a gap in the deltas of a work', () => {
  test('is asked for ever less often until it is filled', async ({ expect }) => {
    const { take, store, pass, asked, applied, lost } = taken();
    take(1);
    take(4);
    await pass(10_000);
    expect(applied).toEqual([1]);
    const waits = asked.slice(1).map((at, index) => at - (asked[index] ?? 0));
    expect(waits).toEqual([100, 200, 400, 800, 1_600, 3_200]);
    store(2);
    store(3);
    await pass(5_000);
    expect(applied).toEqual([1, 2, 3, 4]);
    expect(lost).toEqual([]);
    const { length } = asked;
    await pass(60_000);
    expect(asked).toHaveLength(length);
  });

  test('that the store cannot fill is told once, and nothing beyond it passes', async ({
    expect,
  }) => {
    const { take, pass, asked, applied, lost } = taken();
    take(2);
    await pass(29_000);
    expect(lost).toEqual([]);
    await pass(10_000);
    expect(lost).toEqual([1]);
    const { length } = asked;
    take(3);
    take(4);
    await pass(60_000);
    expect({ lost, applied, asked: asked.length }).toEqual({
      lost: [1],
      applied: [],
      asked: length,
    });
  });

  test('that was given up is closed by the next process of the work', async ({ expect }) => {
    const { take, store, pass, applied, lost } = taken();
    take(2);
    await pass(60_000);
    expect(lost).toEqual([1]);
    store(2);
    // Its first delta takes the free number.
    take(1, 2);
    await pass(1_000);
    expect(applied).toEqual([1, 2]);
  });

  test('is not held against a work while the store does not answer', async ({ expect }) => {
    const { take, store, fail, pass, applied, lost } = taken();
    fail(() => {
      throw appError('STORE_UNREACHABLE', { where: 'deltas', problem: 'refused' });
    });
    take(3);
    await pass(600_000);
    expect(lost).toEqual([]);
    store(1);
    store(2);
    fail(() => undefined);
    await pass(10_000);
    expect(applied).toEqual([1, 2, 3]);
  });

  test('is one too where a delta is there and cannot be read', async ({ expect }) => {
    const { take, fail, pass, lost } = taken();
    fail(() => {
      throw appError('STORE_DAMAGED', { where: 'deltas', problem: 'unreadable' });
    });
    take(3);
    await pass(60_000);
    expect(lost).toEqual([1]);
  });

  test('keeps few of a long backlog in memory, and loses none of it', async ({ expect }) => {
    const { take, store, pass, applied } = taken();
    for (let seq = 2; seq <= 20_000; seq += 1) {
      store(seq);
      take(seq);
    }
    store(1);
    await pass(1_000);
    expect(applied).toHaveLength(20_000);
    expect(applied.at(-1)).toBe(20_000);
  });

  test('is not asked for any more once the app was closed', async ({ expect }) => {
    const { take, close, pass, asked, lost } = taken();
    take(2);
    await pass(1_000);
    close();
    const { length } = asked;
    await pass(60_000);
    expect(asked.length).toBeLessThanOrEqual(length + 1);
    expect(lost).toEqual([]);
  });
});
