/**
 * The keeper of a ServerFrontend: leads a process group, runs the user's command in it, and ends the group when the app
 * is gone, however it went.
 *
 * Arguments: the command. It tells its parent how the command ended and how it could not be started.
 */
import { spawn } from 'node:child_process';
import { signalGroup } from '../backends/local/process-group.ts';

/** How the command ended. */
export type FrontendEnd =
  | {
      readonly type: 'exited';
      readonly code: number | null;
      readonly signal: NodeJS.Signals | null;
    }
  | { readonly type: 'unstartable'; readonly problem: string };

/** Milliseconds that the command has after SIGTERM when the app is gone. */
const ORPHAN_GRACE_MS = 2_000;

// The app may have gone while this process started, when nobody listened yet.
if (!process.connected) process.exit(0);

const [program = '', ...rest] = process.argv.slice(2);
const child = spawn(program, rest, { stdio: ['ignore', 'inherit', 'inherit'] });

function tell(end: FrontendEnd): void {
  if (process.connected) process.send?.(end, () => process.exit(0));
  else endGroup();
}

/** Ends whatever the command left, and this process. */
function endGroup(): void {
  signalGroup(process.pid, 'SIGKILL');
  process.exit(0);
}

child.once('error', (error) => tell({ type: 'unstartable', problem: error.message }));
child.once('exit', (code, signal) => tell({ type: 'exited', code, signal }));

// Signals reach the whole group; the keeper stays to see how the command takes them.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
  process.on(signal, () => {
    if (process.platform === 'win32') child.kill(signal);
  });

process.once('disconnect', () => {
  signalGroup(process.pid, 'SIGTERM');
  if (process.platform === 'win32') child.kill();
  setTimeout(endGroup, ORPHAN_GRACE_MS);
});
