/**
 * What a work has said and its table does not have yet, in order.
 *
 * Q1 What is said is put together until {@link MAX_BATCH_CHARS} are reached or an event came: an event is the last of its delta.
 * Q2 Order: `#head` (memory), then the spill file, then `#tail` (memory), then what is still being put together. The tail is used
 *    only when the file took no more.
 * Q3 Memory is bounded by {@link MAX_MEMORY_CHARS} and by the credit of the work, whichever is smaller.
 */
import { SpillFile } from './spill-file.ts';

/** Characters after which a delta is closed: one item of 32 KB costs 32 write units, as 32 items of 1 KB do. */
const MAX_BATCH_CHARS = 32 * 1024;
/** Characters that are held in memory; beyond, deltas are spilled. */
const MAX_MEMORY_CHARS = 1024 * 1024;
/** Bytes of spilled deltas; beyond, the work gets no more credit. A task's disk has 30 GB. */
export const MAX_SPILL_BYTES = 256 * 1024 * 1024;

/** One delta to be. */
export interface Batch {
  /** JSON texts of its operations, joined by commas. */
  ops: string;
  /** JSON of its event. */
  event: string | null;
  /** JSON of why the process ends without bringing its work up, or before its end. */
  notice: string | null;
  /** How many posts of the main thread it has. */
  posts: number;
  /** How many things were said, posts or not. */
  entries: number;
}

export type Entry = Omit<Batch, 'entries'>;

export class DeltaQueue {
  readonly #spill: SpillFile;
  #head: Batch[] = [];
  #headChars = 0;
  #tail: Batch[] = [];
  #open: Batch | null = null;

  constructor(spill: SpillFile = new SpillFile(MAX_SPILL_BYTES)) {
    this.#spill = spill;
  }

  get isEmpty(): boolean {
    return !this.hasClosed && this.#open === null;
  }

  /** Whether a delta is complete, so that nothing is gained by waiting. */
  get hasClosed(): boolean {
    return this.#head.length > 0 || !this.#spill.isEmpty || this.#tail.length > 0;
  }

  /** Whether more can be held than the credit of the work allows. */
  get hasRoom(): boolean {
    return this.#tail.length === 0;
  }

  /** Bytes on disk. */
  get spilled(): number {
    return this.#spill.bytes;
  }

  push(entry: Entry): void {
    const open = (this.#open ??= { ops: '', event: null, notice: null, posts: 0, entries: 0 });
    open.ops =
      open.ops === '' || entry.ops === '' ? open.ops + entry.ops : `${open.ops},${entry.ops}`;
    open.event = entry.event;
    open.notice = entry.notice;
    open.posts += entry.posts;
    open.entries += 1;
    const isLast = entry.event !== null || entry.notice !== null;
    if (!isLast && open.ops.length < MAX_BATCH_CHARS) return;
    this.#open = null;
    this.#close(open);
  }

  /** Takes the oldest delta, complete or not. */
  take(): Batch | null {
    const head = this.#head.shift();
    if (head) {
      this.#headChars -= head.ops.length;
      return head;
    }
    const spilled = this.#spill.shift();
    if (spilled !== null) return JSON.parse(spilled) as Batch;
    const tail = this.#tail.shift();
    if (tail) return tail;
    const open = this.#open;
    this.#open = null;
    return open;
  }

  /** Drops everything. */
  close(): void {
    this.#head = [];
    this.#tail = [];
    this.#open = null;
    this.#spill.close();
  }

  #close(batch: Batch): void {
    if (this.#tail.length > 0) {
      this.#tail.push(batch);
    } else if (this.#spill.isEmpty && this.#headChars < MAX_MEMORY_CHARS) {
      this.#head.push(batch);
      this.#headChars += batch.ops.length;
    } else if (!this.#spill.push(JSON.stringify(batch))) {
      this.#tail.push(batch);
    }
  }
}
