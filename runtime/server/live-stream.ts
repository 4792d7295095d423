/** Answers that stay open: server-sent events and logs that are followed. */
import type { ServerResponse } from 'node:http';

/** Bytes that may wait for one reader before more is sent; a slower one is dropped, so that it cannot fill the flow's memory. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;

/** All open streams of a server. */
export class LiveStreams {
  readonly #open = new Set<LiveStream>();
  #closed = false;

  /**
   * Starts an answer that stays open.
   *
   * @param onEnd - unsubscribes; called once, whoever ends the stream
   */
  open(response: ServerResponse, contentType: string, onEnd: () => void): LiveStream {
    response.writeHead(200, {
      'content-type': contentType,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
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

  send(text: string): void {
    if (this.#ended) return;
    if (this.#response.writableLength <= MAX_WAITING_BYTES) {
      this.#response.write(text);
      return;
    }
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
