/**
 * Processes that never outlive the one that started them.
 *
 * G1 Each leads a process group of its own; {@link GuardedProcess.kill} ends the whole group, and so does its own exit.
 * G2 A guard inside the group holds the reading end of a pipe whose other end only this process has. When this process is
 *    gone, however it went, the pipe ends and the guard kills the group. It stands before the command starts, so there is no
 *    moment in which the command is alone.
 * G3 Where the system has `/proc`, processes that left the group are found by their {@link GuardedOptions.traces}, as a container's
 *    processes all end with its first one.
 * G4 Its end is told at most {@link PRINTING_MS} and {@link DEAF_MS} after it, whoever still holds its output.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { Strays, type Traces } from './strays.ts';

/** Milliseconds after the exit in which the pipes of its output close by themselves, unless something that left the group has them. */
const PRINTING_MS = 500;
/** Milliseconds from then on until nobody listens any longer. */
const DEAF_MS = 500;

/** The command takes the shell's place (same process id); the guard is nobody's child, so the command never sees it. */
const GUARD = `
( (
  trap '' HUP INT TERM
  cd /
  exec </dev/null >/dev/null 2>&1
  read -r _ <&3
  self=$(exec sh -c 'echo $PPID')
  if [ -n "$0" ] && [ -d /proc/self ]; then
    for file in $(grep -laF -- "$0" /proc/[0-9]*/environ); do
      pid=\${file#/proc/}; pid=\${pid%/environ}
      [ "$pid" = "$self" ] || kill -s KILL "$pid"
    done
  fi
  kill -s KILL -- "-$$"
) & )
exec 3<&-
exec "$@"`;

export interface GuardedOptions {
  readonly command: readonly string[];
  readonly cwd: string;
  /** The whole environment; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** By what processes that left the group are known. The guard knows the marker only. @default - they are not looked for */
  readonly traces?: Traces;
  /** Whether its standard input stays open as long as this process lives. */
  readonly holdStdin?: boolean;
}

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Set when it could not be started. */
  readonly error: Error | null;
}

export class GuardedProcess {
  readonly #child: ChildProcess;
  readonly #strays: Strays | null;
  /** Resolves when it is gone and what it printed was read. */
  readonly exited: Promise<Exit>;
  #isOver = false;

  constructor({ command, cwd, env, traces, holdStdin = false }: GuardedOptions) {
    this.#child = spawn('/bin/sh', ['-c', GUARD, traces?.marker ?? '', ...command], {
      cwd,
      env,
      detached: true,
      stdio: [holdStdin ? 'pipe' : 'ignore', 'pipe', 'pipe', 'pipe'],
    });
    const { pid } = this;
    this.#strays = pid === null || traces === undefined ? null : new Strays(pid, traces);
    for (const stream of this.#child.stdio) stream?.on('error', () => undefined);
    this.exited = new Promise((resolve) => {
      this.#child.once('error', (error) => {
        this.#over();
        resolve({ code: null, signal: null, error });
      });
      this.#child.once('exit', () => {
        this.#over();
        this.#endOutput();
      });
      this.#child.once('close', (code, signal) => resolve({ code, signal, error: null }));
    });
  }

  /** `null` when it could not be started. */
  get pid(): number | null {
    return this.#child.pid ?? null;
  }

  onOutput(take: (stream: 'stdout' | 'stderr', chunk: Buffer) => void): void {
    for (const stream of ['stdout', 'stderr'] as const)
      this.#child[stream]?.on('data', (chunk: Buffer) => take(stream, chunk));
  }

  /** Signals the command's own process, as `docker stop` does. */
  signal(signal: NodeJS.Signals): void {
    if (!this.#isOver) this.#child.kill(signal);
  }

  /** Kills the group and whatever left it. */
  kill(): void {
    if (this.pid === null) return;
    killGroup(this.pid);
    for (const pid of this.#strays?.find() ?? []) killProcess(pid);
  }

  #over(): void {
    this.#isOver = true;
    this.kill();
    this.#child.stdio[3]?.destroy();
  }

  /** G4 */
  #endOutput(): void {
    const { stdout, stderr } = this.#child;
    let timer = setTimeout(() => {
      for (const pid of this.#strays?.findPrinting() ?? []) killProcess(pid);
      timer = setTimeout(() => {
        stdout?.destroy();
        stderr?.destroy();
      }, DEAF_MS);
    }, PRINTING_MS);
    this.#child.once('close', () => clearTimeout(timer));
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nothing is left of it.
  }
}

function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended meanwhile.
  }
}
