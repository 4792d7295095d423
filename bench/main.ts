/**
 * `npm run bench -- [name…] [--json [file]]`: measures the budgets of the architecture against the built package.
 *
 * Every benchmark runs in a process and a temporary directory of its own, both gone afterwards. A missed budget is shown,
 * never an error.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { benchmarks, isMet, type Row } from './benchmark.ts';
import { formatRows, type Result } from './table.ts';

/** A benchmark that takes longer is killed. */
const LIMIT_MS = 240_000;
const CHILD = '--child';
const MAIN = fileURLToPath(import.meta.url);

type Outcome = { readonly rows: readonly Row[] } | { readonly error: string };

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    args: withJsonValue(process.argv.slice(2)),
    options: { json: { type: 'string' } },
    allowPositionals: true,
  });
  const unknown = positionals.find((name) => !Object.hasOwn(benchmarks, name));
  if (unknown !== undefined) {
    process.stderr.write(
      `there is no benchmark "${unknown}"; there are: ${Object.keys(benchmarks).join(' ')}\n`,
    );
    process.exitCode = 2;
    return;
  }
  const results: Result[] = [];
  const startedAt = new Date().toISOString();
  for (const name of positionals.length > 0 ? positionals : Object.keys(benchmarks)) {
    process.stderr.write(`${name} … `);
    const startMs = performance.now();
    const outcome = await runAlone(name);
    const load = Number((loadavg()[0] ?? 0).toFixed(1));
    process.stderr.write(`${((performance.now() - startMs) / 1_000).toFixed(1)} s, load ${load}\n`);
    if ('error' in outcome) {
      process.exitCode = 1;
      process.stderr.write(`${outcome.error}\n`);
      results.push({ benchmark: name, error: outcome.error });
    } else
      results.push(
        ...outcome.rows.map((row) => ({ benchmark: name, ...row, met: isMet(row), load })),
      );
  }
  const { model = 'unknown' } = cpus()[0] ?? {};
  const machine = {
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cpus: cpus().length,
    model,
  };
  const json = JSON.stringify({ startedAt, machine, results }, null, 2);
  if (values.json === '-') {
    process.stdout.write(`${json}\n`);
    return;
  }
  if (values.json !== undefined) await writeFile(values.json, `${json}\n`);
  process.stdout.write(
    `${formatRows(results)}\n\n${machine.cpus} × ${model}, ${machine.platform}, Node ${machine.node}\n`,
  );
}

/** `--json` alone means standard output. */
function withJsonValue(args: readonly string[]): string[] {
  return args.flatMap((arg, index) => {
    const next = args[index + 1];
    return arg === '--json' && (next === undefined || Object.hasOwn(benchmarks, next))
      ? ['--json', '-']
      : [arg];
  });
}

/** Runs one benchmark in a child; whatever it leaves behind goes with it. */
async function runAlone(name: string): Promise<Outcome> {
  const directory = await mkdtemp(join(tmpdir(), 'skb-'));
  const child = fork(MAIN, [CHILD, name], {
    env: { ...process.env, TMPDIR: directory },
    stdio: ['ignore', 2, 2, 'ipc'],
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
  const abandon = (): void => {
    child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  };
  process.once('exit', abandon);
  try {
    return await outcomeOf(child);
  } finally {
    clearTimeout(timer);
    process.off('exit', abandon);
    // Works of a flow that was killed go by themselves within a second or two.
    await rm(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 });
  }
}

function outcomeOf(child: ChildProcess): Promise<Outcome> {
  return new Promise((resolve) => {
    let outcome: Outcome | null = null;
    child.on('message', (message) => {
      outcome = message as Outcome;
    });
    child.on('exit', (code, signal) =>
      resolve(outcome ?? { error: `it ended with ${signal ?? code} and no result` }),
    );
  });
}

async function runHere(name: string): Promise<void> {
  let outcome: Outcome;
  try {
    const benchmark = await benchmarks[name]?.();
    outcome = { rows: (await benchmark?.()) ?? [] };
  } catch (error) {
    outcome = { error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
  process.send?.(outcome, () => process.exit(0));
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
const [role, name = ''] = process.argv.slice(2);
await (role === CHILD ? runHere(name) : main());
