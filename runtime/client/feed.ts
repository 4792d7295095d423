/**
 * Keeps a replica up to date: one stream, opened again whenever it ends.
 *
 * F1 It resumes after the last message that the replica took, so nothing is lost and nothing taken twice; when the app cannot
 *    resume there, or the replica is out of step, a whole document comes instead.
 * F2 Attempts are further and further apart, each by a random part of its delay, so that the clients of an app that comes back
 *    do not all call at once. An app that refuses this client (a wrong token) is not asked again.
 * F3 A connection that says nothing for {@link SILENCE_MS} is tested with a request; one that fails the test is given up.
 */
import { appError, background } from '../errors/index.ts';
import type { ConnectionStatus } from './connection.ts';
import { isRefusal, liveEvents, type LiveMessage, type Transport } from './live-events.ts';
import { isPage } from './live-socket.ts';
import { parseSnapshot, parseTurn } from './parse-turn.ts';
import { callSafely, type Replica } from './replica.ts';
import type { Requests } from './requests.ts';
import { within } from './within.ts';

/** More than the time between two pings of the server. */
const SILENCE_MS = 40_000;
/** How long the test of a silent connection may take. */
const PROBE_MS = 10_000;

export interface FeedOptions {
  /** Changes from a WebSocket to server-sent events where it does not come through. */
  readonly transport: Transport | 'auto';
  /** Delay before the first new attempt, in milliseconds; doubles with each. */
  readonly minDelayMs: number;
  /** Largest delay, in milliseconds. */
  readonly maxDelayMs: number;
  /** Hears of every message, after the replica has taken it. */
  readonly onMessage: (message: LiveMessage) => void;
  /** Hears what went wrong with the copy of the state. */
  readonly onError: (error: Error) => void;
}

export class Feed {
  readonly #requests: Requests;
  readonly #replica: Replica;
  readonly #status: ConnectionStatus;
  readonly #options: FeedOptions;
  /** The WebSocket could not be opened: the next attempt is made without. */
  #withoutSocket = false;
  #isRunning = false;
  #opened = 0;
  #loadedBy = 0;
  #lastId: string | null = null;
  #failures = 0;
  #skipDelay: () => void = () => undefined;

  constructor(
    requests: Requests,
    replica: Replica,
    { status, ...options }: FeedOptions & { readonly status: ConnectionStatus },
  ) {
    this.#requests = requests;
    this.#replica = replica;
    this.#status = status;
    this.#options = options;
  }

  /** Whether it is, or will be, connected. */
  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** How many connections were begun. */
  get opened(): number {
    return this.#opened;
  }

  /** Which of them, counted from 1, brought the latest whole document; 0 before the first. */
  get loadedBy(): number {
    return this.#loadedBy;
  }

