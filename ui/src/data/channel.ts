/**
 * One connection to the app's stream: a WebSocket, or server-sent events where a proxy lets no WebSocket through.
 *
 * A browser allows six connections over HTTP/1.1 per app, for all its pages together; a WebSocket is not one of them.
 */
import { urlOf } from './server.ts';

export interface Message {
  readonly event: string;
  /** The stream is resumed after it; `null` for what cannot be resumed from. */
  readonly id: string | null;
  readonly data: unknown;
}

export interface ChannelHooks {
  message(message: Message): void;
  /** Called once; nothing is told after it. */
  ended(): void;
}

export interface Channel {
  /** Ends it without a word. */
  close(): void;
}

export type Transport = 'websocket' | 'sse';

const TYPES = ['turn', 'stage', 'layout'];

export function openChannel(
  transport: Transport,
  lastId: string | null,
  hooks: ChannelHooks,
): Channel {
  const url = urlOf(transport === 'websocket' ? 'ws' : 'stream');
  url.searchParams.set('types', TYPES.join(','));
  if (lastId !== null) url.searchParams.set('lastEventId', lastId);
  return transport === 'websocket' ? openSocket(url, hooks) : openEvents(url, hooks);
}

function openSocket(url: URL, hooks: ChannelHooks): Channel {
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  const socket = new WebSocket(url);
  const listeners = new AbortController();
  const { signal } = listeners;
  const end = (): void => {
    listeners.abort();
    hooks.ended();
  };
  socket.addEventListener(
    'message',
    ({ data }) => {
      const {
        event,
        id,
        data: content,
      } = JSON.parse(String(data)) as {
        event: string;
        id?: string | number;
        data: unknown;
      };
      hooks.message({ event, id: id === undefined ? null : String(id), data: content });
    },
    { signal },
  );
  socket.addEventListener('close', end, { signal });
  socket.addEventListener('error', end, { signal });
  return {
    close: () => {
      listeners.abort();
      socket.close();
    },
  };
}

function openEvents(url: URL, hooks: ChannelHooks): Channel {
  const source = new EventSource(url);
  for (const event of ['snapshot', ...TYPES])
    source.addEventListener(event, ({ data, lastEventId }: MessageEvent<string>) =>
      hooks.message({ event, id: lastEventId === '' ? null : lastEventId, data: JSON.parse(data) }),
    );
  source.addEventListener('error', () => {
    // It would connect again by itself, without telling when.
    source.close();
    hooks.ended();
  });
  return { close: () => source.close() };
}
