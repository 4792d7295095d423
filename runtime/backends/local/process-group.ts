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

/** What the system shows of a process. */
export interface ProcessSight {
  /** Tells it from a later process with the same number. */
  readonly startedAt: string;
  /** It has ended, and nobody took its exit code: the state Z. In a container without an init process that lasts. */
  readonly isDefunct: boolean;
}

/** `null` when there is no process with this number, or the system does not tell. */
export async function lookAtProcess(pid: number): Promise<ProcessSight | null> {
  try {
    if (process.platform === 'linux') {
      const [stat, bootId] = await Promise.all([
        readFile(`/proc/${pid}/stat`, 'utf8'),
        readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => ''),
      ]);
      // The command's name may hold anything, also spaces and brackets.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const start = fields[START_TIME_FIELD];
      if (start === undefined) return null;
      return { startedAt: `${bootId.trim()}:${start}`, isDefunct: fields[0] === 'Z' };
    }
    const { stdout } = await run('ps', ['-o', 'stat=,lstart=', '-p', String(pid)]);
    const [, state = '', startedAt = ''] = /^(\S+)\s+(.+)$/u.exec(stdout.trim()) ?? [];
    return startedAt === '' ? null : { startedAt, isDefunct: state.startsWith('Z') };
  } catch {
    return null;
  }
}
