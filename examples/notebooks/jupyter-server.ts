/**
 * One `jupyter lab`, as a child process.
 *
 * J1 It stays in the process group of whoever starts it, so it is gone when that group is killed. Kernels have groups of
 *    their own: the server ends them when it is asked to end, and they end themselves when it is killed.
 * J2 Its token is in its environment: command lines can be read by everybody on a machine.
 * J3 What it writes for itself is beside the notebooks, so that people who share a machine do not share settings, open tabs
 *    and the secret of cookies. What tells of the running server, its token too, is in a private folder that goes with it.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

/** How long a first start on a slow disk may take. */
const START_MS = 120_000;
const LOOK_MS = 200;
/** From the request to end to SIGKILL: less than the grace of the work that waits for it. */
const END_MS = 6_000;
/** Seconds a kernel may take to end before the server kills it. */
const KERNEL_END_SECONDS = 2;
const TAIL_LINES = 8;
/** How long its last lines are waited for. */
const LAST_LINES_MS = 500;
const PRIVATE = 0o700;

const INSTALL =
  'install it with `pip install jupyterlab`, or name the command: JUPYTER=/path/to/venv/bin/jupyter';

/** Nothing is asked of other hosts, and dark mode follows the browser. */
const SETTINGS = {
  '@jupyterlab/apputils-extension:notification': { checkForUpdates: false, fetchNews: 'false' },
  '@jupyterlab/apputils-extension:themes': { 'adaptive-theme': true },
};

export interface JupyterOptions {
  /** Name or path of the `jupyter` command. */
  readonly command: string;
  readonly host: string;
  readonly port: number;
  /** Path below which browsers see it, without a slash at its end. */
  readonly basePath: string;
  readonly token: string;
  /** Where the notebooks are. */
  readonly folder: string;
}

export class JupyterServer {
  /** Settles when the process is gone; rejects when nobody had asked it to go. */
  readonly ended: Promise<void>;
  /** Resolves when the process is gone, however that came. */
  readonly gone: Promise<void>;
  readonly #options: JupyterOptions;
  readonly #child: ChildProcess;
  readonly #tail: string[] = [];
  #isStopped = false;
  #isGone = false;
  #kill: NodeJS.Timeout | undefined;

  private constructor(options: JupyterOptions) {
    this.#options = options;
    const { settings, workspaces, runtime, own } = foldersOf(options.folder);
    this.#child = spawn(options.command, toArguments(options), {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        JUPYTER_TOKEN: options.token,
        JUPYTER_RUNTIME_DIR: runtime,
        JUPYTER_CONFIG_DIR: own,
        JUPYTERLAB_SETTINGS_DIR: settings,
        JUPYTERLAB_WORKSPACES_DIR: workspaces,
      },
    });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      if (stream !== null)
        createInterface({ input: stream }).on('line', (line) => this.#hear(line));
    this.ended = this.#end(runtime);
    // Whoever waits for it to answer hears of its end there first.
    this.gone = this.ended.catch(() => undefined);
  }

  static async start(options: JupyterOptions): Promise<JupyterServer> {
    const { runtime, overrides } = foldersOf(options.folder);
    // A server that was killed leaves things there.
    await rm(runtime, { recursive: true, force: true });
    await mkdir(runtime, { recursive: true, mode: PRIVATE });
    await mkdir(dirname(overrides), { recursive: true });
    await writeFile(overrides, JSON.stringify(SETTINGS, null, 2));
    return new JupyterServer(options);
  }

  /** Resolves when it lets its token in; rejects when it ends before that. */
  async answers(): Promise<void> {
    const { host, port, basePath, token } = this.#options;
    const name = host === '0.0.0.0' ? '127.0.0.1' : host;
    const latest = performance.now() + START_MS;
    for (;;) {
      const answer = await fetch(`http://${name}:${port}${basePath}/api/status`, {
        headers: { authorization: `token ${token}` },
      }).catch(() => null);
      if (answer?.ok === true) return;
      if (this.#isGone) return await this.ended;
      if (performance.now() > latest)
        throw new Error(`JupyterLab did not answer within ${START_MS / 1_000} s${this.#printed()}`);
      await sleep(LOOK_MS);
    }
  }

  /** Asks it to end, with its kernels; {@link ended} tells when it has. Safe to repeat. */
  stop(): void {
    if (this.#isStopped || this.#isGone) return;
    this.#isStopped = true;
    this.#child.kill('SIGTERM');
    this.#kill = setTimeout(() => this.#child.kill('SIGKILL'), END_MS);
  }

  async #end(runtimeFolder: string): Promise<void> {
    try {
      await this.#watch();
    } finally {
      this.#isGone = true;
      clearTimeout(this.#kill);
      await rm(runtimeFolder, { recursive: true, force: true });
    }
  }

  #watch(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#child.once('error', (cause) => {
        const { command } = this.#options;
        reject(new Error(`${command} cannot be started (${cause.message}): ${INSTALL}`, { cause }));
      });
      this.#child.once('exit', (code, signal) => {
        const settle = (): void => {
          if (this.#isStopped) resolve();
          else reject(new Error(this.#reason(signal ?? `code ${code}`)));
        };
        // What a notebook left running may hold its output open.
        const late = setTimeout(settle, LAST_LINES_MS);
        this.#child.once('close', () => {
          clearTimeout(late);
          settle();
        });
      });
    });
  }

  #reason(how: string): string {
    const isMissing = this.#tail.some((line) => line.includes('`jupyter-lab` not found'));
    return isMissing
      ? `there is a jupyter, but no JupyterLab: ${INSTALL}`
      : `JupyterLab ended by itself (${how})${this.#printed()}`;
  }

  #hear(line: string): void {
    console.log(line);
    this.#tail.push(line);
    if (this.#tail.length > TAIL_LINES) this.#tail.shift();
  }

  #printed(): string {
    return this.#tail.length === 0 ? '' : `; it printed:\n${this.#tail.join('\n')}`;
  }
}

/** Hidden from the list of files. */
function foldersOf(folder: string) {
  const own = join(folder, '.jupyter');
  return {
    own,
    runtime: join(own, 'runtime'),
    settings: join(own, 'settings'),
    workspaces: join(own, 'workspaces'),
    overrides: join(own, 'labconfig', 'default_setting_overrides.json'),
  };
}

function toArguments({ host, port, basePath, folder }: JupyterOptions): string[] {
  return [
    'lab',
    '--no-browser',
    '--log-level=WARN',
    '--LabApp.log_level=WARN',
    `--ServerApp.ip=${host}`,
    `--ServerApp.port=${port}`,
    // Another port than the one that was announced would be nobody's.
    '--ServerApp.port_retries=0',
    `--ServerApp.base_url=${basePath}/`,
    `--ServerApp.root_dir=${folder}`,
    // Containers often have no other user.
    `--ServerApp.allow_root=${process.getuid?.() === 0 ? 'True' : 'False'}`,
    // It is ended by the manager, which would otherwise call it a failure.
    '--ServerApp.quit_button=False',
    `--KernelManager.shutdown_wait_time=${KERNEL_END_SECONDS}`,
    '--IdentityProvider.cookie_options={"samesite":"Strict"}',
    '--LabApp.news_url=None',
    '--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate',
    '--LabApp.extension_manager=readonly',
  ];
}
