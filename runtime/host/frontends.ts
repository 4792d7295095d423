/**
 * The frontends that the layout of an app names now.
 *
 * E1 A frontend is started when the layout first names it and ended when a whole layout no longer does, or with the app.
 * E2 Processes are on disk as long as they live, so that the next run ends what a killed one left.
 */
import { realpath, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ProcessRegister } from '../backends/local/process-register.ts';
import { withoutSecrets } from '../backends/local/secrets.ts';
import { appError, background, type AppError } from '../errors/index.ts';
import type { StaticWebFrontend } from '../frontend/frontend.ts';
import type { FrontendSpec } from '../frontend/frontend-spec.ts';
import type { EvaluatedLayout } from '../loop/layout.ts';
import type { LogSink } from '../ports/log-sink.ts';
import { frontendPathOf } from '../protocol/layout.ts';
import type { ServedFrontend } from '../server/layout-source.ts';
import { defaultFrontendTimings, FrontendServer, type FrontendTimings } from './frontend-server.ts';

const REGISTER_FILE = 'frontends.json';
const INDEX = 'index.html';

export interface FrontendsOptions {
  readonly projectRoot: string;
  /** What the processes inherit. */
  readonly environment: NodeJS.ProcessEnv;
  /** Variables that are some work's secret. */
  readonly withheld: Iterable<string>;
  /** The run's folder; holds `frontends.json`. */
  readonly directory: string;
  readonly rootPath: string;
  /** Address of the app for its clients on this machine. */
  readonly stateUrl: string;
  readonly token: string | null;
  readonly logs: LogSink;
  readonly timings?: Partial<FrontendTimings>;
  /** A frontend does something else now. */
  readonly changed: () => void;
  readonly failed: (error: AppError) => void;
}

/** What a frontend is doing. */
export interface ShownFrontend {
  readonly isReady: boolean;
  readonly doing: string;
  readonly error: AppError | null;
  readonly served: ServedFrontend;
}

export class Frontends {
  readonly #options: FrontendsOptions;
  readonly #register: ProcessRegister;
  readonly #servers = new Map<string, FrontendServer>();
  readonly #folders = new Map<string, StaticFolder>();
  readonly #owners = new Map<string, string>();
  readonly #ending = new Set<Promise<void>>();
  #closed = false;

  private constructor(options: FrontendsOptions, register: ProcessRegister) {
    this.#options = options;
    this.#register = register;
  }

  static async open(options: FrontendsOptions): Promise<Frontends> {
    return new Frontends(options, await ProcessRegister.open(options.directory, REGISTER_FILE));
  }

