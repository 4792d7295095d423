import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LevelStateStore } from '../../runtime/backends/local/level-state-store.ts';
import type { Json } from '../../runtime/state/json.ts';
import { builtCli, type Finished } from './built-cli.ts';

const APP = fileURLToPath(new URL('../fixtures/apps/pipeline.ts', import.meta.url));

/** Runs the pipeline app in a home folder; `failpoint` kills the flow there. */
export function runPipeline(
  home: string,
  options: { resume?: boolean; failpoint?: string } = {},
): Promise<Finished> {
  const args = [
    'run',
    APP,
    '--name',
    'pipeline',
    '--port',
    '0',
    '--no-open',
    ...(options.resume ? ['--resume'] : []),
  ];
  return builtCli(args, {
    STORMKITE_HOME: home,
    TRACE_FILE: join(home, 'trace'),
    ...(options.failpoint === undefined ? {} : { STORMKITE_FAILPOINT: options.failpoint }),
  });
}

/** What must be the same however often the flow was killed: fields, outcomes, stage; not times, attempts, epochs. */
export async function outcomeOf(home: string): Promise<Json> {
  const lease = await new LevelStateStore(join(home, 'apps', 'pipeline', 'store')).open('pipeline');
  try {
    const stored = await lease.load();
    return withoutHistory((stored?.document ?? null) as Json);
  } finally {
    await lease.close();
  }
}

/** Calls that ended, from the works' own notes; a finished call may have ended only once after its last start. */
export async function traceOf(home: string): Promise<string[]> {
  return (await readFile(join(home, 'trace'), 'utf8')).trim().split('\n');
}

/** Processes whose environment points to this home folder: the works of its runs. */
export async function processesOf(home: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found: number[] = [];
  for (const pid of pids) {
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
    if (environment.includes(`STORMKITE_HOME=${home}\0`)) found.push(pid);
  }
  return found;
}

function withoutHistory(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutHistory);
  if (value === null || typeof value !== 'object') return value;
  const kept: Record<string, Json> = {};
  for (const [key, member] of Object.entries(value)) {
    if (
      [
        'statuses',
        'attempt',
        'timestamp',
        'interruptions',
        '_url',
        '_port',
        'latest_call_hash',
      ].includes(key)
    )
      continue;
    kept[key] = withoutHistory(member);
  }
  return kept;
}
