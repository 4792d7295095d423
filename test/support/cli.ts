/** The built CLI as a user has it: commands and running apps that share one temporary `STORMKITE_HOME`. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { test as base } from 'vitest';
import { temporaryFolder, type Finished } from './built-cli.ts';
import { until } from './until.ts';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const REPOSITORY = dirname(dirname(dirname(MAIN)));
/** Milliseconds until a line that did not come is an error: machines of the emulated AWS boot first. */
const DEADLINE_MS = 60_000;

/** What a run is started with to have its works as processes, or as tasks of the emulated AWS: examples are the same on both. */
export const BACKENDS = [
  ['on this machine', []],
  ['on the emulated AWS', ['--emulate-aws']],
] as const;

/** A program that was started, with what it printed so far. */
export class Program {
  /** Lines of standard output. */
  readonly lines: string[] = [];
  readonly finished: Promise<Finished>;
  readonly #child: ChildProcess;
  #stderr = '';

  constructor(args: readonly string[], env: Readonly<Record<string, string>>) {
    const child = spawn(process.execPath, args, {
      cwd: REPOSITORY,
      env: { ...process.env, NODE_OPTIONS: '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    createInterface({ input: child.stdout }).on('line', (line) => this.lines.push(line));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    this.finished = once(child, 'close').then(([code, signal]) => ({
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
      stdout: this.lines.join('\n'),
      stderr: this.#stderr,
    }));
  }

  /** What was printed so far, to say when something is missing. */
  get printed(): string {
    return [...this.lines, this.#stderr].join('\n');
  }

  /** Waits until a line matches; gives the match. */
  line(pattern: RegExp, deadlineMs = DEADLINE_MS): Promise<RegExpMatchArray> {
    const look = (): RegExpMatchArray | undefined => {
      for (const line of this.lines) {
        const match = pattern.exec(line);
        if (match) return match;
      }
      if (this.#child.exitCode !== null)
        throw new Error(`ended without a line like ${String(pattern)}:\n${this.printed}`);
      return undefined;
    };
    return until(`a line like ${String(pattern)} is printed`, look, deadlineMs);
  }

  /** Ctrl-C. */
  async interrupt(): Promise<Finished> {
    this.#child.kill('SIGINT');
    return this.finished;
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null)
      this.#child.kill('SIGKILL');
    await this.finished;
  }
}

export class TestCli {
  readonly home: string;
  readonly #remove: () => Promise<void>;
  readonly #programs: Program[] = [];

  private constructor(home: string, remove: () => Promise<void>) {
    this.home = home;
    this.#remove = remove;
  }

  static async open(): Promise<TestCli> {
    const { path, remove } = await temporaryFolder();
    return new TestCli(path, remove);
  }

  /** Starts any Node program. */
  node(args: readonly string[], env: Readonly<Record<string, string>> = {}): Program {
    const program = new Program(args, { STORMKITE_HOME: this.home, ...env });
    this.#programs.push(program);
    return program;
  }

  /** Runs an app of this repository. */
  run(
    appFile: string,
    env: Readonly<Record<string, string>> = {},
    flags: readonly string[] = [],
  ): Program {
    return this.node([MAIN, 'run', appFile, '--port', '0', '--no-open', ...flags], env);
  }

  /** Any other command, to its end. */
  command(...args: string[]): Promise<Finished> {
    return this.node([MAIN, ...args]).finished;
  }

  /** What a command with `--json` printed. */
  async json(...args: string[]): Promise<unknown> {
    const { code, stdout, stderr } = await this.command(...args, '--json');
    if (code !== 0)
      throw new Error(`stormkite ${args.join(' ')} ended with ${code}:\n${stdout}\n${stderr}`);
    return JSON.parse(stdout);
  }

  /** Ends what still runs; fails when a program left a process behind. */
  async close(): Promise<void> {
    const open = this.#programs.map((program) => program.kill());
    await Promise.all(open);
    try {
      await until('no process is left', async () => (await this.#processes()).length === 0);
    } finally {
      await this.#remove();
    }
  }

  /** Processes of this home, by their environment; none where the system does not tell. */
  async #processes(): Promise<string[]> {
    const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
    const found = await Promise.all(
      pids.map(async (pid) => {
        const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
        return environment.includes(`STORMKITE_HOME=${this.home}\0`);
      }),
    );
    return pids.filter((_, index) => found[index]);
  }
}

/** A test with a CLI of its own, which leaves nothing behind. */
export const test = base.extend<{ cli: TestCli }>({
  // eslint-disable-next-line no-empty-pattern -- vitest finds out by destructuring what a fixture needs
  cli: async ({}, use) => {
    const cli = await TestCli.open();
    await use(cli);
    await cli.close();
  },
});
