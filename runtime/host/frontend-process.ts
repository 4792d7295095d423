/**
 * One start of a frontend's server: a keeper with the user's command in a process group of its own.
 *
 * P1 Its end is told once, after everything that it printed was taken.
 * P2 Whatever is left of its group is killed when its keeper is gone; the keeper ends the group when the app is gone.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { LineSplitter } from '../backends/local/line-splitter.ts';
import { signalGroup } from '../backends/local/process-group.ts';
import type { FrontendEnd } from './frontend-main.ts';
import { UrlProbe } from './reporter-probe.ts';

const FROM_SOURCE = import.meta.url.endsWith('.ts');
const ENTRY = fileURLToPath(
  new URL(`./frontend-main${FROM_SOURCE ? '.ts' : '.js'}`, import.meta.url),
);
/** How long the last output of a process that ended is waited for. */
const DRAIN_MS = 500;

export interface FrontendProcessStart {
  readonly command: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly host: string;
  readonly port: number;
}

export interface FrontendProcessEvents {
  line(stream: 'stdout' | 'stderr', line: string): void;
  /** Its port answers. */
  ready(): void;
  ended(end: FrontendEnd): void;
}

export class FrontendProcess {
  readonly gone: Promise<void>;
  readonly #child: ChildProcess;
  readonly #events: FrontendProcessEvents;
  readonly #probe: UrlProbe;
  #end: FrontendEnd | null = null;
  #finished = false;
  #finish: () => void = () => undefined;

  constructor(start: FrontendProcessStart, events: FrontendProcessEvents) {
    this.#events = events;
    this.gone = new Promise((resolve) => {
      this.#finish = resolve;
    });
    this.#child = spawn(process.execPath, [...sourceLoader(), ENTRY, ...start.command], {
      cwd: start.cwd,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: start.env,
    });
    this.#watchOutput('stdout');
    this.#watchOutput('stderr');
    this.#child.on('message', (end) => {
      // Only our own keeper has this channel.
      this.#end ??= end as FrontendEnd;
    });
    this.#child.once('error', (error) => {
      this.#end ??= { type: 'unstartable', problem: error.message };
      this.#over();
    });
    this.#child.once('exit', (code, signal) => this.#onExit(code, signal));
    this.#probe = new UrlProbe(() => {
      if (!this.#finished) events.ready();
    });
    this.#probe.announce(start.host, start.port);
    this.#probe.calling(true);
  }

  /** `null` when it could not be spawned. */
  get pid(): number | null {
    return this.#child.pid ?? null;
  }

  /** SIGTERM, then SIGKILL after the grace, to the whole group; resolves when it is gone. */
  async stop(graceMs: number): Promise<void> {
    if (graceMs > 0) this.#signal('SIGTERM');
    else this.#signal('SIGKILL');
    const timer = setTimeout(() => this.#signal('SIGKILL'), graceMs);
    await this.gone;
    clearTimeout(timer);
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.pid !== null && !this.#finished) signalGroup(this.pid, signal);
  }

  #watchOutput(stream: 'stdout' | 'stderr'): void {
    const splitter = new LineSplitter((line) => this.#events.line(stream, line));
    const pipe = this.#child[stream];
    pipe?.on('data', (chunk: Buffer) => splitter.push(chunk));
    pipe?.once('close', () => splitter.end());
    pipe?.on('error', () => undefined);
  }

  #onExit(code: number | null, signal: NodeJS.Signals | null): void {
    this.#probe.calling(false);
    if (this.pid !== null) signalGroup(this.pid, 'SIGKILL');
    this.#end ??= { type: 'exited', code, signal };
    // A process that left the group may still hold the pipes.
    const timer = setTimeout(() => this.#over(), DRAIN_MS);
    this.#child.once('close', () => {
      clearTimeout(timer);
      this.#over();
    });
  }

  #over(): void {
    if (this.#finished || this.#end === null) return;
    this.#finished = true;
    this.#probe.calling(false);
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
    this.#events.ended(this.#end);
    this.#finish();
  }
}

/** Running from source, the keeper needs the same loader. */
function sourceLoader(): string[] {
  if (!FROM_SOURCE) return [];
  return ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href];
}
