import type { ExpectStatic } from 'vitest';
import type { Json } from '../../runtime/state/json.ts';
import { temporaryFolder } from './built-cli.ts';
import { outcomeOf, processesOf, runPipeline, traceOf } from './pipeline-run.ts';
import { until } from './until.ts';

/** The outcome of a run that nobody disturbs. */
export async function undisturbedOutcome(): Promise<Json> {
  const home = await temporaryFolder();
  try {
    const finished = await runPipeline(home.path);
    if (finished.code !== 0)
      throw new Error(`the undisturbed run failed: ${finished.stdout}${finished.stderr}`);
    return await outcomeOf(home.path);
  } finally {
    await home.remove();
  }
}

/** Kills the flow at the n-th time it comes by a failpoint, resumes, and compares. Gives whether it was killed. */
export async function killAndResume(
  failpoint: string,
  count: number,
  expected: Json,
  expect: ExpectStatic,
): Promise<boolean> {
  const home = await temporaryFolder();
  try {
    const first = await runPipeline(home.path, { failpoint: `${failpoint}:${count}` });
    const killed = first.signal === 'SIGKILL';
    if (killed) {
      await until('no process is left', async () => (await processesOf(home.path)).length === 0);
      const again = await runPipeline(home.path, { resume: true });
      expect(again.stderr).toBe('');
      expect(again.code).toBe(0);
    } else expect(first.code).toBe(0);
    expect(await outcomeOf(home.path)).toEqual(expected);
    expect(repeats(await traceOf(home.path))).toEqual([]);
    await until('no process is left', async () => (await processesOf(home.path)).length === 0);
    return killed;
  } finally {
    await home.remove();
  }
}

/** Calls that ran to their end more than twice: once before the kill, unacknowledged, and once after it is the most. */
function repeats(trace: readonly string[]): string[] {
  const ends = new Map<string, number>();
  for (const line of trace) if (line.startsWith('end')) ends.set(line, (ends.get(line) ?? 0) + 1);
  return [...ends].filter(([, count]) => count > 2).map(([line]) => line);
}
