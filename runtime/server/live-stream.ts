/** Answers that stay open: server-sent events and logs that are followed. */
import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';

/** Bytes that may wait for one reader before more is sent; a slower one is dropped, so that it cannot fill the flow's memory. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;

/** All open streams of a server. */
export class LiveStreams {
  readonly #open = new Set<LiveStream>();
  #closed = false;

  /**
   * Starts an answer that stays open, with the headers that the reply has so far; the framework does not touch it any more.
   *
   * @param onEnd - unsubscribes; called once, whoever ends the stream
   */
  open(reply: FastifyReply, contentType: string, onEnd: () => void): LiveStream {
    reply.hijack();
    const response = reply.raw;
    reply.header('content-type', contentType).header('cache-control', 'no-store');
    for (const [name, value] of Object.entries(reply.getHeaders()))
      if (value !== undefined) response.setHeader(name, value);
    response.writeHead(200);
    response.flushHeaders();
    const stream = new LiveStream(response, () => {
      this.#open.delete(stream);
      onEnd();
    });
    this.#open.add(stream);
    if (this.#closed) stream.end();
    return stream;
  }

  /** Ends all of them, and those that are opened later. */
  close(): void {
    this.#closed = true;
    for (const stream of this.#open) stream.end();
  }
}

export class LiveStream {
  readonly #response: ServerResponse;
  readonly #onEnd: () => void;
  #ended = false;

  constructor(response: ServerResponse, onEnd: () => void) {
    this.#response = response;
    this.#onEnd = onEnd;
    response.on('close', () => this.#leave());
    response.on('error', () => this.#leave());
  }

  /** Whether the connection takes more without keeping it in memory. */
  get isReady(): boolean {
    return !this.#ended && !this.#response.writableNeedDrain;
  }

  /** Calls whenever {@link isReady} becomes true again. */
  onReady(listener: () => void): void {
    this.#response.on('drain', listener);
  }

  /** Sends what a reader that is ready is given. */
  write(chunk: Buffer | string): void {
    if (!this.#ended) this.#response.write(chunk);
  }

  /** Sends what cannot wait; a reader that does not take it is cut off. */
  send(text: string): void {
    if (this.#ended) return;
    if (this.#response.writableLength <= MAX_WAITING_BYTES) {
      this.#response.write(text);
      return;
    }
    this.cut();
  }

  /** Breaks the connection, so that the reader does not take what it got for all. */
  cut(): void {
    this.#leave();
    this.#response.destroy();
  }

  /** Ends the answer after what was sent. */
  end(): void {
    if (this.#ended) return;
    this.#leave();
    this.#response.end();
  }

  #leave(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#onEnd();
  }
}
