import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Names the folder of the run for the set-ups of all projects after the first. */
const FOLDER_VARIABLE = 'STORMKITE_TEST_FOLDER';

/**
 * Vitest's global set-up: tests that start the built CLI start the current one, and what killed processes leave in the
 * temporary folder goes with the run. All projects of a run share one folder: one inside of another would soon have a path that is
 * too long for the sockets in it.
 */
export default function setUp(): () => void {
  if (process.env[FOLDER_VARIABLE] !== undefined) return () => undefined;
  execFileSync(process.execPath, ['build.mjs'], { stdio: 'inherit' });
  const before = process.env['TMPDIR'];
  const folder = mkdtempSync(join(tmpdir(), 'skt-'));
  process.env['TMPDIR'] = folder;
  process.env[FOLDER_VARIABLE] = folder;
  return () => {
    delete process.env[FOLDER_VARIABLE];
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
    const left = processesBelow(folder);
    // A flow that never yields would take a processor from all that runs later.
    for (const { pid } of left) end(pid);
    rmSync(folder, { recursive: true, force: true });
    const commands = left.map(({ pid, command }) => `${pid} ${command}`);
    if (left.length > 0) throw new Error(`tests left processes behind: ${commands.join('; ')}`);
  };
}

/** Flows and works whose temporary folder this was; none where the system has no `/proc`. */
function processesBelow(folder: string): { readonly pid: number; readonly command: string }[] {
  if (!existsSync('/proc/self/environ')) return [];
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      const isOurs = /(work-main|reporter-main|frontend-main|cli\/main|inspect-main)\.[jt]s/.test(
        command,
      );
      const environment = isOurs ? readFileSync(`/proc/${pid}/environ`, 'utf8') : '';
      return environment.includes(`TMPDIR=${folder}`) ? [{ pid: Number(pid), command }] : [];
    } catch {
      // It ended meanwhile.
      return [];
    }
  });
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended meanwhile.
  }
}