  /** @param isComplete - false: frontends that are not named go on */
  want(specs: readonly FrontendSpec[], { isComplete }: { readonly isComplete: boolean }): void {
    if (this.#closed) return;
    const wanted = new Set(specs.map(({ id }) => id));
    for (const spec of specs) {
      if (!this.#owners.has(spec.id)) this.#add(spec);
      // Its page may have been built meanwhile.
      const folder = this.#folders.get(spec.id);
      if (folder !== undefined && folder.shown.error !== null)
        background(folder.look(), `looking at the static frontend of ${spec.owner}`);
    }
    if (!isComplete) return;
    for (const id of [...this.#owners.keys()].filter((id) => !wanted.has(id))) this.#remove(id);
  }

  get(id: string): ShownFrontend | null {
    const server = this.#servers.get(id);
    if (server !== undefined) return toShown(server, this.#owners.get(id) ?? id);
    return this.#folders.get(id)?.shown ?? null;
  }

  /** Kills every server at once. */
  async kill(): Promise<void> {
    await Promise.all([...this.#servers.values()].map((server) => server.stop(0)));
  }

  /** Ends every server; nothing is started any more. Safe to call twice. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#servers.values()].map((server) => server.stop()));
    await Promise.all(this.#ending);
    await this.#register.close();
  }

  #add({ id, owner, frontend }: FrontendSpec): void {
    const { projectRoot, environment, withheld, rootPath, changed, timings } = this.#options;
    this.#owners.set(id, owner);
    if (frontend.kind === 'static') {
      const folder = new StaticFolder(owner, staticDirectoryOf(projectRoot, frontend), changed);
      this.#folders.set(id, folder);
      background(this.#look(folder), `looking at the static frontend of ${owner}`);
      return;
    }
    const { stateUrl, token, logs, failed } = this.#options;
    const server = new FrontendServer({ id, owner, frontend }, frontend, {
      projectRoot,
      environment: withoutSecrets(environment, new Set(withheld)),
      rootPath: frontendPathOf(rootPath, id),
      stateUrl,
      token,
      timings: { ...defaultFrontendTimings, ...timings },
      logs,
      register: this.#register,
      changed,
      failed,
    });
    this.#servers.set(id, server);
  }

  async #look(folder: StaticFolder): Promise<void> {
    const error = await folder.look();
    if (error !== null) this.#options.failed(error);
  }

  #remove(id: string): void {
    this.#owners.delete(id);
    this.#folders.delete(id);
    const server = this.#servers.get(id);
    this.#servers.delete(id);
    if (server === undefined) return;
    const ended: Promise<void> = server.stop().finally(() => this.#ending.delete(ended));
    this.#ending.add(ended);
    background(ended, `ending the frontend ${id}`);
  }
}

/** A folder that is served. */
class StaticFolder {
  readonly #owner: string;
  readonly #directory: string;
  readonly #changed: () => void;
  #error: AppError | null = null;
  #isReady = false;

  constructor(owner: string, directory: string, changed: () => void) {
    this.#owner = owner;
    this.#directory = directory;
    this.#changed = changed;
  }

  get shown(): ShownFrontend {
    const served = { kind: 'static', directory: this.#directory } as const;
    return { isReady: this.#isReady, doing: 'it is looked at', error: this.#error, served };
  }

  async look(): Promise<AppError | null> {
    this.#error = await indexProblem(this.#owner, this.#directory);
    this.#isReady = this.#error === null;
    this.#changed();
    return this.#error;
  }
}

/**
 * Refuses static frontends without a page, before anything of the app is started.
 *
 * @throws `FRONTEND_INDEX_MISSING`
 */
export async function checkStaticFrontends(
  { tabs }: EvaluatedLayout,
  projectRoot: string,
): Promise<void> {
  for (const { content } of tabs) {
    if (content.kind !== 'frontend' || content.frontend.frontend.kind !== 'static') continue;
    const { owner, frontend } = content.frontend;
    const problem = await indexProblem(owner, staticDirectoryOf(projectRoot, frontend));
    if (problem !== null) throw problem;
  }
}

function staticDirectoryOf(projectRoot: string, { directory }: StaticWebFrontend): string {
  return resolve(projectRoot, directory);
}

async function indexProblem(owner: string, directory: string): Promise<AppError | null> {
  try {
    const index = await stat(join(await realpath(directory), INDEX));
    if (index.isFile()) return null;
  } catch {
    // Missing, or not to be read: the same to who looks at the page.
  }
  return appError('FRONTEND_INDEX_MISSING', { owner, directory }, { at: owner });
}

function toShown(server: FrontendServer, owner: string): ShownFrontend {
  const { state, stripPrefix } = server;
  const isReady = state.phase === 'ready';
  const doing = isReady
    ? 'it answers'
    : state.phase === 'failed'
      ? state.error.message
      : state.message;
  const upstream = {
    title: `the frontend of ${owner}`,
    address: isReady ? { host: '127.0.0.1', port: state.port } : null,
    doing,
    stripPrefix,
  };
  return {
    isReady,
    doing,
    error: state.phase === 'failed' ? state.error : null,
    served: { kind: 'server', upstream },
  };
}
