import type { IncomingMessage } from 'node:http';
import type { ClientName } from '../loop/control.ts';

/** Header by which a client says who it is, for the history. */
export const CLIENT_HEADER = 'stormkite-client';
const MAX_CHARS = 100;

/** Who sent a request: the name that it gives itself, else its address. A name is a hint for people, never proof. */
export function clientOf({ headers, socket }: IncomingMessage): ClientName {
  const name = headers[CLIENT_HEADER];
  const text = typeof name === 'string' ? printable(name) : '';
  return { client: text === '' ? (socket.remoteAddress ?? 'unknown') : text };
}

function printable(text: string): string {
  return text
    .replaceAll(/[^\x20-\x7e]/g, '')
    .trim()
    .slice(0, MAX_CHARS);
}
