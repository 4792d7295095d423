import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Row } from './benchmark.ts';
import { openSocketApp, SOCKETS } from './socket-app.ts';
import { median, nowMs } from './statistics.ts';

const TOTAL = 1_000_000;
const SAMPLES = 10;
/** Flat: the second half is at most this many times the first. */
const MAX_GROWTH = 1.2;
const MEGABYTE = 1_000_000;

interface Sample {
  readonly rss: number;
  readonly heap: number;
  readonly store: number;
}

/** Memory and store of a flow through a million deltas. */
export async function soak(): Promise<Row[]> {
  const sampling: Promise<Sample>[] = [];
  let startMs = 0;
  const app = await openSocketApp(TOTAL / SOCKETS, (seen) => {
    if (seen > 0 && startMs === 0) startMs = nowMs();
    // Counted before the flow goes on, so that all samples are of their tenth.
    if (seen >= ((sampling.length + 1) * TOTAL) / SAMPLES) sampling.push(sample(app.directory));
  });
  await app.allSeen;
  const seconds = (nowMs() - startMs) / 1_000;
  const samples = await Promise.all(sampling);
  await app.close();
  return [
    row(
      'resident memory',
      samples.map(({ rss }) => rss),
      median,
    ),
    row(
      'heap in use after collection',
      samples.map(({ heap }) => heap),
      median,
    ),
    row(
      'store on disk',
      samples.map(({ store }) => store),
      (half) => Math.max(...half),
    ),
    { what: `${TOTAL.toLocaleString('en')} deltas`, value: seconds, unit: 's' },
  ];
}

async function sample(directory: string): Promise<Sample> {
  const { rss } = process.memoryUsage();
  global.gc?.();
  const { heapUsed } = process.memoryUsage();
  return {
    rss: rss / MEGABYTE,
    heap: heapUsed / MEGABYTE,
    store: (await sizeOf(directory)) / MEGABYTE,
  };
}

async function sizeOf(directory: string): Promise<number> {
  const sizes = (await readdir(directory)).map(async (file) => {
    // The store removes files as it goes.
    const found = await stat(join(directory, file)).catch(() => null);
    return found?.size ?? 0;
  });
  return (await Promise.all(sizes)).reduce((sum, each) => sum + each, 0);
}

/** @param middle - how a half's typical value is taken: the store's size swings as it is compacted, memory does not */
function row(
  what: string,
  values: readonly number[],
  middle: (half: readonly number[]) => number,
): Row {
  const half = values.length / 2;
  return {
    what: `${what}, second half by first`,
    value: middle(values.slice(half)) / middle(values.slice(0, half)),
    unit: '×',
    budget: { most: MAX_GROWTH },
    note: `MB at each tenth: ${values.map((value) => value.toFixed(value < 10 ? 1 : 0)).join(' ')}`,
  };
}
