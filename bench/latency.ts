import { AppRun } from './app-run.ts';
import type { Row } from './benchmark.ts';
import { openEcho, roundTrips } from './socket-echo.ts';
import { median, percentile } from './statistics.ts';

const ROUNDS = 5;
const ROUND_TRIPS = 300;
const SPACING_MS = 5;
const MAX_P50_MS = 1;
const MAX_P99_MS = 5;

/** From an assignment in a work's process until `flow.run()` reads the new value. */
export async function latency(): Promise<Row[]> {
  const run = await AppRun.open(new URL('apps/latency.ts', import.meta.url));
  const echo = await openEcho();
  const ages: (readonly number[])[] = [];
  const trips: (readonly number[])[] = [];
  try {
    for (let round = 1; round <= ROUNDS; round += 1) {
      trips.push(await roundTrips(echo, ROUND_TRIPS, SPACING_MS));
      await run.app.control.patch([{ op: 'replace', path: '/vars/round', value: round }]);
      ages.push((await run.next<readonly number[]>('ages')).data);
    }
  } finally {
    await echo.close();
    await run.close();
  }
  const at = (rounds: readonly (readonly number[])[], share: number): number =>
    median(rounds.map((round) => percentile(round, share)));
  const row = (what: string, share: number, most?: number): Row => ({
    what: `field change to flow.run(), ${what}`,
    value: at(ages, share),
    unit: 'ms',
    baseline: { what: 'raw socket round trip', value: at(trips, share) },
    ...(most === undefined ? {} : { budget: { most } }),
  });
  const counts = ages.map(({ length }) => length).join(' ');
  return [
    row('p50', 0.5, MAX_P50_MS),
    row('p99', 0.99, MAX_P99_MS),
    {
      ...row('max', 1),
      value: Math.max(...ages.flat()),
      note: `of ${counts} changes seen, ${SPACING_MS} ms apart`,
    },
  ];
}
