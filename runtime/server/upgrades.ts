/**
 * WebSockets: requests that leave HTTP. Each passes the same checks as any other request first.
 */
import { STATUS_CODES, type IncomingMessage, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { appError, background, type AppError } from '../errors/index.ts';
import { toErrorAnswer } from './http-error.ts';
import { CLOSE_GRACE_MS } from './listener.ts';

export type UpgradeHandler = (
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
) => void | Promise<void>;

interface UpgradeRoute {
  readonly isOwn: (path: string) => boolean;
  readonly handle: UpgradeHandler;
}

export class Upgrades {
  readonly #routes: UpgradeRoute[] = [];
  readonly #sockets = new Set<Duplex>();

  /**
   * Adds a handler; what it throws is answered like the failure of any request.
   *
   * @param isOwn - whether the handler is for a path (without query, percent-encoded as it came)
   */
  add(isOwn: (path: string) => boolean, handle: UpgradeHandler): void {
    this.#routes.push({ isOwn, handle });
  }

  /** Takes the upgrades of a server. */
  attach(server: Server, check: (request: IncomingMessage) => AppError | null): void {
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      if (request.headers.upgrade?.trim().toLowerCase() !== 'websocket') {
        ignoreUpgrade(server, request, socket, head);
        return;
      }
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      // A peer that goes away is no failure of ours; whoever handles the socket hears of it too.
      socket.on('error', () => socket.destroy());
      const take = async (): Promise<void> => {
        const refused = check(request);
        if (refused !== null) throw refused;
        await this.#handle(request, socket, head);
      };
      background(
        take().catch((error) => refuse(socket, error)),
        'an upgrade',
      );
    });
  }

  async #handle(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const [path = ''] = (request.url ?? '').split('?');
    const route = this.#routes.find(({ isOwn }) => isOwn(path));
    if (route === undefined) throw appError('SERVER_ROUTE_UNKNOWN', { method: 'GET', path });
    await route.handle(request, socket, head);
  }

  /** Ends every connection that left HTTP, after what was sent: the server cannot end them any more. */
  close(): void {
    for (const socket of this.#sockets) {
      socket.end();
      const force = setTimeout(() => socket.destroy(), CLOSE_GRACE_MS);
      socket.on('close', () => clearTimeout(force));
    }
  }
}

/**
 * Answers a request that would rather speak another protocol (HTTP/2 mostly) in ours, as RFC 9110 lets a server do. It was
 * taken out of HTTP with its body unread, so it comes in again, without its wish.
 */
function ignoreUpgrade(
  server: Server,
  { method, url, httpVersion, rawHeaders }: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let at = 0; at < rawHeaders.length; at += 2)
    if (rawHeaders[at]?.toLowerCase() !== 'upgrade')
      lines.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`);
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]));
  server.emit('connection', socket);
}

function refuse(socket: Duplex, error: unknown): void {
  const { status, body } = toErrorAnswer(error, 'an upgrade');
  const json = JSON.stringify(body);
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nconnection: close\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(json)}\r\n\r\n${json}`,
  );
}
