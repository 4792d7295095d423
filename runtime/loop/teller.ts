import { background } from '../errors/index.ts';
import type { Clock } from '../ports/clock.ts';
import type { AppEvent, CommittedTurn, WorkStatus } from '../protocol/events.ts';
import type { Recorder } from './recorder.ts';

/** Tells those who watch the app what happens in it; costs nothing while nobody does. */
export class Teller {
  readonly #clock: Clock;
  readonly #recorder: Recorder;
  readonly #listeners = new Set<(event: AppEvent) => void>();
  readonly #commitListeners = new Set<(turn: CommittedTurn) => void>();
  #statuses: { work: string; status: WorkStatus }[] = [];
  /** Number of the turn under way, or of the last one. */
  turn = 0;

  constructor(clock: Clock, recorder: Recorder) {
    this.#clock = clock;
    this.#recorder = recorder;
  }

  subscribe(handler: (event: AppEvent) => void): () => void {
    // What was recorded before anybody listened is in the document that the listener reads.
    if (this.#listeners.size === 0) this.#recorder.untold();
    this.#listeners.add(handler);
    return () => this.#listeners.delete(handler);
  }

  /** Hears every version of the state, in order, once it is durable. */
  commits(handler: (turn: CommittedTurn) => void): () => void {
    this.#commitListeners.add(handler);
    return () => this.#commitListeners.delete(handler);
  }

  /** A version is durable. What a listener throws is its own failure, not the store's. */
  committed(turn: CommittedTurn): void {
    for (const listener of this.#commitListeners)
      background(callAsync(listener, turn), 'telling of a commit');
  }

  emit(event: AppEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** Tells of every change of the document that was recorded since the last time, and of the statuses among them. */
  changes(source: string, client?: string): void {
    this.#recorder.attribute(source, client);
    if (this.#listeners.size === 0) return;
    const ops = this.#recorder.untold();
    const at = this.#clock.now();
    if (ops.length > 0) this.emit({ type: 'delta', at, turn: this.turn, source, ops });
    const statuses = this.#statuses;
    if (statuses.length === 0) return;
    this.#statuses = [];
    for (const { work, status } of statuses) this.emit({ type: 'status', at, work, status });
  }

  status(work: string, status: WorkStatus): void {
    if (this.#listeners.size > 0) this.#statuses.push({ work, status });
  }
}

/** Calls at once; what is thrown becomes a rejection. */
async function callAsync<T>(listener: (value: T) => void, value: T): Promise<void> {
  listener(value);
}
