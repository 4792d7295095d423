/** A container: its command as a guarded process in empty folders, its output line by line. */
import { accessSync, constants } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { constants as system } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../../../ports/clock.ts';
import { GuardedProcess } from '../guarded-process.ts';
import { LineCutter } from '../logs/line-cutter.ts';
import { removeFolder } from '../remove-folder.ts';
import { searchPath, type ContainerFolders } from './container-environment.ts';

/** Exit codes of what a signal ended are above this. */
const SIGNAL_BASE = 128;
/** What a shell says when it cannot start a command. */
const NOT_STARTED = 127;

export interface ContainerLine {
  readonly stream: 'stdout' | 'stderr';
  readonly line: string;
}

/** Why a command cannot be a container's; `null` when it can. */
export function commandProblem(command: readonly string[]): string | null {
  const [program] = command;
  if (program === undefined) return 'No command specified';
  const places = program.includes('/')
    ? [program]
    : searchPath().map((folder) => join(folder, program));
  return places.some(isExecutable)
    ? null
    : `failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "${program}": executable file not found in $PATH: unknown`;
}

export class ContainerProcess {
  readonly #process: GuardedProcess;
  readonly #folders: ContainerFolders;
  readonly #clock: Clock;
  /** Its exit code, when all that it printed was told. */
  readonly exited: Promise<number>;

  private constructor(child: GuardedProcess, folders: ContainerFolders, clock: Clock) {
    this.#process = child;
    this.#folders = folders;
    this.#clock = clock;
    this.exited = child.exited.then(({ code, signal }) =>
      signal === null ? (code ?? NOT_STARTED) : SIGNAL_BASE + system.signals[signal],
    );
  }

  static async start(wish: {
    readonly command: readonly string[];
    readonly env: Readonly<Record<string, string>>;
    readonly folders: ContainerFolders;
    readonly marker: string;
    readonly clock: Clock;
    readonly onLine: (line: ContainerLine) => void;
  }): Promise<ContainerProcess> {
    const { command, env, folders, marker, clock, onLine } = wish;
    for (const folder of [folders.cwd, folders.home, folders.tmp])
      await mkdir(folder, { recursive: true });
    const traces = { marker, folder: folders.root };
    const child = new GuardedProcess({ command, cwd: folders.cwd, env, traces });
    const cutters = {
      stdout: new LineCutter((line) => onLine({ stream: 'stdout', line })),
      stderr: new LineCutter((line) => onLine({ stream: 'stderr', line })),
    };
    child.onOutput((stream, chunk) => cutters[stream].push(chunk));
    const container = new ContainerProcess(child, folders, clock);
    // Before anybody hears of the exit.
    child.exited.then(
      () => Object.values(cutters).forEach((cutter) => cutter.end()),
      () => undefined,
    );
    return container;
  }

  get pid(): number | null {
    return this.#process.pid;
  }

  /** SIGTERM to the command, after the grace SIGKILL to all of its processes. Resolves with the exit code. */
  async stop(graceMs: number): Promise<number> {
    this.#process.signal('SIGTERM');
    const timer = this.#clock.after(graceMs, () => this.kill());
    const code = await this.exited;
    timer.cancel();
    return code;
  }

  kill(): void {
    this.#process.kill();
  }

  /** Removes its folders; after its exit. */
  async remove(): Promise<void> {
    await removeFolder(this.#folders.root);
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
