/** A real loop in memory behind the real HTTP API. */
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryBackend } from '../../../runtime/backends/memory/memory-backend.ts';
import { MemoryStateStore } from '../../../runtime/backends/memory/memory-state-store.ts';
import { ScriptedWork } from '../../../runtime/backends/memory/scripted-work.ts';
import { App } from '../../../runtime/component/app.ts';
import { Flow } from '../../../runtime/component/flow.ts';
import { Work } from '../../../runtime/component/work.ts';
import { AsyncTurnScope } from '../../../runtime/host/async-turn-scope.ts';
import { LogFiles } from '../../../runtime/host/log-files.ts';
import { SystemClock } from '../../../runtime/host/system-clock.ts';
import { FlowLoop } from '../../../runtime/loop/flow-loop.ts';
import { openApiServer, type ApiServer } from '../../../runtime/server/api-server.ts';
import { History, type HistoryLimits } from '../../../runtime/server/history.ts';
import { openListener } from '../../../runtime/server/listener.ts';
import type { OutletLimits } from '../../../runtime/server/outlets.ts';
import { readUserApi } from '../../../runtime/server/user-api.ts';

class Train extends Work {
  loss: number | null = null;

  constructor() {
    super({ parallel: true, raiseException: false });
  }

  run(): void {}
}

class Idle extends Work {
  constructor() {
    super({ startWithFlow: false });
  }

  run(): void {}
}

class Root extends Flow {
  train = new Train();
  idle = new Idle();
  n = 1;
  limit?: number;
  list = ['a'];
  odd: Record<string, number> = { 'a b': 1, 'x/y': 2, 'ü%': 3 };

  run(): void {
    this.train.run();
  }
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The parsed body. */
  readonly body: unknown;
}

export interface Ask {
  readonly headers?: Record<string, string>;
  /** Sent as it is when it is text. */
  readonly body?: unknown;
}

export class ServerRig {
  readonly loop: FlowLoop;
  readonly history: History;
  readonly logs: LogFiles;
  readonly url: string;
  readonly root: string;
  readonly work: ScriptedWork;
  readonly #server: ApiServer;
  readonly #directory: string;
  readonly #sockets: ReadonlySet<Socket>;

  private constructor(parts: {
    loop: FlowLoop;
    history: History;
    logs: LogFiles;
    url: string;
    root: string;
    work: ScriptedWork;
    server: ApiServer;
    directory: string;
    sockets: ReadonlySet<Socket>;
  }) {
    this.loop = parts.loop;
    this.history = parts.history;
    this.logs = parts.logs;
    this.url = parts.url;
    this.root = parts.root;
    this.work = parts.work;
    this.#server = parts.server;
    this.#directory = parts.directory;
    this.#sockets = parts.sockets;
  }

  static async open({
    token = null,
    host = '127.0.0.1',
    hosts = [],
    rootPath = '',
    limits,
    createRoot = () => new Root(),
    handlerTimeoutMs,
    outlets,
  }: {
    token?: string | null;
    host?: string;
    hosts?: readonly string[];
    rootPath?: string;
    limits?: HistoryLimits;
    createRoot?: () => Flow;
    handlerTimeoutMs?: number;
    outlets?: Partial<OutletLimits>;
  } = {}): Promise<ServerRig> {
    const directory = await mkdtemp(join(tmpdir(), 'server-rig-'));
    const logs = new LogFiles(directory);
    const lease = await new MemoryStateStore().open('rig');
    const work = new ScriptedWork('root.train', undefined);
    const { channel, launcher } = new MemoryBackend({
      lease,
      program: (process) => work.programFor(process),
    });
    const app = new App(createRoot());
    const loop = new FlowLoop(
      app,
      { lease, channel, launcher, clock: new SystemClock(), scope: new AsyncTurnScope() },
      { name: 'rig', exports: {} },
    );
    const listener = await openListener({ host, port: 0 });
    const sockets = new Set<Socket>();
    listener.server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    });
    const history = new History(limits);
    history.follow(loop);
    await loop.open();
    const startedAt = new Date().toISOString();
    const facts = { startedAt, stormkite: '0.0.0', mode: 'local', info: { title: 'Rig' } } as const;
    const server = await openApiServer({
      listener,
      control: loop,
      history,
      logs,
      host,
      hosts,
      token,
      facts,
      rootPath,
      user: readUserApi(app.flow),
      ...(handlerTimeoutMs === undefined ? {} : { handlerTimeoutMs }),
      ...(outlets === undefined ? {} : { outlets }),
    });
    return new ServerRig({
      loop,
      history,
      logs,
      url: listener.url,
      root: rootPath,
      work,
      server,
      directory,
      sockets,
    });
  }

  async close(): Promise<void> {
    await this.#server.close();
    await this.loop.interrupt();
    this.logs.close();
    await rm(this.#directory, { recursive: true, force: true });
  }

  /** Where the API is. */
  get api(): string {
    return `${this.url}${this.root}/api/v1`;
  }

  /** Bytes that all connections hold because their readers have not taken them. */
  get waitingBytes(): number {
    let bytes = 0;
    for (const socket of this.#sockets) bytes += socket.writableLength;
    return bytes;
  }

  /** Bytes that the server keeps for its clients beside them. */
  get heldBytes(): number {
    return this.#server.heldBytes;
  }

  /** Everything that the server answers. */
  get routes(): ApiServer['routes'] {
    return this.#server.routes;
  }

  /** Closes the server alone. */
  closeServer(): Promise<void> {
    return this.#server.close();
  }

  /** One raw request below `/api/v1`; the path goes out as it is. */
  ask(method: string, path: string, ask: Ask = {}): Promise<Answer> {
    return this.askRaw(method, `${this.root}/api/v1${path}`, ask);
  }

  /** One raw request; the path goes out as it is. */
  askRaw(method: string, path: string, { headers = {}, body }: Ask = {}): Promise<Answer> {
    const text = typeof body === 'string' || body === undefined ? body : JSON.stringify(body);
    const type =
      body === undefined
        ? {}
        : {
            'content-type': 'application/json',
            'content-length': String(Buffer.byteLength(text ?? '')),
          };
    const { hostname, port } = new URL(this.url);
    return new Promise((resolve, reject) => {
      const request = httpRequest(
        { method, hostname, port, path, headers: { ...type, ...headers } },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const whole = Buffer.concat(chunks).toString('utf8');
            const isJson =
              method !== 'HEAD' &&
              response.headers['content-type']?.startsWith('application/json') === true;
            const parsed: unknown = isJson ? JSON.parse(whole) : undefined;
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              text: whole,
              body: parsed,
            });
          });
        },
      );
      request.on('error', reject);
      request.end(text);
    });
  }
}
