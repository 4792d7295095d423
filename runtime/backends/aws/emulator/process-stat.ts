import { readFileSync } from 'node:fs';

/** Places among the fields of `/proc/<pid>/stat` that follow the command's name. */
const STATE = 0;
const TERMINAL = 4;
const START = 19;

/** What the system shows of a process. */
export interface ProcessStat {
  /** It has ended, and nobody took its exit code. */
  readonly isDefunct: boolean;
  /** Whether somebody sits in front of it, or may. */
  readonly hasTerminal: boolean;
  /** Ticks since the system came up; tells it from a later process with the same number. */
  readonly startedAt: number;
}

/** `null` when there is no process with this number, or no `/proc`. */
export function statOf(pid: number): ProcessStat | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command's name may hold anything, also spaces and brackets.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return {
      isDefunct: fields[STATE] === 'Z',
      hasTerminal: fields[TERMINAL] !== '0',
      startedAt: Number(fields[START]),
    };
  } catch {
    return null;
  }
}
