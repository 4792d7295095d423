/** The state as it changes: server-sent events and a WebSocket with the same content. */
import type { IncomingMessage } from 'node:http';
import { parse as parseQuery } from 'node:querystring';
import type { FastifyInstance } from 'fastify';
import { WebSocketServer, type WebSocket } from 'ws';
import { appError } from '../errors/index.ts';
import { parsePointer } from '../state/pointer.ts';
import type { Feed } from './feed.ts';
import type { Frame } from './frame.ts';
import type { LiveStreams } from './live-stream.ts';
import type { Outlet, Outlets } from './outlets.ts';
import { parseInput } from './query.ts';
import {
  streamTypes,
  type Reader,
  type ReaderOptions,
  type Sink,
  type StreamType,
} from './reader.ts';
import type { Upgrades } from './upgrades.ts';

const DEFAULT_TYPES: readonly StreamType[] = ['turn', 'stage', 'layout'];
/** How long a browser waits before it connects again, in milliseconds. */
const RETRY_MS = 1_000;
/** Bytes that may wait in one WebSocket before it counts as busy. */
const MAX_BUFFERED_BYTES = 64 * 1024;
/** Clients of the WebSocket have nothing to say. */
const MAX_MESSAGE_BYTES = 4 * 1024;
const GOING_AWAY = 1001;
const PING = Buffer.from(': ping\n\n');

export interface StreamParts {
  readonly feed: Feed;
  readonly outlets: Outlets;
  readonly streams: LiveStreams;
  readonly upgrades: Upgrades;
}

export function addStreamRoutes(
  app: FastifyInstance,
  { feed, outlets, streams, upgrades }: StreamParts,
  base: string,
): void {
  app.get(`${base}/stream`, { exposeHeadRoute: false }, async (request, reply) => {
    const options = await parseReader(request.raw);
    let reader: Reader | null = null;
    const outlet = streams.open(reply, 'text/event-stream', {
      onReady: () => reader?.pump(),
      onEnd: () => feed.leave(reader),
    });
    // The headers go out with it, so that a reader that is up to date knows that it is connected.
    outlet.send(Buffer.from(`retry: ${RETRY_MS}\n\n`));
    reader = feed.open(
      sinkOf(outlet, outlets, { bytesOf: ({ sse }) => sse, ping: () => outlet.send(PING) }),
      options,
    );
  });
  app.get(`${base}/ws`, { exposeHeadRoute: false }, () => {
    throw appError('SERVER_UPGRADE_REQUIRED', { path: `${base}/ws` });
  });
  const server = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES });
  upgrades.add(
    (path) => path === `${base}/ws`,
    async (request, socket, head) => {
      const options = await parseReader(request);
      server.handleUpgrade(request, socket, head, (peer) =>
        openSocket({ feed, outlets }, peer, options),
      );
    },
  );
}

function openSocket(
  { feed, outlets }: Pick<StreamParts, 'feed' | 'outlets'>,
  peer: WebSocket,
  options: ReaderOptions,
): void {
  peer.on('error', () => peer.terminate());
  let reader: Reader | null = null;
  const outlet: Outlet = outlets.open(
    {
      get isReady() {
        return peer.readyState === peer.OPEN && peer.bufferedAmount < MAX_BUFFERED_BYTES;
      },
      write: (piece, isLast) =>
        peer.send(piece, { binary: false, fin: isLast }, () => outlet.flow()),
      end: () => peer.close(GOING_AWAY),
      cut: () => peer.terminate(),
    },
    {
      onReady: () => reader?.pump(),
      onEnd: () => feed.leave(reader),
    },
  );
  peer.on('close', () => outlet.leave());
  reader = feed.open(
    sinkOf(outlet, outlets, { bytesOf: ({ message }) => message, ping: () => peer.ping() }),
    options,
  );
}

function sinkOf(
  outlet: Outlet,
  outlets: Outlets,
  { bytesOf, ping }: { readonly bytesOf: (frame: Frame) => Buffer; readonly ping: () => void },
): Sink {
  return {
    get isReady() {
      return outlet.isReady;
    },
    get hasRoom() {
      return !outlets.isFull;
    },
    hasRoomFor: (frame) => outlets.hasRoomFor(bytesOf(frame)),
    send: (frame) => outlet.send(bytesOf(frame)),
    ping,
    end: () => outlet.end(),
  };
}

/** @throws `SERVER_REQUEST_MALFORMED`, `STATE_POINTER_INVALID`, `STATE_KEY_FORBIDDEN` */
async function parseReader({ url = '', headers }: IncomingMessage): Promise<ReaderOptions> {
  const given = parseQuery(url.split('?')[1] ?? '');
  const query = await parseInput((shapes) => shapes.streamQuerySchema, given);
  const { pointer = '', types, lastEventId = null } = query;
  parsePointer(pointer);
  const header = headers['last-event-id'];
  return {
    types: parseTypes(types),
    pointer,
    lastId: (typeof header === 'string' ? header : null) ?? lastEventId,
  };
}

function parseTypes(text: string | undefined): ReadonlySet<StreamType> {
  if (text === undefined) return new Set(DEFAULT_TYPES);
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
