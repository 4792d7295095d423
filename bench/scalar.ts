import { AppRun } from './app-run.ts';
import type { Row } from './benchmark.ts';
import { median } from './statistics.ts';

const WRITES = 10_000_000;
const ROUNDS = 5;
const LEAST_VALUES = 20;
const MAX_ASSIGNMENT_NS = 100;
const LEAST_HZ = 20;
/** "Throughout": the rate holds in every window of this length. */
const WINDOW_MS = 250;

interface WorkReport {
  readonly plainMs: number;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** Of the whole process, its reporter thread included. */
  readonly cpuMs: number;
}
type Seen = readonly { readonly atMs: number; readonly value: number }[];

/** What a tracked assignment costs in a loop that never yields, and what the flow sees of it meanwhile. */
export async function scalar(): Promise<Row[]> {
  const run = await AppRun.open(new URL('apps/scalar.ts', import.meta.url));
  const rounds: ReturnType<typeof toRound>[] = [];
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      const work = await run.next<WorkReport>('work');
      const flow = await run.next<Seen>('flow');
      rounds.push(toRound(work.data, flow.data));
    }
  } finally {
    await run.close();
  }
  const of = (key: keyof ReturnType<typeof toRound>): number =>
    median(rounds.map((round) => round[key]));
  const rows: Row[] = [
    {
      what: `tracked \`this.counter += 1\`, ${WRITES.toLocaleString('en')} times`,
      value: of('trackedNs'),
      unit: 'ns',
      budget: { most: MAX_ASSIGNMENT_NS },
      baseline: { what: 'plain field', value: of('plainNs') },
      note: `rounds ${rounds.map(({ trackedNs }) => trackedNs.toFixed(0)).join(' ')}`,
    },
    {
      what: 'processor time of the same, reporter thread included',
      value: of('cpuNs'),
      unit: 'ns',
    },
    {
      what: 'live values seen by the flow during it',
      value: of('hz'),
      unit: 'Hz',
      budget: { least: LEAST_HZ },
    },
    {
      what: `the same in the slowest ${WINDOW_MS} ms`,
      value: of('slowestHz'),
      unit: 'Hz',
      budget: { least: LEAST_HZ },
    },
    { what: 'longest time without a new value', value: of('gapMs'), unit: 'ms' },
    {
      what: 'distinct values seen on the way',
      value: of('values'),
      unit: 'values',
      budget: { least: LEAST_VALUES },
    },
  ];
  return rows;
}

function toRound({ plainMs, startedAtMs, endedAtMs, cpuMs }: WorkReport, seen: Seen) {
  const during = seen.filter(
    ({ atMs, value }) => atMs >= startedAtMs && atMs <= endedAtMs && value > 0 && value < WRITES,
  );
  const marks = [startedAtMs, ...during.map(({ atMs }) => atMs), endedAtMs];
  const tookMs = endedAtMs - startedAtMs;
  return {
    plainNs: (plainMs * 1e6) / WRITES,
    trackedNs: (tookMs * 1e6) / WRITES,
    cpuNs: (cpuMs * 1e6) / WRITES,
    values: during.length,
    hz: during.length / (tookMs / 1_000),
    slowestHz: slowest(marks),
    gapMs: Math.max(...marks.slice(1).map((mark, index) => mark - (marks[index] ?? mark))),
  };
}

/** The least values a second in any window that begins with one of the marks. */
function slowest(marks: readonly number[]): number {
  const end = marks.at(-1) ?? 0;
  const windows = marks.filter((from) => from + WINDOW_MS <= end);
  if (windows.length === 0) return ((marks.length - 2) / (end - (marks[0] ?? 0))) * 1_000;
  const counts = windows.map(
    (from) => marks.filter((mark) => mark > from && mark <= from + WINDOW_MS).length,
  );
  return Math.min(...counts) / (WINDOW_MS / 1_000);
}
