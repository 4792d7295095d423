/** The real command line, as it is built, in a home of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from '../../support/until.ts';

const MAIN = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));

export interface Done {
  /** `null` when a signal killed it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** One command that runs. */
export class Cli {
  readonly child: ChildProcess;
  readonly done: Promise<Done>;
  stdout = '';
  stderr = '';

  constructor(args: readonly string[], options: { cwd: string; env: NodeJS.ProcessEnv }) {
    this.child = spawn(process.execPath, [MAIN, ...args], {
      ...options,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.done = new Promise((resolve) => {
      this.child.once('close', (code) =>
        resolve({ code, stdout: this.stdout, stderr: this.stderr }),
      );
    });
  }

  /** Standard output as JSON, one value per complete line. */
  get values(): unknown[] {
    const lines = this.stdout.split('\n').slice(0, -1);
    return lines.map((line): unknown => JSON.parse(line));
  }

  /** Waits until it printed something, on either stream. */
  async prints(text: string): Promise<void> {
    await until(
      `it prints ${JSON.stringify(text)}`,
      () => this.stdout.includes(text) || this.stderr.includes(text) || this.#endedWithout(text),
    );
  }

  #endedWithout(text: string): false {
    if (this.child.exitCode === null && this.child.signalCode === null) return false;
    throw new Error(
      `it ended with ${this.child.exitCode} and never printed ${text}:\n${this.stdout}\n${this.stderr}`,
    );
  }
}

export class CliRig {
  readonly directory: string;
  readonly home: string;
  readonly #running: Cli[] = [];

  private constructor(directory: string) {
    this.directory = directory;
    this.home = join(directory, 'home');
  }

  static async open(): Promise<CliRig> {
    return new CliRig(await mkdtemp(join(tmpdir(), 'cli-rig-')));
  }

  /** Kills what still runs and removes everything. */
  async close(): Promise<void> {
    for (const { child } of this.#running) child.kill('SIGKILL');
    await Promise.all(this.#running.map(({ done }) => done));
    await until('every process is gone', () => this.processes().length === 0);
    await rm(this.directory, { recursive: true, force: true });
  }

  /** Writes an app file and gives its path. */
  async write(name: string, text: string): Promise<string> {
    const file = join(this.directory, name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
    return file;
  }

  start(args: readonly string[], env: NodeJS.ProcessEnv = {}, cwd = this.directory): Cli {
    const kept = Object.fromEntries(
      ['PATH', 'HOME', 'TMPDIR'].map((name) => [name, process.env[name]]),
    );
    const cli = new Cli(args, { cwd, env: { ...kept, STORMKITE_HOME: this.home, ...env } });
    this.#running.push(cli);
    return cli;
  }

  /** Runs a command to its end. */
  async run(...args: string[]): Promise<Done> {
    return await this.start(args).done;
  }

  /** Runs `run` on any free port. */
  app(file: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Cli {
    return this.start(['run', file, '--port', '0', ...args], env);
  }

  /** Whether an app of this name is announced. */
  isAnnounced(name: string): boolean {
    return existsSync(join(this.home, 'apps', name, 'run.json'));
  }

  /** Processes on this machine that were started in this rig's folder. */
  processes(): number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => pid !== process.pid && environmentOf(pid).includes(this.home));
  }
}

function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8');
  } catch {
    return '';
  }
}
