/** Runs asynchronous work one piece after the other, in the order in which it came. */
export class SerialQueue {
  #tail: Promise<unknown> = Promise.resolve();

  /** Runs `work` when everything before it is over; a failure of one does not keep the next from running. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(work);
    this.#tail = result.catch(() => undefined);
    return result;
  }

  /** Resolves when all that came until now is over. */
  async idle(): Promise<void> {
    await this.#tail;
  }
}
