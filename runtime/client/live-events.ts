/**
 * What an app tells as it happens, as server-sent events or over a WebSocket: the same messages either way.
 *
 * Server-sent events need nothing but `fetch`, carry the token in a header, and pass every proxy. A browser allows six of them
 * per app over HTTP/1.1, for all its pages together; a WebSocket does not count, so pages use that.
 */
import { isAppError } from '../errors/index.ts';
import { liveSocket } from './live-socket.ts';
import type { Requests } from './requests.ts';
import { linesOf } from './stream-lines.ts';

export type Transport = 'sse' | 'websocket';

/** One message of the stream. */
export interface LiveMessage {
  readonly event: string;
  /** Resumes after this message; opaque. `null` for what cannot be resumed from. */
  readonly id: string | null;
  readonly data: unknown;
}

export interface LiveRequest {
  readonly transport: Transport;
  readonly types?: readonly string[];
  readonly pointer?: string;
  /** Id of the last message that was taken. */
  readonly lastEventId?: string | null;
  readonly signal?: AbortSignal;
  /** Hears of every sign of life. */
  readonly onBytes?: () => void;
}

/**
 * Yields messages until the app ends the stream.
 *
 * @throws `SERVER_UNREACHABLE` when the connection breaks, and what the app refuses the request with
 */
export async function* liveEvents(
  requests: Requests,
  request: LiveRequest,
): AsyncGenerator<LiveMessage> {
  const { types, pointer, lastEventId, signal, onBytes } = request;
  const query = new URLSearchParams({
    ...(types === undefined ? {} : { types: types.join(',') }),
    ...(pointer === undefined || pointer === '' ? {} : { pointer }),
    ...(typeof lastEventId === 'string' ? { lastEventId } : {}),
  }).toString();
  const options = {
    ...(signal === undefined ? {} : { signal }),
    ...(onBytes === undefined ? {} : { onBytes }),
  };
  const suffix = query === '' ? '' : `?${query}`;
  if (request.transport === 'websocket') {
    for await (const text of liveSocket(requests, `/ws${suffix}`, options)) {
      const message = parseMessage(requests, text);
      if (message !== null) yield message;
    }
    return;
  }
  yield* serverSentEvents(requests, linesOf(requests, `/stream${suffix}`, options));
}

/** Reads lines as the HTML standard says; an event that is cut off is none. */
export async function* serverSentEvents(
  requests: Requests,
  lines: AsyncIterable<string>,
): AsyncGenerator<LiveMessage> {
  let event = '';
  let id: string | null = null;
  let data: string[] = [];
  for await (const raw of lines) {
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
    if (line === '') {
      if (data.length > 0)
        yield {
          event: event === '' ? 'message' : event,
          id,
          data: parse(requests, data.join('\n')),
        };
      event = '';
      id = null;
      data = [];
      continue;
    }
    const colon = line.indexOf(':');
    if (colon === 0) continue;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    if (field === 'event') event = value;
    else if (field === 'data') data.push(value);
    else if (field === 'id') id = value;
  }
}

function parse(requests: Requests, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw requests.invalid('an event is not JSON', cause);
  }
}

/** One text of a WebSocket: `{ event, id?, data }`. */
function parseMessage(requests: Requests, text: string): LiveMessage | null {
  const value = parse(requests, text);
  if (typeof value !== 'object' || value === null || !('event' in value)) return null;
  const { event } = value;
  const id = 'id' in value ? value.id : null;
  if (typeof event !== 'string') return null;
  return {
    event,
    id: typeof id === 'string' || typeof id === 'number' ? String(id) : null,
    data: 'data' in value ? value.data : undefined,
  };
}

/** Whether trying again cannot help: the app answered, and refused for good. */
export function isRefusal(error: unknown): boolean {
  return (
    isAppError(error) && error.kind === 'user' && !error.retryable && error.code !== 'CLIENT_CLOSED'
  );
}
