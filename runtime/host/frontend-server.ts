/**
 * The server of one ServerFrontend: started, started again when it ends, given up when it ends again and again.
 */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { appError, background, type AppError } from '../errors/index.ts';
import type { ServerFrontend } from '../frontend/frontend.ts';
import { logSourceOf, type FrontendSpec } from '../frontend/frontend-spec.ts';
import type { LogSink } from '../ports/log-sink.ts';
import { toFrontendStart } from './frontend-env.ts';
import type { FrontendEnd } from './frontend-main.ts';
import { FrontendProcess } from './frontend-process.ts';
import { freePort } from './free-port.ts';
import { pythonClientFolder } from './web-files.ts';

/** Every wait for a frontend, in milliseconds; shrunk in tests. */
export interface FrontendTimings {
  /** Wait before the first restart; doubled up to `maxWaitMs`. */
  readonly firstWaitMs: number;
  readonly maxWaitMs: number;
  /** Ends in a row, without having been up for `stableMs` in between, after which it is given up. */
  readonly maxEnds: number;
  readonly stableMs: number;
  /** What a server has between SIGTERM and SIGKILL. */
  readonly stopGraceMs: number;
}

export const defaultFrontendTimings: FrontendTimings = {
  firstWaitMs: 500,
  maxWaitMs: 30_000,
  maxEnds: 6,
  stableMs: 60_000,
  stopGraceMs: 3_000,
};

/** What a server is doing. */
export type FrontendState =
  | { readonly phase: 'starting'; readonly message: string }
  | { readonly phase: 'ready'; readonly port: number; readonly pid: number | null }
  /** It ended and is started again. */
  | { readonly phase: 'waiting'; readonly message: string }
  | { readonly phase: 'failed'; readonly error: AppError };

export interface FrontendServerParts {
  readonly projectRoot: string;
  readonly environment: NodeJS.ProcessEnv;
  /** Path below which it is served. */
  readonly rootPath: string;
  readonly stateUrl: string;
  readonly token: string | null;
  readonly timings: FrontendTimings;
  readonly logs: LogSink;
  readonly register: { add(pid: number): Promise<void>; remove(pid: number): void };
  readonly changed: () => void;
  readonly failed: (error: AppError) => void;
}

const HOST = '127.0.0.1';
/** Lines of output that are kept to tell why a server ended. */
const TAIL_LINES = 10;

export class FrontendServer {
  readonly stripPrefix: boolean | null;
  readonly #spec: FrontendSpec;
  readonly #frontend: ServerFrontend;
  readonly #parts: FrontendServerParts;
  #state: FrontendState = { phase: 'starting', message: 'it is being started' };
  #process: FrontendProcess | null = null;
  #stopping = false;
  #timer: NodeJS.Timeout | null = null;
  #ends = 0;
  #readyAtMs: number | null = null;
  #tail: string[] = [];
  #starting: Promise<void> = Promise.resolve();

  constructor(spec: FrontendSpec, frontend: ServerFrontend, parts: FrontendServerParts) {
    this.#spec = spec;
    this.#frontend = frontend;
    this.#parts = parts;
    this.stripPrefix = frontend.stripPrefix;
    this.#begin();
  }

  get state(): FrontendState {
    return this.#state;
  }

  /** Ends the server; resolves when nothing of it is left. */
  async stop(graceMs = this.#parts.timings.stopGraceMs): Promise<void> {
    this.#stopping = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#starting;
    await this.#process?.stop(graceMs);
  }

  #begin(): void {
    this.#starting = this.#start();
    background(this.#starting, `starting the frontend of ${this.#spec.owner}`);
  }

  async #start(): Promise<void> {
    const { projectRoot, environment, rootPath, stateUrl, token, register } = this.#parts;
    const cwd = resolve(projectRoot, this.#frontend.cwd ?? '.');
    if (!(await isDirectory(cwd))) {
      this.#fail(this.#unstartable(`its working folder ${cwd} does not exist`));
      return;
    }
    const port = await freePort();
    if (this.#stopping) return;
    const facts = {
      port,
      host: HOST,
      rootPath,
      stateUrl,
      token,
      pythonClient: pythonClientFolder(),
      pythonPath: environment['PYTHONPATH'] ?? '',
    };
    const { command, env } = toFrontendStart(this.#frontend, facts);
    this.#tail = [];
    this.#readyAtMs = null;
    this.#become({ phase: 'starting', message: `it is to listen on port ${port} (PORT)` });
    const child = new FrontendProcess(
      { command, cwd, host: HOST, port, env: { ...environment, ...env } },
      {
        line: (stream, line) => this.#line(stream, line),
        ready: () => {
          this.#readyAtMs = performance.now();
          this.#become({ phase: 'ready', port, pid: child.pid });
        },
        ended: (end) => this.#ended(child, end),
      },
    );
    this.#process = child;
    if (child.pid !== null) background(register.add(child.pid), 'registering a frontend');
  }

  #ended({ pid }: FrontendProcess, end: FrontendEnd): void {
    const { timings, register } = this.#parts;
    this.#process = null;
    if (pid !== null) register.remove(pid);
    if (this.#stopping) return;
    if (end.type === 'unstartable') {
      this.#fail(this.#unstartable(end.problem));
      return;
    }
    const isStable =
      this.#readyAtMs !== null && performance.now() - this.#readyAtMs >= timings.stableMs;
    this.#ends = isStable ? 1 : this.#ends + 1;
    const how = end.signal === null ? `code ${end.code}` : `signal ${end.signal}`;
    if (this.#ends >= timings.maxEnds) {
      const problem = [how, ...this.#tail].join('\n  ');
      const { owner } = this.#spec;
      this.#fail(appError('FRONTEND_FAILED', { owner, problem, times: this.#ends }, { at: owner }));
      return;
    }
    const waitMs = Math.min(timings.maxWaitMs, timings.firstWaitMs * 2 ** (this.#ends - 1));
    this.#note(`ended with ${how}; it is started again in ${waitMs} ms`);
    this.#become({
      phase: 'waiting',
      message: `it ended with ${how} and is started again in ${waitMs} ms`,
    });
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#begin();
    }, waitMs);
  }

  #unstartable(problem: string): AppError {
    const { owner } = this.#spec;
    const command = this.#frontend.command.join(' ');
    return appError('FRONTEND_COMMAND_FAILED', { owner, command, problem }, { at: owner });
  }

  #fail(error: AppError): void {
    this.#note(error.message.split('\n')[0] ?? '');
    this.#become({ phase: 'failed', error });
    this.#parts.failed(error);
  }

  #line(stream: 'stdout' | 'stderr', line: string): void {
    this.#tail = [...this.#tail.slice(1 - TAIL_LINES), line];
    this.#parts.logs.write({ source: logSourceOf(this.#spec.id), stream, at: Date.now(), line });
  }

  #note(line: string): void {
    const source = logSourceOf(this.#spec.id);
    this.#parts.logs.write({ source, stream: 'stderr', at: Date.now(), line });
  }

  #become(state: FrontendState): void {
    this.#state = state;
    this.#parts.changed();
  }
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}
