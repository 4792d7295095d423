/** A line to an HTTP service of AWS on which a test hears every request, and decides what becomes of it. */
import { once } from 'node:events';
import {
  createServer,
  request as send,
  Agent,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface ProxiedRequest {
  /** As in `PutItem` or `RunTask`. */
  readonly operation: string;
  readonly body: Buffer;
}

/** `pass`; `drop`: the service never hears of it; `lose`: it does, and its answer is lost; JSON is answered in its place. */
export type Verdict = 'pass' | 'drop' | 'lose' | { readonly answer: unknown };

export interface ProxyHooks {
  /** Before a request goes on. */
  readonly before?: (request: ProxiedRequest) => Verdict | Promise<Verdict>;
  /** After the service has answered, before the client has it. */
  readonly after?: (request: ProxiedRequest, status: number, bytes: number) => void;
}

export class HttpProxy {
  hooks: ProxyHooks;
  readonly #server: Server;
  readonly #target: URL;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #sockets = new Set<Socket>();
  #isCut = false;

  private constructor(target: URL, hooks: ProxyHooks) {
    this.#target = target;
    this.hooks = hooks;
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch(() => request.destroy());
    });
    this.#server.on('connection', (socket: Socket) => {
      if (this.#isCut) socket.destroy();
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  /** @param target - `http://host:port` */
  static async open(target: string, hooks: ProxyHooks = {}): Promise<HttpProxy> {
    const proxy = new HttpProxy(new URL(target), hooks);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Breaks every connection and takes no new one. */
  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend(): void {
    this.#isCut = false;
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    this.#agent.destroy();
    await once(this.#server, 'close');
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = Buffer.concat(parts);
    const proxied = { operation: operationOf(request, body), body };
    const verdict = (await this.hooks.before?.(proxied)) ?? 'pass';
    if (verdict === 'drop' || this.#isCut) {
      request.destroy();
      return;
    }
    if (typeof verdict === 'object') {
      response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' });
      response.end(JSON.stringify(verdict.answer));
      return;
    }
    const onward = send({
      host: this.#target.hostname,
      port: this.#target.port,
      method: request.method,
      path: request.url,
      headers: request.headers,
      agent: this.#agent,
    });
    onward.end(body);
    const [answer] = (await once(onward, 'response')) as [IncomingMessage];
    const answered: Buffer[] = [];
    for await (const part of answer) answered.push(part as Buffer);
    const all = Buffer.concat(answered);
    this.hooks.after?.(proxied, answer.statusCode ?? 0, all.length);
    if (verdict === 'lose' || this.#isCut) {
      request.destroy();
      return;
    }
    response.writeHead(answer.statusCode ?? 502, answer.headers).end(all);
  }
}

/** JSON services name it in a header, query services in the body. */
function operationOf({ headers }: IncomingMessage, body: Buffer): string {
  const target = headers['x-amz-target'];
  if (typeof target === 'string') return target.slice(target.lastIndexOf('.') + 1);
  return /(?:^|&)Action=(\w+)/.exec(body.toString('utf8', 0, 2_000))?.[1] ?? '';
}
