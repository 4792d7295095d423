/** Answers that stay open: server-sent events and logs. */
import type { FastifyReply } from 'fastify';
import type { Outlet, OutletHearers, Outlets } from './outlets.ts';

/** All open streams of a server. */
export class LiveStreams {
  readonly #outlets: Outlets;
  readonly #open = new Set<Outlet>();
  #closed = false;

  constructor(outlets: Outlets) {
    this.#outlets = outlets;
  }

  /**
   * Starts an answer that stays open, with the headers that the reply has so far; the framework does not touch it any more.
   */
  open(reply: FastifyReply, contentType: string, hearers: OutletHearers): Outlet {
    reply.hijack();
    const response = reply.raw;
    reply.header('content-type', contentType).header('cache-control', 'no-store');
    for (const [name, value] of Object.entries(reply.getHeaders()))
      if (value !== undefined) response.setHeader(name, value);
    response.writeHead(200);
    response.flushHeaders();
    const outlet: Outlet = this.#outlets.open(
      {
        get isReady() {
          return !response.destroyed && !response.writableNeedDrain;
        },
        write: (piece) => response.write(piece),
        end: () => response.end(),
        cut: () => response.destroy(),
      },
      hearers,
    );
    this.#open.add(outlet);
    response.on('drain', () => outlet.flow());
    const leave = (): void => {
      this.#open.delete(outlet);
      outlet.leave();
    };
    response.on('close', leave);
    response.on('error', leave);
    if (this.#closed) outlet.end();
    return outlet;
  }

  /** Ends all of them, and those that are opened later. */
  close(): void {
    this.#closed = true;
    for (const outlet of this.#open) outlet.end();
  }
}