  /** Connects, and goes on until the client is closed or refused. Safe to call again, also after a refusal. */
  start(): void {
    if (this.#isRunning || this.#requests.isClosed) return;
    this.#isRunning = true;
    this.#status.set('connecting');
    background(this.#run(), 'following the state of an app');
  }

  async #run(): Promise<void> {
    const retryNow = (): void => this.#skipDelay();
    const stopHearing = onceOnline(retryNow);
    try {
      while (!this.#requests.isClosed) {
        const error = await this.#once();
        if (this.#requests.isClosed) break;
        if (error !== null && isRefusal(error)) {
          this.#isRunning = false;
          this.#status.set('offline', error);
          return;
        }
        const delayMs = this.#delayMs();
        this.#status.set('offline', error ?? this.#ended(), Date.now() + delayMs);
        this.#failures += 1;
        await this.#wait(delayMs);
      }
    } finally {
      stopHearing();
      if (this.#requests.isClosed) this.#isRunning = false;
    }
  }

  /** One connection, to its end; what ended it, `null` when the app did in order. */
  async #once(): Promise<Error | null> {
    const ended = new AbortController();
    const watch = new SilenceWatch(this.#requests, () => ended.abort());
    const transport = this.#nextTransport();
    this.#opened += 1;
    let opened = false;
    try {
      const stream = liveEvents(this.#requests, {
        transport,
        lastEventId: this.#lastId,
        signal: ended.signal,
        onBytes: () => {
          opened = true;
          watch.heard();
          this.#connected();
        },
      });
      watch.heard();
      for await (const message of stream) {
        if (!this.#take(message)) break;
      }
      return watch.error;
    } catch (error) {
      this.#withoutSocket = transport === 'websocket' && !opened;
      return error instanceof Error ? error : this.#requests.unreachable(error);
    } finally {
      watch.end();
    }
  }

  /** False when the stream must be opened anew. */
  #take(message: LiveMessage): boolean {
    const { event, id, data } = message;
    if (event === 'snapshot') {
      const snapshot = parseSnapshot(data);
      if (snapshot === null) throw this.#requests.invalid('a snapshot has no state');
      this.#loadedBy = this.#opened;
      this.#replica.load(snapshot.version, snapshot.state);
    } else if (event === 'turn') {
      const turn = parseTurn(data);
      if (turn === null) throw this.#requests.invalid('a turn has no operations');
      const outcome = this.#replica.apply(turn);
      if (typeof outcome === 'object') {
        this.#lastId = null;
        callSafely(() => this.#options.onError(appError('CLIENT_OUT_OF_STEP', outcome)));
        return false;
      }
    }
    if (id !== null) this.#lastId = id;
    this.#connected();
    this.#options.onMessage(message);
    return true;
  }

  /** A reader that is up to date hears nothing but that it is connected. */
  #connected(): void {
    if (this.#replica.document === null) return;
    this.#failures = 0;
    this.#status.set('live');
  }

  /** With `auto` a failed WebSocket is followed by one attempt without, which also tells why it failed. */
  #nextTransport(): Transport {
    const { transport } = this.#options;
    if (transport !== 'auto') return transport;
    const withoutSocket = this.#withoutSocket;
    this.#withoutSocket = false;
    return withoutSocket ? 'sse' : defaultTransport(this.#requests);
  }

  #ended(): Error {
    return this.#requests.unreachable('it ended the stream');
  }

  #delayMs(): number {
    const { minDelayMs, maxDelayMs } = this.#options;
    const most = Math.min(maxDelayMs, minDelayMs * 2 ** Math.min(this.#failures, 30));
    return Math.round(most * (0.5 + Math.random() / 2));
  }

  /** Waits; less when the client is closed or the machine is on line again. */
  async #wait(ms: number): Promise<void> {
    const { ended } = this.#requests;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(done, ms);
      function done(): void {
        clearTimeout(timer);
        ended.removeEventListener('abort', done);
        resolve();
      }
      ended.addEventListener('abort', done);
      this.#skipDelay = done;
    });
    this.#skipDelay = () => undefined;
  }
}

/** Hears when a page's machine is on line again. */
function onceOnline(listener: () => void): () => void {
  const page: unknown = globalThis;
  if (!(page instanceof EventTarget)) return () => undefined;
  page.addEventListener('online', listener);
  return () => page.removeEventListener('online', listener);
}

/** A page cannot send a token with a WebSocket, except in its cookie. */
function defaultTransport({ token }: Requests): Transport {
  return isPage() && token === undefined ? 'websocket' : 'sse';
}

/** Ends a connection that has died without anyone being told. */
class SilenceWatch {
  readonly #requests: Requests;
  readonly #giveUp: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #heardAt = 0;
  #ended = false;
  error: Error | null = null;

  constructor(requests: Requests, giveUp: () => void) {
    this.#requests = requests;
    this.#giveUp = giveUp;
  }

  heard(): void {
    this.#heardAt = Date.now();
    if (this.#timer === undefined) this.#arm(SILENCE_MS);
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }

  #arm(ms: number): void {
    if (this.#ended) return;
    this.#timer = setTimeout(() => {
      const leftMs = this.#heardAt + SILENCE_MS - Date.now();
      if (leftMs > 0) this.#arm(leftMs);
      else background(this.#probe(), 'testing a silent connection');
    }, ms);
  }

  async #probe(): Promise<void> {
    try {
      const { ended } = this.#requests;
      await within(PROBE_MS, ended, async (signal) => {
        const response = await this.#requests.send('GET', '/healthz', { signal });
        await response.body?.cancel();
      });
      this.#heardAt = Date.now();
      this.#arm(SILENCE_MS);
    } catch (error) {
      this.error = this.#requests.unreachable(error);
      if (!this.#ended) this.#giveUp();
    }
  }
}
