import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppRun } from './app-run.ts';
import type { Row } from './benchmark.ts';
import { median, nowMs } from './statistics.ts';

const SETTLE_MS = 2_000;
const WINDOW_MS = 5_000;
const WINDOWS = 3;
const MAX_PERCENT = 0.5;
/** Linux counts processor time in hundredths of a second. */
const TICK_MS = 10;

/** Processor time of an app in which nothing happens (R10). */
export async function idle(): Promise<Row[]> {
  const bare: number[] = [];
  const shares: number[] = [];
  const workShares: number[] = [];
  for (let i = 0; i < WINDOWS; i += 1) bare.push(await ownShare(WINDOW_MS / WINDOWS));
  const run = await AppRun.open(new URL('apps/idle.ts', import.meta.url));
  try {
    await run.next('up');
    await sleep(SETTLE_MS);
    const pids = run.app.control.works().flatMap(({ pid }) => (pid === null ? [] : [pid]));
    for (let i = 0; i < WINDOWS; i += 1) {
      const before = await processorMs(pids);
      const startMs = nowMs();
      shares.push(await ownShare(WINDOW_MS));
      workShares.push((((await processorMs(pids)) - before) / (nowMs() - startMs)) * 100);
    }
  } finally {
    await run.close();
  }
  const note = `windows of ${WINDOW_MS / 1_000} s: ${shares.map((share) => share.toFixed(2)).join(' ')}`;
  return [
    {
      what: 'flow process, of one core',
      value: median(shares),
      unit: '%',
      budget: { most: MAX_PERCENT },
      baseline: { what: 'the same process before', value: median(bare) },
      note,
    },
    {
      what: 'the processes of the three works together, of one core',
      value: median(workShares),
      unit: '%',
    },
  ];
}

/** Processor time of this process over a time in which it waits, in percent of a core. */
async function ownShare(ms: number): Promise<number> {
  const startMs = nowMs();
  const start = process.cpuUsage();
  await sleep(ms);
  const { user, system } = process.cpuUsage(start);
  return ((user + system) / 1_000 / (nowMs() - startMs)) * 100;
}

/** Processor time of processes so far; 0 where there is no `/proc`. */
async function processorMs(pids: readonly number[]): Promise<number> {
  const times = pids.map(async (pid) => {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * TICK_MS;
  });
  return (await Promise.all(times)).reduce((sum, each) => sum + each, 0);
}
