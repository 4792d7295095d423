import type { ExitReason } from '../../ports/launcher.ts';
import type { FailedReason } from '../../protocol/messages.ts';

/** What V8 prints before it aborts a process whose heap is full. */
const HEAP_FULL = 'heap out of memory';
/** Exit code of a shell whose command was ended by SIGABRT. */
const ABORTED = 134;
/** Exit code of a work that SIGTERM ended. */
const TERMINATED = 143;

/** What is known of a process when it is gone. */
export interface ExitFacts {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stopAsked: boolean;
  readonly forced: boolean;
  readonly calling: boolean;
  /** The end of what it printed to stderr. */
  readonly stderrTail: string;
  /** What the process itself said before it ended. */
  readonly failed: { readonly reason: FailedReason; readonly message: string } | null;
  /** Why the launcher ended it. */
  readonly endedFor: string | null;
}

/** Why a process is gone, in the words of the port. */
export function toExitReason(facts: ExitFacts): {
  readonly reason: ExitReason;
  readonly message: string;
} {
  const { code, signal, failed } = facts;
  if (facts.stopAsked) {
    return {
      reason: 'stopped',
      message: facts.forced ? 'killed by SIGKILL after its grace' : 'ended as asked',
    };
  }
  if (failed !== null) return failed;
  if (facts.endedFor !== null) return { reason: 'exited', message: facts.endedFor };
  if ((signal === 'SIGABRT' || code === ABORTED) && facts.stderrTail.includes(HEAP_FULL)) {
    return {
      reason: 'oom',
      message: 'its JavaScript heap was full; raise it with NODE_OPTIONS=--max-old-space-size',
    };
  }
  const when = facts.calling ? ' before its call finished' : '';
  const by = signal ?? (code === TERMINATED ? 'SIGTERM' : null);
  if (by !== null) return { reason: 'exited', message: `killed by ${by}${when}` };
  return { reason: 'exited', message: `exited with code ${code ?? 'unknown'}${when}` };
}
