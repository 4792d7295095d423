/** A client's copy of the state with what keeps it up to date and what is written to it. */
import { appError, background } from '../errors/index.ts';
import type { StreamEvent } from '../protocol/events.ts';
import type { JsonObject } from '../state/json.ts';
import type { Operation } from '../state/operation.ts';
import { ConnectionStatus } from './connection.ts';
import { Feed, type FeedOptions } from './feed.ts';
import type { LiveMessage } from './live-events.ts';
import { isJsonObject } from './parse-turn.ts';
import { callSafely, Replica } from './replica.ts';
import type { Requests } from './requests.ts';
import { isSameValue, type Select } from './selection.ts';
import { Writes } from './writes.ts';

export interface FollowOptions extends Pick<
  FeedOptions,
  'transport' | 'minDelayMs' | 'maxDelayMs'
> {
  readonly onError: ((error: Error) => void) | undefined;
  /** Sends a patch; resolves with its version when it is committed. */
  readonly send: (ops: readonly Operation[]) => Promise<number>;
}

export class FollowedState {
  readonly connection = new ConnectionStatus();
  readonly writes: Writes;
  readonly #requests: Requests;
  readonly #replica = new Replica();
  readonly #feed: Feed;
  readonly #hearers = new Set<(event: StreamEvent) => void>();

  constructor(requests: Requests, { onError, send, ...options }: FollowOptions) {
    this.#requests = requests;
    this.writes = new Writes(this.#replica, {
      send,
      reached: (version) => this.reached(version),
      onError,
    });
    this.#feed = new Feed(requests, this.#replica, {
      ...options,
      status: this.connection,
      onMessage: (message) => this.#tell(message),
      onError: onError ?? (() => undefined),
    });
    const close = (): void => this.connection.set('closed');
    if (requests.isClosed) close();
    requests.ended.addEventListener('abort', close, { once: true });
  }

  get isReady(): boolean {
    return this.#replica.document !== null;
  }

  /** The committed document. @throws `CLIENT_NOT_READY` */
  get document(): JsonObject {
    const { document } = this.#replica;
    if (document === null) throw appError('CLIENT_NOT_READY', { what: 'the state' });
    return document;
  }

  async ready(signal?: AbortSignal): Promise<void> {
    this.#feed.start();
    await this.#until(() => {
      if (this.isReady) return true;
      if (this.#requests.isClosed) throw appError('CLIENT_CLOSED', { url: this.#requests.url });
      const { status, error, retryAt } = this.connection.current;
      if (status !== 'offline' || error === null) return false;
      if (signal?.aborted || retryAt === null) throw error;
      return false;
    }, signal);
  }

  /**
   * Resolves when the copy has reached a version that the app has answered with, or never will.
   *
   * A connection that is opened after the answer brings no whole document from before it, unless the app began anew and the
   * version is gone with its run. One that was open already may: the document was under way.
   */
  async reached(version: number): Promise<void> {
    const { opened } = this.#feed;
    await this.#until(
      () =>
        this.#replica.version >= version ||
        this.#feed.loadedBy > opened ||
        !this.#feed.isRunning ||
        this.#requests.isClosed,
    );
  }

  subscribe<T>(
    select: Select<T>,
    listener: (value: T, previous: T | undefined) => void,
  ): () => void {
    let current: { readonly value: T } | null = null;
    const { document } = this.#replica;
    if (document !== null) current = { value: select(document) };
    const unlisten = this.#replica.listen(() => {
      const value = select(this.document);
      const previous = current?.value;
      if (current !== null && isSameValue(previous, value)) return;
      const isFirst = current === null;
      current = { value };
      if (!isFirst || value !== undefined) listener(value, previous);
    });
    this.#feed.start();
    return unlisten;
  }

  /** Hears every new document. */
  listenToDocuments(listener: () => void): () => void {
    this.#feed.start();
    return this.#replica.listen(listener);
  }

  listen(listener: (event: StreamEvent) => void): () => void {
    const own = (event: StreamEvent): void => listener(event);
    this.#hearers.add(own);
    this.#feed.start();
    return () => void this.#hearers.delete(own);
  }

  #tell({ event, data }: LiveMessage): void {
    if (this.#hearers.size === 0 || !isJsonObject(data)) return;
    const told = { ...data, type: event } as unknown as StreamEvent;
    for (const hearer of this.#hearers) callSafely(() => hearer(told));
  }

  /** Resolves when a condition holds; it is looked at whenever the copy or the connection changes. */
  async #until(condition: () => boolean, signal?: AbortSignal): Promise<void> {
    if (condition()) return;
    await new Promise<void>((resolve, reject) => {
      const look = (): void => {
        try {
          if (signal?.aborted !== true && !condition()) return;
          if (signal?.aborted === true && !condition()) throw signal.reason;
          resolve();
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error), { cause: error }));
        }
        end.forEach((each) => each());
      };
      const end = [this.#replica.listen(look), this.connection.subscribe(look)];
      signal?.addEventListener('abort', look);
      end.push(() => signal?.removeEventListener('abort', look));
      // What `condition` asks may have changed while it was being set up.
      background(Promise.resolve().then(look), 'waiting for the state of an app');
    });
  }
}
