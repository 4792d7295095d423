import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Below the ports that systems give to outgoing connections (from 32768 on Linux, from 49152 elsewhere: RFC 6335 §6): one of those
 * may be taken at any moment before the server that is to have it listens.
 */
const LOWEST = 20_000;
const HIGHEST = 32_767;
const TRIES = 100;
/** How long a port that was given away is not given again: its server may take that long to listen. */
const KEPT_MS = 60_000;

const givenAt = new Map<number, number>();

/** A TCP port of the loopback that nobody listens on now, and that was not given away a moment ago. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const port = randomInt(LOWEST, HIGHEST + 1);
    const now = performance.now();
    if (now - (givenAt.get(port) ?? Number.NEGATIVE_INFINITY) < KEPT_MS) continue;
    givenAt.set(port, now);
    if (await isFree(port)) return port;
  }
  throw new Error(`none of ${TRIES} ports between ${LOWEST} and ${HIGHEST} is free`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => {
      server.close(() => resolve(true));
    });
  });
}
