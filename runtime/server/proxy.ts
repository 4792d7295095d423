/**
 * Passes a request on to an upstream and its answer back, both as streams.
 *
 * Y1 When one side goes away, the other one is ended; an answer that breaks off is broken off for the client too.
 * Y2 Every failure before the answer began is told as one of the errors of an upstream.
 */
import {
  request as httpRequest,
  type ClientRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type ServerResponse,
} from 'node:http';
import type { Duplex } from 'node:stream';
import { appError, type AppError } from '../errors/index.ts';
import {
  toClientHeaders,
  toUpstreamHeaders,
  toUpstreamPath,
  type Credentials,
  type ProxyPlace,
} from './proxy-headers.ts';

/** Waits for an upstream, in milliseconds; shrunk in tests. */
export interface ProxyTimings {
  /** How long a connection may take. */
  readonly connectMs: number;
  /** How long it may take until it begins to answer, from the last byte that it was sent; long polls and model calls do take minutes. */
  readonly answerMs: number;
}

export const defaultProxyTimings: ProxyTimings = { connectMs: 5_000, answerMs: 300_000 };

const BAD_GATEWAY = 502;

/** A request that is passed on. */
export interface Passing {
  readonly place: ProxyPlace;
  /** Path and query below the prefix. */
  readonly rest: string;
  /** For people. */
  readonly title: string;
  readonly credentials: Credentials;
  readonly timings: ProxyTimings;
}

/** Resolves when the answer is complete or broken off; rejects when none began. */
export function passRequest(
  request: IncomingMessage,
  response: ServerResponse,
  passing: Passing,
): Promise<void> {
  // The browser may have gone while it was found out where this goes.
  if (response.destroyed) return Promise.resolve();
  const { place, credentials } = passing;
  const headers = toUpstreamHeaders(seen(request), place, credentials);
  const isChunked = request.headers['transfer-encoding'] !== undefined;
  if (isChunked) headers['transfer-encoding'] = 'chunked';
  return new Promise((resolve, reject) => {
    const upstream = ask(request, headers, passing, reject);
    upstream.once('response', (answer) => passAnswer(answer, response, passing));
    response.once('close', () => {
      upstream.destroy();
      resolve();
    });
    if (isChunked || request.headers['content-length'] !== undefined) request.pipe(upstream);
    else upstream.end();
  });
}

/**
 * Passes on a request that asks for a WebSocket; resolves when it is over.
 *
 * @param response - of the same socket, for an upstream that answers something else
 */
export function passUpgrade(
  request: IncomingMessage,
  response: ServerResponse,
  { socket, head }: { readonly socket: Duplex; readonly head: Buffer },
  passing: Passing,
): Promise<void> {
  if (socket.destroyed) return Promise.resolve();
  const { place, credentials } = passing;
  const headers = toUpstreamHeaders(seen(request), place, credentials);
  // Such a request has no body that could be passed on.
  delete headers['content-length'];
  headers['connection'] = 'Upgrade';
  headers['upgrade'] = request.headers.upgrade;
  return new Promise((resolve, reject) => {
    const upstream = ask(request, headers, passing, reject);
    // It stays HTTP: the answer must be taken apart, or a later request on this connection would go to the upstream.
    upstream.once('response', (answer) => passAnswer(answer, response, passing));
    upstream.once('upgrade', (answer, other, rest) => {
      const agreed = toClientHeaders(answer.headers, place, credentials);
      agreed['connection'] = 'Upgrade';
      agreed['upgrade'] = answer.headers.upgrade;
      response.detachSocket(request.socket);
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${toLines(agreed)}\r\n`);
      if (rest.length > 0) socket.write(rest);
      if (head.length > 0) other.write(head);
      join(socket, other);
    });
    socket.once('close', () => {
      upstream.destroy();
      resolve();
    });
    upstream.end();
  });
}

/** A request to the upstream that is given up after a while, and whose failure is told once; not yet ended. */
function ask(
  request: IncomingMessage,
  headers: OutgoingHttpHeaders,
  { place, rest, title, timings }: Passing,
  fail: (error: AppError) => void,
): ClientRequest {
  const upstream = httpRequest({
    host: place.address.host,
    port: place.address.port,
    method: request.method ?? 'GET',
    path: toUpstreamPath(rest, place),
    headers,
    agent: false,
  });
  const giveUp = (ms: number): NodeJS.Timeout =>
    setTimeout(() => {
      fail(appError('UPSTREAM_TIMEOUT', { what: title, ms }));
      upstream.destroy();
    }, ms);
  let timer = giveUp(timings.connectMs);
  const sent = (): void => void timer.refresh();
  upstream.once('socket', (socket) =>
    socket.once('connect', () => {
      clearTimeout(timer);
      timer = giveUp(timings.answerMs);
      request.on('data', sent);
    }),
  );
  for (const event of ['response', 'upgrade', 'close'] as const)
    upstream.once(event, () => {
      clearTimeout(timer);
      request.off('data', sent);
    });
  upstream.on('error', (cause) =>
    fail(appError('UPSTREAM_FAILED', { what: title, problem: cause.message }, { cause })),
  );
  return upstream;
}

function passAnswer(
  answer: IncomingMessage,
  response: ServerResponse,
  { place, credentials }: Passing,
): void {
  response.writeHead(
    answer.statusCode ?? BAD_GATEWAY,
    answer.statusMessage ?? '',
    toClientHeaders(answer.headers, place, credentials),
  );
  // The first bytes of an answer may come much later.
  response.flushHeaders();
  answer.on('error', () => response.destroy());
  answer.pipe(response);
}

/** Bytes flow both ways until one side ends. */
function join(socket: Duplex, upstream: Duplex): void {
  socket.pipe(upstream);
  upstream.pipe(socket);
  socket.on('error', () => upstream.destroy());
  upstream.on('error', () => socket.destroy());
  upstream.once('close', () => socket.destroy());
  socket.once('close', () => upstream.destroy());
}

function toLines(headers: OutgoingHttpHeaders): string {
  return Object.entries(headers)
    .flatMap(([name, value]) =>
      value === undefined ? [] : [value].flat().map((each) => `${name}: ${each}\r\n`),
    )
    .join('');
}

function seen({ headers, socket }: IncomingMessage) {
  return { headers, remoteAddress: socket.remoteAddress ?? '', isEncrypted: 'encrypted' in socket };
}
