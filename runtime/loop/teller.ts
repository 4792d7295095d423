import type { Clock } from '../ports/clock.ts';
import type { AppEvent, WorkStatus } from '../protocol/events.ts';
import type { Recorder } from './recorder.ts';

/** Tells those who watch the app what happens in it; costs nothing while nobody does. */
export class Teller {
  readonly #clock: Clock;
  readonly #recorder: Recorder;
  readonly #listeners = new Set<(event: AppEvent) => void>();
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

  emit(event: AppEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** Tells of every change of the document that was recorded since the last time, and of the statuses among them. */
  changes(source: string): void {
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
