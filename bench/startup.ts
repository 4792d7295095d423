import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Row } from './benchmark.ts';
import { openEcho } from './socket-echo.ts';
import { median, nowMs } from './statistics.ts';

const ROUNDS = 7;
const MAX_MS = 1_000;
const LINE = 'first line';

const CLI = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const APP = fileURLToPath(new URL('apps/hello.ts', import.meta.url));

/** What a user waits for after pressing return. */
export async function startup(): Promise<Row[]> {
  const bare: number[] = [];
  const firstLines: number[] = [];
  await firstLineMs();
  for (let round = 0; round < ROUNDS; round += 1) {
    const echo = await openEcho();
    bare.push(echo.connectedMs);
    await echo.close();
    firstLines.push(await firstLineMs());
  }
  return [
    {
      what: '`stormkite run` to the first line of the first work',
      value: median(firstLines),
      unit: 'ms',
      budget: { most: MAX_MS },
      baseline: { what: 'bare child process to connected socket', value: median(bare) },
      note: `rounds ${firstLines.map((ms) => ms.toFixed(0)).join(' ')}`,
    },
  ];
}

async function firstLineMs(): Promise<number> {
  const home = await mkdtemp(join(tmpdir(), 'home-'));
  const startMs = nowMs();
  const child = spawn(process.execPath, [CLI, 'run', APP, '--no-open', '--port', '0'], {
    env: { ...process.env, STORMKITE_HOME: home },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  let output = '';
  let tookMs: number | null = null;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    if (output.includes(LINE)) tookMs ??= nowMs() - startMs;
  });
  await exited;
  if (tookMs === null) throw new Error(`the work printed nothing; the run printed: ${output}`);
  return tookMs;
}
