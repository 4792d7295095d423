/** The state as it changes: server-sent events and a WebSocket with the same content. */
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { WebSocketServer, type WebSocket } from 'ws';
import { appError } from '../errors/index.ts';
import { parsePointer } from '../state/pointer.ts';
import { streamTypes, type Feed, type ReaderOptions, type Sink, type StreamType } from './feed.ts';
import type { LiveStream, LiveStreams } from './live-stream.ts';
import type { Upgrades } from './upgrades.ts';

const DEFAULT_TYPES: readonly StreamType[] = ['turn', 'stage', 'layout'];
/** How long a browser waits before it connects again, in milliseconds. */
const RETRY_MS = 1_000;
/** Bytes that may wait in one WebSocket before it counts as busy. */
const MAX_BUFFERED_BYTES = 64 * 1024;
/** Clients of the WebSocket have nothing to say. */
const MAX_MESSAGE_BYTES = 4 * 1024;
const GOING_AWAY = 1001;

export interface StreamParts {
  readonly feed: Feed;
  readonly streams: LiveStreams;
  readonly upgrades: Upgrades;
}

export function addStreamRoutes(
  app: FastifyInstance,
  { feed, streams, upgrades }: StreamParts,
  base: string,
): void {
  app.get(`${base}/stream`, { exposeHeadRoute: false }, (request, reply) => {
    const options = parseReader(request.raw);
    const stream = streams.open(reply, 'text/event-stream', () => {
      if (reader !== null) feed.leave(reader);
    });
    let reader: ReturnType<Feed['open']> | null = null;
    // The headers go out with it, so that a reader that is up to date knows that it is connected.
    stream.write(`retry: ${RETRY_MS}\n\n`);
    reader = feed.open(sinkOf(stream), options);
    stream.onReady(() => reader?.pump());
  });
  app.get(`${base}/ws`, { exposeHeadRoute: false }, () => {
    throw appError('SERVER_UPGRADE_REQUIRED', { path: `${base}/ws` });
  });
  const server = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES });
  upgrades.add(
    (path) => path === `${base}/ws`,
    (request, socket, head) => {
      const options = parseReader(request);
      server.handleUpgrade(request, socket, head, (peer) => openSocket(feed, peer, options));
    },
  );
}

function openSocket(feed: Feed, peer: WebSocket, options: ReaderOptions): void {
  peer.on('error', () => peer.terminate());
  const pump = (): void => reader.pump();
  const reader = feed.open(
    {
      get isReady() {
        return peer.readyState === peer.OPEN && peer.bufferedAmount < MAX_BUFFERED_BYTES;
      },
      send: (frame) => peer.send(frame.message, { binary: false }, pump),
      ping: () => peer.ping(),
      end: () => peer.close(GOING_AWAY),
    },
    options,
  );
  peer.on('close', () => feed.leave(reader));
}

function sinkOf(stream: LiveStream): Sink {
  return {
    get isReady() {
      return stream.isReady;
    },
    send: (frame) => stream.write(frame.sse),
    ping: () => stream.write(': ping\n\n'),
    end: () => stream.end(),
  };
}

/** @throws `SERVER_REQUEST_MALFORMED`, `STATE_POINTER_INVALID`, `STATE_KEY_FORBIDDEN` */
function parseReader({ url = '', headers }: IncomingMessage): ReaderOptions {
  const query = new URLSearchParams(url.split('?')[1] ?? '');
  const pointer = query.get('pointer') ?? '';
  parsePointer(pointer);
  const header = headers['last-event-id'];
  return {
    types: parseTypes(query.get('types')),
    pointer,
    lastId: (typeof header === 'string' ? header : null) ?? query.get('lastEventId'),
  };
}

function parseTypes(text: string | null): ReadonlySet<StreamType> {
  if (text === null) return new Set(DEFAULT_TYPES);
  const types = new Set<StreamType>();
  for (const each of text.split(',')) {
    // It comes with the turns.
    if (each === 'snapshot') continue;
    const type = streamTypes.find((known) => known === each);
    if (type === undefined) {
      throw appError('SERVER_REQUEST_MALFORMED', {
        problem: `"${each}" is none of the types ${streamTypes.join(', ')}`,
      });
    }
    types.add(type);
  }
  return types;
}
