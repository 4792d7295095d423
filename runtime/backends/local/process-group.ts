/**
 * Process groups and identities: what is killed is what was started, never a stranger that got its number later.
 */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Position of the start time among the fields of `/proc/<pid>/stat` that follow the command's name. */
const START_TIME_FIELD = 19;

/** Sends a signal to a whole group; true when there was anything to send it to. */
export function signalGroup(pid: number, signal: NodeJS.Signals): boolean {
  try {
    if (process.platform === 'win32') process.kill(pid, signal);
    else process.kill(-pid, signal);
    return true;
  } catch {
    return false;
  }
}

/** What tells a process from a later one with the same number; `null` when there is none. */
export async function startTimeOf(pid: number): Promise<string | null> {
  try {
    if (process.platform === 'linux') {
      const [stat, bootId] = await Promise.all([
        readFile(`/proc/${pid}/stat`, 'utf8'),
        readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => ''),
      ]);
      // The command's name may hold anything, also spaces and brackets.
      const start = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[START_TIME_FIELD];
      return start === undefined ? null : `${bootId.trim()}:${start}`;
    }
    const { stdout } = await run('ps', ['-o', 'lstart=', '-p', String(pid)]);
    return stdout.trim() || null;
  } catch {
    return null;
  }
}
