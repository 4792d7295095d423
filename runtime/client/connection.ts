import { callSafely } from './replica.ts';

/** How a client's copy of the state is kept up to date. */
export interface ConnectionState {
  /**
   * `idle` until somebody wants the state, `connecting` until it arrives, `live` while changes arrive as they are committed,
   * `offline` when they do not (the copy is as of `since`, and the client tries again at `retryAt`), `closed` for good.
   */
  readonly status: 'idle' | 'connecting' | 'live' | 'offline' | 'closed';
  /** Epoch milliseconds at which the status became what it is. */
  readonly since: number;
  /** Why it is offline. */
  readonly error: Error | null;
  /** Epoch milliseconds of the next attempt; `null` when none is planned: the app refused this client. */
  readonly retryAt: number | null;
}

/** The state of a connection, to be read and heard. */
export interface Connection {
  readonly current: ConnectionState;
  /** Calls the listener at every change, not for what is now; returns what ends that. */
  subscribe(listener: (state: ConnectionState) => void): () => void;
}

export class ConnectionStatus implements Connection {
  #current: ConnectionState = { status: 'idle', since: Date.now(), error: null, retryAt: null };
  readonly #listeners = new Set<() => void>();

  get current(): ConnectionState {
    return this.#current;
  }

  subscribe(listener: (state: ConnectionState) => void): () => void {
    const own = (): void => listener(this.#current);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** `since` is kept while the status stays: an attempt that fails again does not begin another outage. */
  set(
    status: ConnectionState['status'],
    error: Error | null = null,
    retryAt: number | null = null,
  ): void {
    const before = this.#current;
    if (before.status === 'closed' || (before.status === status && status !== 'offline')) return;
    const since = before.status === status ? before.since : Date.now();
    this.#current = { status, since, error, retryAt };
    for (const listener of this.#listeners) callSafely(listener);
  }
}
