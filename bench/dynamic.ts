import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppRun } from './app-run.ts';
import type { Row } from './benchmark.ts';
import { median, nowMs, percentile } from './statistics.ts';

const ROUNDS = 15;
/** Enough for the next spare process to boot and come to rest. */
const REST_MS = 1_500;
const MAX_P50_MS = 50;

/** From attaching a work in `flow.run()` until its first line is here, with a booted process waiting for it. */
export async function dynamic(): Promise<Row[]> {
  const run = await AppRun.open(new URL('apps/dynamic.ts', import.meta.url));
  const times: number[] = [];
  const bare: number[] = [];
  try {
    for (let number = 1; number <= ROUNDS; number += 1) {
      await sleep(REST_MS);
      await run.app.control.patch([{ op: 'replace', path: '/vars/wanted', value: number }]);
      const attached = await run.next('attached');
      const first = await run.next('first');
      times.push(first.heardAtMs - attached.heardAtMs);
      bare.push(await bareLineMs());
    }
  } finally {
    await run.close();
  }
  return [
    {
      what: 'dynamic work attached to its first line, p50',
      value: median(times),
      unit: 'ms',
      budget: { most: MAX_P50_MS },
      baseline: { what: 'bare child process to its first line', value: median(bare) },
      note: `p90 ${percentile(times, 0.9).toFixed(0)} ms`,
    },
  ];
}

async function bareLineMs(): Promise<number> {
  const startMs = nowMs();
  const child = spawn(process.execPath, ['-e', 'console.log(1)'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  await once(child.stdout, 'data');
  const tookMs = nowMs() - startMs;
  await closed;
  return tookMs;
}
