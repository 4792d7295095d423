/** A real loop in memory behind the real HTTP API. */
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryBackend } from '../../../runtime/backends/memory/memory-backend.ts';
import { MemoryStateStore } from '../../../runtime/backends/memory/memory-state-store.ts';
import { ScriptedWork } from '../../../runtime/backends/memory/scripted-work.ts';
import { App } from '../../../runtime/component/app.ts';
import { Flow } from '../../../runtime/component/flow.ts';
import { Work } from '../../../runtime/component/work.ts';
import { LogFiles } from '../../../runtime/host/log-files.ts';
import { SystemClock } from '../../../runtime/host/system-clock.ts';
import { FlowLoop } from '../../../runtime/loop/flow-loop.ts';
import { openApiServer, type ApiServer } from '../../../runtime/server/api-server.ts';
import { openListener } from '../../../runtime/server/listener.ts';

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
  readonly logs: LogFiles;
  readonly url: string;
  readonly work: ScriptedWork;
  readonly #server: ApiServer;
  readonly #directory: string;

  private constructor(parts: {
    loop: FlowLoop;
    logs: LogFiles;
    url: string;
    work: ScriptedWork;
    server: ApiServer;
    directory: string;
  }) {
    this.loop = parts.loop;
    this.logs = parts.logs;
    this.url = parts.url;
    this.work = parts.work;
    this.#server = parts.server;
    this.#directory = parts.directory;
  }

  static async open({
    token = null,
    host = '127.0.0.1',
  }: { token?: string | null; host?: string } = {}): Promise<ServerRig> {
    const directory = await mkdtemp(join(tmpdir(), 'server-rig-'));
    const logs = new LogFiles(directory);
    const lease = await new MemoryStateStore().open('rig');
    const work = new ScriptedWork('root.train', undefined);
    const { channel, launcher } = new MemoryBackend({
      lease,
      program: (process) => work.programFor(process),
    });
    const loop = new FlowLoop(
      new App(new Root()),
      { lease, channel, launcher, clock: new SystemClock() },
      { name: 'rig', exports: {} },
    );
    const listener = await openListener({ host, port: 0 });
    await loop.open();
    const facts = { startedAt: new Date().toISOString(), stormkite: '0.0.0' };
    const server = await openApiServer({ listener, control: loop, logs, host, token, facts });
    return new ServerRig({ loop, logs, url: listener.url, work, server, directory });
  }

  async close(): Promise<void> {
    await this.#server.close();
    await this.loop.interrupt();
    this.logs.close();
    await rm(this.#directory, { recursive: true, force: true });
  }

  /** Closes the server alone. */
  closeServer(): Promise<void> {
    return this.#server.close();
  }

  /** One raw request below `/api/v1`; the path goes out as it is. */
  ask(method: string, path: string, { headers = {}, body }: Ask = {}): Promise<Answer> {
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
        { method, hostname, port, path: `/api/v1${path}`, headers: { ...type, ...headers } },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const whole = Buffer.concat(chunks).toString('utf8');
            const isJson =
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
