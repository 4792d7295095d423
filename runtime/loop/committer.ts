/**
 * Makes turns durable, in order, and lets what follows from them happen only then (R2).
 */
import { appError } from '../errors/index.ts';
import type { Clock, ClockTimer } from '../ports/clock.ts';
import type { StoreLease } from '../ports/state-store.ts';
import type { StoredApp } from '../protocol/turn-record.ts';
import { reach } from './failpoints.ts';
import type { Recorder } from './recorder.ts';

export interface CommitterOptions {
  readonly app: string;
  readonly groupMs: number;
  /** The app as of now, for a snapshot. */
  readonly snapshot: (version: number) => StoredApp;
  /** The store failed or another flow took over: nothing may be done any more. */
  readonly onFailure: (error: unknown) => void;
}

export class Committer {
  readonly #lease: StoreLease;
  readonly #recorder: Recorder;
  readonly #clock: Clock;
  readonly #options: CommitterOptions;
  #version: number;
  #chain: Promise<void> = Promise.resolve();
  #timer: ClockTimer | null = null;
  #failed = false;

  constructor(lease: StoreLease, recorder: Recorder, clock: Clock, version: number, options: CommitterOptions) {
    this.#lease = lease;
    this.#recorder = recorder;
    this.#clock = clock;
    this.#version = version;
    this.#options = options;
  }

  /** Version of the last record that was handed to the store. */
  get version(): number {
    return this.#version;
  }

  /** Commits within the group time; for changes that nothing waits for. */
  later(): void {
    if (this.#recorder.isEmpty || this.#timer) return;
    this.#timer = this.#clock.after(this.#options.groupMs, () => {
      this.#timer = null;
      this.now(() => undefined);
    });
  }

  /** Commits everything recorded so far, then calls `after`. Calls happen in the order of the commits. */
  now(after: () => void): void {
    this.#timer?.cancel();
    this.#timer = null;
    const durable = this.#recorder.isEmpty ? null : this.#write();
    this.#chain = this.#chain
      .then(async () => {
        await durable;
        if (!this.#failed) after();
      })
      .catch((error: unknown) => this.#fail(error));
  }

  /** Resolves when everything handed over so far is durable and was followed up. */
  async idle(): Promise<void> {
    await this.#chain;
  }

  async #write(): Promise<void> {
    const { ops, marks, meta } = this.#recorder.take();
    const version = this.#version + 1;
    this.#version = version;
    reach('commit.before');
    const record = { version, at: this.#clock.now(), ops, marks, meta };
    const result = await this.#lease.commit(record, () => this.#options.snapshot(version));
    if (!result.ok) throw appError('STORE_CONFLICT', { app: this.#options.app });
    reach('commit.after');
  }

  #fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#options.onFailure(error);
  }
}
