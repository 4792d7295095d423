/** A WebSocket as text messages, in browsers and in Node; Node 20 has none of its own and gets that of `ws`. */
import type { LinesOptions } from './stream-lines.ts';
import type { Requests } from './requests.ts';

/** Close codes with which a server ends in order. */
const NORMAL = 1000;
const GOING_AWAY = 1001;

/** What is common to the browser's class and that of `ws`. */
interface Socket {
  addEventListener(type: 'open', listener: () => void): void;
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void;
  addEventListener(type: 'error', listener: (event: { message?: string }) => void): void;
  addEventListener(
    type: 'close',
    listener: (event: { code: number; reason: string }) => void,
  ): void;
  close(): void;
}

/**
 * Yields each message; ends when the app closes the socket in order, or `signal` is aborted.
 *
 * @throws `SERVER_UNREACHABLE` when it cannot be opened or breaks
 */
export async function* liveSocket(
  requests: Requests,
  path: string,
  { signal, onBytes }: LinesOptions,
): AsyncGenerator<string> {
  const socket = await openSocket(requests, path);
  const waiting: string[] = [];
  const end: { at: 'open' | 'closed'; error: Error | null } = { at: 'open', error: null };
  let wake: () => void = () => undefined;
  const finish = (error: Error | null): void => {
    if (end.at === 'open') Object.assign(end, { at: 'closed', error });
    wake();
  };
  const abort = (): void => finish(null);
  socket.addEventListener('open', () => onBytes?.());
  socket.addEventListener('message', ({ data }) => {
    onBytes?.();
    if (typeof data === 'string') waiting.push(data);
    wake();
  });
  socket.addEventListener('error', ({ message }) =>
    finish(requests.unreachable(message ?? 'the socket failed')),
  );
  socket.addEventListener('close', ({ code, reason }) => {
    const inOrder = code === NORMAL || code === GOING_AWAY;
    finish(inOrder ? null : requests.unreachable(reason || `the socket closed with ${code}`));
  });
  for (const each of [signal, requests.ended]) {
    if (each?.aborted) abort();
    each?.addEventListener('abort', abort);
  }
  try {
    for (;;) {
      for (const text of waiting.splice(0)) yield text;
      if (waiting.length > 0) continue;
      if (end.error !== null) throw end.error;
      if (end.at === 'closed') return;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    for (const each of [signal, requests.ended]) each?.removeEventListener('abort', abort);
    socket.close();
  }
}

async function openSocket(requests: Requests, path: string): Promise<Socket> {
  const url = (requests.base + path).replace(/^http/, 'ws');
  const Native = isPage() ? pageSocket() : null;
  if (Native !== null) return new Native(url);
  const { WebSocket: NodeSocket } = await import('ws');
  const { headers } = requests;
  return new NodeSocket(url, { headers, perMessageDeflate: false });
}

/** Whether this runs in a browser's page. */
export function isPage(): boolean {
  return 'document' in globalThis && pageSocket() !== null;
}

function pageSocket(): (new (url: string) => Socket) | null {
  const found: unknown = Reflect.get(globalThis, 'WebSocket');
  return typeof found === 'function' ? (found as new (url: string) => Socket) : null;
}
