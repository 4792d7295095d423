/**
 * Makes turns durable, in order, and lets what follows from them happen only then (R2).
 *
 * C1 A record holds whole turns: nothing is taken while a turn is under way.
 * C2 What waits for a commit happens in the order of the commits, and not at all once one failed.
 */
import { appError } from '../errors/index.ts';
import type { Clock, ClockTimer } from '../ports/clock.ts';
import type { StoreLease } from '../ports/state-store.ts';
import type { CommittedTurn } from '../protocol/events.ts';
import type { StoredApp } from '../protocol/turn-record.ts';
import { reach } from './failpoints.ts';
import type { Recorder } from './recorder.ts';

export interface CommitterOptions {
  readonly app: string;
  readonly groupMs: number;
  /** Turns of so many characters together are not held back any longer. */
  readonly groupChars: number;
  /** Called before changes are taken. */
  readonly before: () => void;
  /** The app as of now, for a snapshot. */
  readonly snapshot: (version: number) => StoredApp;
  /** Hears every version in order once it is durable, before those who wait for it. */
  readonly committed: (turn: CommittedTurn) => void;
  /** The store failed or another flow took over: nothing may be done any more. */
  readonly onFailure: (error: unknown) => void;
}

/** Exactly one of the two is called. */
interface Waiting {
  readonly durable: () => void;
  readonly lost: () => void;
}

export class Committer {
  readonly #lease: StoreLease;
  readonly #recorder: Recorder;
  readonly #clock: Clock;
  readonly #options: CommitterOptions;
  #version = 0;
  #chain: Promise<void> = Promise.resolve();
  #timer: ClockTimer | null = null;
  /** The group time is over, or something waits. */
  #due = false;
  #held = false;
  #failed = false;
  #waiting: Waiting[] = [];

  constructor(lease: StoreLease, recorder: Recorder, clock: Clock, options: CommitterOptions) {
    this.#lease = lease;
    this.#recorder = recorder;
    this.#clock = clock;
    this.#options = options;
  }

  /** Continues after what is stored. */
  startAt(version: number): void {
    this.#version = version;
  }

  /** Version of the last record that was handed to the store. */
  get version(): number {
    return this.#version;
  }

  /** The next {@link settle} commits at once. */
  hurry(): void {
    this.#due = true;
  }

  /** Calls once everything recorded until the next {@link settle} is durable, or `lost` when it never will be. */
  whenDurable(durable: () => void, lost: () => void = () => undefined): void {
    this.#waiting.push({ durable, lost });
    this.#due = true;
  }

  /** A turn begins (C1). */
  hold(): void {
    this.#held = true;
  }

  /** A turn, or what came instead of one, is complete: commits at once what is due, the rest within the group time. */
  settle(): void {
    this.#held = false;
    if (this.#due || this.#recorder.chars >= this.#options.groupChars) this.#now();
    else if (!this.#recorder.isEmpty && !this.#timer) {
      this.#timer = this.#clock.after(this.#options.groupMs, () => {
        this.#timer = null;
        if (this.#held) this.#due = true;
        else this.#now();
      });
    }
  }

  /** Nothing is committed any more, and what waits never happens. */
  abandon(): void {
    this.#failed = true;
    this.#timer?.cancel();
    for (const { lost } of this.#waiting.splice(0)) lost();
  }

  #now(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#due = false;
    const waiting = this.#waiting.splice(0);
    const written = this.#recorder.isEmpty || this.#failed ? null : this.#write();
    this.#chain = this.#chain
      .then(() => written)
      .then((turn) => {
        if (turn !== null && !this.#failed) this.#options.committed(turn);
      })
      .catch((error: unknown) => this.#fail(error))
      .then(() => {
        for (const { durable, lost } of waiting) (this.#failed ? lost : durable)();
      })
      .catch((error: unknown) => this.#fail(error));
  }

  async #write(): Promise<CommittedTurn> {
    this.#options.before();
    const { ops, marks, meta, sources } = this.#recorder.take();
    const version = this.#version + 1;
    this.#version = version;
    reach('commit.before');
    const at = this.#clock.now();
    const record = { version, at, ops, marks, meta };
    const result = await this.#lease.commit(record, () => this.#options.snapshot(version));
    if (!result.ok) throw appError('STORE_CONFLICT', { app: this.#options.app });
    reach('commit.after');
    return { version, at, ops, sources };
  }

  #fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#options.onFailure(error);
  }
}
