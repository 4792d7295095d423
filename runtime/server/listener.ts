/**
 * The port of an app: bound before anything else is ready, so that its URL is known and a taken port is found at once.
 * Requests that come before the API is attached wait for it.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname, networkInterfaces, type NetworkInterfaceInfo } from 'node:os';
import { appError } from '../errors/index.ts';

/** First port that is tried when none was asked for. */
export const DEFAULT_PORT = 7501;
/** Ports that are tried after {@link DEFAULT_PORT}; then any free one. */
const MORE_PORTS = 100;
/** How long a connection without a request is kept, unless something in front of it keeps it longer. */
const KEEP_ALIVE_MS = 5_000;
/** How long the head of a request may take, and all of it: uploads to servers below the app do take hours. */
const HEAD_MS = 60_000;
const REQUEST_MS = 86_400_000;
/** How long requests under way may take when the server closes. */
export const CLOSE_GRACE_MS = 500;

/** Of addresses that stand for all of a machine, the one by which it reaches itself. */
const LOOPBACKS: ReadonlyMap<string, string> = new Map([
  ['0.0.0.0', '127.0.0.1'],
  ['::', '::1'],
]);

export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

export interface ListenerOptions {
  readonly host: string;
  /** 0: any free one. @default - 7501, or the next free one */
  readonly port?: number;
  /** Milliseconds that a connection without a request is kept; a load balancer must be the one that ends it. @default 5000 */
  readonly keepAliveMs?: number;
}

export interface Listener {
  readonly server: Server;
  /** `http://127.0.0.1:7501`; of one that listens on all addresses, one that other machines can use. */
  readonly url: string;
  /** The address that programs of this machine use, whatever becomes of its networks. */
  readonly localUrl: string;
  /** Hands over all requests, those that waited first. */
  attach(handler: RequestHandler): void;
  /** Takes no more connections; resolves when the last one is gone, by force after a moment. Safe to call twice. */
  close(): Promise<void>;
}

/** @throws `PORT_TAKEN` when `port` was given and is in use, `SERVER_ADDRESS_UNUSABLE` */
export async function openListener({
  host,
  port,
  keepAliveMs = KEEP_ALIVE_MS,
}: ListenerOptions): Promise<Listener> {
  const server = createServer({
    keepAliveTimeout: keepAliveMs,
    headersTimeout: HEAD_MS,
    requestTimeout: REQUEST_MS,
  });
  const bound =
    port === undefined ? await listenNear(server, host) : await listen(server, host, port);
  if (!bound) throw appError('PORT_TAKEN', { port: port ?? DEFAULT_PORT, host });
  let attach: (handler: RequestHandler) => void = () => undefined;
  const attached = new Promise<RequestHandler>((resolve) => {
    attach = resolve;
  });
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    attached.then((handler) => handler(request, response)).catch(() => response.destroy());
  });
  let closing: Promise<void> | null = null;
  const { port: actual } = server.address() as AddressInfo;
  const urlOf = (name: string): string =>
    `http://${name.includes(':') ? `[${name}]` : name}:${actual}`;
  return {
    server,
    url: urlOf(reachableHost(host)),
    localUrl: urlOf(LOOPBACKS.get(host) ?? host),
    attach,
    close: () => (closing ??= closeServer(server)),
  };
}

/** The name by which others reach a server that is bound to an address: for all addresses, the first one of a network. */
export function reachableHost(
  host: string,
  interfaces: NodeJS.Dict<NetworkInterfaceInfo[]> = networkInterfaces(),
): string {
  if (!LOOPBACKS.has(host)) return host;
  const all = Object.values(interfaces).flatMap((each) => each ?? []);
  const shared = all.find(({ family, internal }) => family === 'IPv4' && !internal);
  return shared?.address ?? hostname();
}

async function listenNear(server: Server, host: string): Promise<boolean> {
  for (let port = DEFAULT_PORT; port <= DEFAULT_PORT + MORE_PORTS; port += 1) {
    if (await listen(server, host, port)) return true;
  }
  return await listen(server, host, 0);
}

/** False when the port is in use. */
async function listen(server: Server, host: string, port: number): Promise<boolean> {
  const problem = await new Promise<NodeJS.ErrnoException | null>((resolve) => {
    server.once('error', resolve);
    server.listen({ host, port, exclusive: true }, () => {
      server.off('error', resolve);
      resolve(null);
    });
  });
  if (problem === null) return true;
  if (problem.code === 'EADDRINUSE') return false;
  throw appError(
    'SERVER_ADDRESS_UNUSABLE',
    { host, port, problem: problem.message },
    { cause: problem },
  );
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  server.closeIdleConnections();
  const force = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
  await closed;
  clearTimeout(force);
}
