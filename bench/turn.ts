import { setImmediate as nextRound } from 'node:timers/promises';
import { createHash } from 'node:crypto';
import type { Row } from './benchmark.ts';
import { openMemoryApp, turnMs, type MemoryApp } from './memory-app.ts';
import { median, nowMs } from './statistics.ts';

const ROUNDS = 7;
const WARM_UP_TURNS = 500;
const TURNS = 500;
const ALL_TURNS = 100;
const MANY = 1_000;
const MAX_MANY_MS = 1;
/** Milliseconds by works in the tree. */
const SIZES: readonly (readonly [number, number])[] = [
  [1, 0.2],
  [100, MAX_MANY_MS],
  [MANY, MAX_MANY_MS],
];
const MAX_ALL_MS = 3;

/** What one turn costs, by the size of the tree: one field of one work changed, one work called. */
export async function turn(): Promise<Row[]> {
  const bareMs = await roundMs();
  const rows: Row[] = [];
  for (const [size, most] of SIZES) {
    const rounds = await measure(size, 'one', TURNS);
    rows.push({
      what: `one change, one cached call, ${size.toLocaleString('en')} ${size === 1 ? 'work' : 'works'}`,
      value: median(rounds),
      unit: 'ms',
      budget: { most },
      baseline: { what: 'empty event loop round', value: bareMs },
      note: noteOf(rounds),
    });
  }
  const watched = await measure(MANY, 'one', TURNS, (loop) => loop.subscribe(() => undefined));
  rows.push({
    what: `the same, ${MANY.toLocaleString('en')} works, with a client that watches`,
    value: median(watched),
    unit: 'ms',
    budget: { most: MAX_MANY_MS },
    note: noteOf(watched),
  });
  const rounds = await measure(MANY, 'all', ALL_TURNS);
  rows.push({
    what: `run('text') on all of ${MANY.toLocaleString('en')} works, all cached`,
    value: median(rounds),
    unit: 'ms',
    budget: { most: MAX_ALL_MS },
    baseline: { what: `${MANY.toLocaleString('en')} bare SHA-256 of a text`, value: hashesMs() },
    note: noteOf(rounds),
  });
  return rows;
}

async function measure(
  size: number,
  calls: 'one' | 'all',
  turns: number,
  prepare: (loop: MemoryApp['loop']) => void = () => undefined,
): Promise<number[]> {
  const app = await openMemoryApp(size, calls);
  prepare(app.loop);
  try {
    await turnMs(app, calls === 'all' ? ALL_TURNS : WARM_UP_TURNS);
    const rounds: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) rounds.push(await turnMs(app, turns));
    return rounds;
  } finally {
    await app.close();
  }
}

async function roundMs(): Promise<number> {
  for (let i = 0; i < WARM_UP_TURNS; i += 1) await nextRound();
  const startMs = nowMs();
  for (let i = 0; i < TURNS; i += 1) await nextRound();
  return (nowMs() - startMs) / TURNS;
}

function hashesMs(): number {
  const times = Array.from({ length: ROUNDS }, () => {
    const startMs = nowMs();
    for (let i = 0; i < MANY; i += 1) createHash('sha256').update(`["text ${i}"]`).digest('hex');
    return nowMs() - startMs;
  });
  return median(times);
}

function noteOf(rounds: readonly number[]): string {
  return `rounds ${Math.min(...rounds).toFixed(3)} to ${Math.max(...rounds).toFixed(3)}`;
}
