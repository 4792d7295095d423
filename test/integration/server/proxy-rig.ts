/** The routes of frontends and the dashboard behind the real checks, over upstreams that a test chooses. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { fastify } from 'fastify';
import { freePort } from '../../../runtime/host/free-port.ts';
import { Access, TOKEN_COOKIE } from '../../../runtime/server/access.ts';
import { addDashboardRoutes } from '../../../runtime/server/dashboard-routes.ts';
import { addFrontendRoutes } from '../../../runtime/server/frontend-routes.ts';
import { addGuard } from '../../../runtime/server/guard.ts';
import { toErrorAnswer } from '../../../runtime/server/http-error.ts';
import type {
  LayoutSource,
  ServedFrontend,
  Upstream,
} from '../../../runtime/server/layout-source.ts';
import { openListener, type Listener } from '../../../runtime/server/listener.ts';
import type { ProxyTimings } from '../../../runtime/server/proxy.ts';
import { Upgrades } from '../../../runtime/server/upgrades.ts';

const SERVER = fileURLToPath(new URL('../../fixtures/frontends/server.mjs', import.meta.url));

export interface Raw {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

export class ProxyRig {
  readonly url: string;
  readonly works = new Map<string, Upstream>();
  readonly frontends = new Map<string, ServedFrontend>();
  readonly #listener: Listener;
  readonly #upgrades: Upgrades;
  readonly #children: ChildProcess[] = [];

  private constructor(listener: Listener, upgrades: Upgrades) {
    this.#listener = listener;
    this.#upgrades = upgrades;
    this.url = listener.url;
  }

  static async open({
    root = '',
    token = null,
    dist,
    timings = {},
  }: {
    root?: string;
    token?: string | null;
    dist?: string;
    timings?: Partial<ProxyTimings>;
  } = {}): Promise<ProxyRig> {
    const listener = await openListener({ host: '127.0.0.1', port: 0 });
    const upgrades = new Upgrades();
    const rig = new ProxyRig(listener, upgrades);
    const layout: LayoutSource = {
      view: () => ({ tabs: [], headless: true }),
      frontend: (id) => rig.frontends.get(id) ?? null,
      work: (name) => rig.works.get(name) ?? null,
    };
    let handle: Parameters<Listener['attach']>[0] = () => undefined;
    const app = fastify({
      serverFactory: (handler) => {
        handle = handler;
        return listener.server;
      },
      exposeHeadRoutes: false,
    });
    const access = new Access({ host: '127.0.0.1', token });
    const base = `${root}/api/v1`;
    const check = addGuard(app, { access, root, base });
    app.setErrorHandler((error, _request, reply) => {
      const { status, body } = toErrorAnswer(error, 'a request');
      return reply.code(status).send(body);
    });
    const credentials = { cookie: TOKEN_COOKIE, isToken: (text: string) => access.isToken(text) };
    addFrontendRoutes(app, { layout, upgrades, credentials, root, timings });
    const signpost = (): string => 'no dashboard here';
    addDashboardRoutes(app, { root, signpost, ...(dist === undefined ? {} : { dist }) });
    await app.ready();
    listener.attach(handle);
    upgrades.attach(listener.server, check);
    return rig;
  }

  /** Starts the fixture server; gives what a layout says of it. */
  async serve(
    rootPath: string,
    env: Record<string, string> = {},
    stripPrefix: boolean | null = null,
  ): Promise<Upstream> {
    const port = await freePort();
    const child = fork(SERVER, {
      env: { PORT: String(port), STORMKITE_ROOT_PATH: rootPath, ...env },
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    this.#children.push(child);
    if (child.stdout) await once(child.stdout, 'data');
    return { title: 'root.w', address: { host: '127.0.0.1', port }, doing: 'it runs', stripPrefix };
  }

  /** One request; the path goes out as it is. */
  ask(
    path: string,
    {
      method = 'GET',
      headers = {},
      body,
    }: { method?: string; headers?: Record<string, string>; body?: string | Buffer } = {},
  ): Promise<Raw> {
    return new Promise((resolve, reject) => {
      const { hostname, port } = new URL(this.url);
      const request = httpRequest({ hostname, port, path, method, headers, agent: false });
      request.on('error', reject);
      request.on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: Buffer.concat(chunks).toString(),
          });
        });
      });
      request.end(body);
    });
  }

  /** What comes back on a connection on which bytes were sent as they are. */
  async raw(text: string): Promise<string> {
    const { hostname, port } = new URL(this.url);
    const socket = connect({ host: hostname, port: Number(port) });
    let got = '';
    socket.on('data', (chunk: Buffer) => (got += chunk.toString()));
    socket.on('error', () => undefined);
    socket.write(text);
    await once(socket, 'close');
    return got;
  }

  /** How many connections browsers have. */
  connections(): Promise<number> {
    return promisify(this.#listener.server.getConnections.bind(this.#listener.server))();
  }

  async close(): Promise<void> {
    this.#upgrades.close();
    await this.#listener.close();
    for (const child of this.#children) child.kill('SIGKILL');
  }
}
