/**
 * The one way into the database: group commit in the order of the calls.
 *
 * Q1 One batch is written at a time; what is asked for meanwhile forms the next one.
 * Q2 A call's promise resolves when the batch with its writes is in the operating system's hands. There is no fsync: it
 *    survives the death of the process, not a power failure.
 * Q3 After a failed write nothing is written any more. LevelDB may have left half a record in its log, and what was
 *    appended behind it would be lost on the next open.
 */

import type { Write } from './level-keys.ts';

/** The part of the database that the queue needs. */
export interface BatchWriter {
  batch(
    operations: Array<{ type: 'put'; key: string; value: string } | { type: 'del'; key: string }>,
  ): Promise<void>;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class WriteQueue {
  readonly #db: BatchWriter;
  readonly #toError: (cause: unknown) => Error;
  #writes: Write[] = [];
  #waiters: Waiter[] = [];
  #running: Promise<void> | undefined;
  #failure: Error | undefined;

  /** @param toError - wraps what the database throws */
  constructor(db: BatchWriter, toError: (cause: unknown) => Error) {
    this.#db = db;
    this.#toError = toError;
  }

  /** Writes all or nothing, after everything asked for before. Without writes: waits for those. */
  write(writes: readonly Write[]): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    for (const write of writes) this.#writes.push(write);
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Resolves when nothing is left to write; never rejects, as every failure went to who asked. */
  async drained(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    // What the caller writes in the same tick belongs to the same batch.
    await Promise.resolve();
    while (this.#waiters.length > 0) {
      const writes = this.#writes;
      const waiters = this.#waiters;
      this.#writes = [];
      this.#waiters = [];
      try {
        if (this.#failure !== undefined) throw this.#failure;
        if (writes.length > 0) await this.#db.batch(writes.map(toOperation));
        for (const waiter of waiters) waiter.resolve();
      } catch (error) {
        this.#failure ??= this.#toError(error);
        for (const waiter of waiters) waiter.reject(this.#failure);
      }
    }
    this.#running = undefined;
  }
}

function toOperation([key, value]: Write):
  | { type: 'put'; key: string; value: string }
  | { type: 'del'; key: string } {
  return value === null ? { type: 'del', key } : { type: 'put', key, value };
}
