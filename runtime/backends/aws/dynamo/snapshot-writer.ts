/**
 * Decides when a snapshot is due, and writes it behind the commits (R2), one at a time.
 *
 * W1 A snapshot is due when the records behind the last one outgrow it, so that writing snapshots costs no more than half of
 *    what writing records does; also after many records, and after a while once it costs no more than they did: both keep a
 *    restart short.
 * W2 Whatever touches snapshots runs here one after the other, reading the stored app included.
 */
import { randomUUID } from 'node:crypto';
import type { Clock } from '../../../ports/clock.ts';
import { persist, type Persistence } from './persist.ts';
import { SerialQueue } from './serial-queue.ts';
import { writeSnapshot } from './snapshots.ts';
import { sweep } from './sweep.ts';
import type { LogPlace } from './turn-log.ts';

/** When turn records are replaced by a snapshot. */
export interface SnapshotLimits {
  /** Characters of turn records; the snapshot's own length times two when that is more. @default 1 MiB */
  readonly turnChars: number;
  /** @default 1,000 turn records */
  readonly turns: number;
  /** Milliseconds after which turn records as long as the snapshot are enough. @default 15 minutes */
  readonly everyMs: number;
}

export const defaultSnapshotLimits: SnapshotLimits = {
  turnChars: 1_048_576,
  turns: 1_000,
  everyMs: 900_000,
};

const SNAPSHOT_FACTOR = 2;

/** What is stored when a lease begins. */
export interface SnapshotState {
  readonly chars: number;
  readonly turns: number;
  readonly turnChars: number;
}

export interface SnapshotWriterParts {
  readonly place: LogPlace;
  readonly persistence: Persistence;
  readonly limits: SnapshotLimits;
  readonly clock: Clock;
  /** What is still to be removed from `Deltas`, as a snapshot keeps it. */
  readonly drops: () => string;
  readonly stop: AbortSignal;
}

export class SnapshotWriter {
  readonly #parts: SnapshotWriterParts;
  readonly #queue = new SerialQueue();
  #chars: number;
  #turns: number;
  #turnChars: number;
  #takenAt: number;
  #isUnderWay = false;

  constructor(parts: SnapshotWriterParts, state: SnapshotState) {
    this.#parts = parts;
    this.#chars = state.chars;
    this.#turns = state.turns;
    this.#turnChars = state.turnChars;
    this.#takenAt = parts.clock.monotonic();
  }

  /** Counts a turn record; gives the text of the snapshot that is to be written once the record is durable, if one is due. */
  count(record: string, snapshot: () => unknown): string | null {
    this.#turns += 1;
    this.#turnChars += record.length;
    if (this.#isUnderWay || !this.#isDue()) return null;
    this.#isUnderWay = true;
    const text = JSON.stringify(snapshot());
    this.#reset(text.length);
    return text;
  }

  /** Writes a snapshot and sweeps what it replaced; resolves when that is done or given up. */
  write(position: number, text: string): Promise<void> {
    return this.#queue.run(async () => {
      try {
        const { place, persistence, drops, stop } = this.#parts;
        const { fence } = persistence.lease;
        const { chunkPauseMs } = persistence.timings;
        const write = { writer: randomUUID(), position, text, fence, chunkPauseMs };
        const result = await persist(
          persistence,
          (signal) => writeSnapshot(place, { ...write, drop: drops() }, signal),
          stop,
        );
        if (result === 'written') await this.#sweep(position);
        else if (!stop.aborted) persistence.lease.lose();
      } finally {
        this.#isUnderWay = false;
      }
    });
  }

  /** Takes up the sweep of an earlier holder. */
  sweep(position: number): Promise<void> {
    return this.#queue.run(() => this.#sweep(position));
  }

  /** Forgets the records: the app was cleared. */
  cleared(): void {
    this.#reset('null'.length);
  }

  /** Reads while no snapshot is being written. */
  reading<T>(read: () => Promise<T>): Promise<T> {
    return this.#queue.run(read);
  }

  idle(): Promise<void> {
    return this.#queue.idle();
  }

  #isDue(): boolean {
    const { limits, clock } = this.#parts;
    return (
      this.#turns >= limits.turns ||
      this.#turnChars > Math.max(limits.turnChars, SNAPSHOT_FACTOR * this.#chars) ||
      (this.#turnChars > this.#chars && clock.monotonic() - this.#takenAt >= limits.everyMs)
    );
  }

  #reset(chars: number): void {
    this.#chars = chars;
    this.#turns = 0;
    this.#turnChars = 0;
    this.#takenAt = this.#parts.clock.monotonic();
  }

  async #sweep(position: number): Promise<void> {
    const { place, persistence, clock, stop } = this.#parts;
    const { fence } = persistence.lease;
    const { sweepPauseMs: pauseMs } = persistence.timings;
    await persist(
      persistence,
      (signal) => sweep(place, { position, fence, now: clock.now(), pauseMs }, signal),
      stop,
    );
  }
}
