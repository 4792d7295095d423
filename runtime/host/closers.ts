type Close = () => void | Promise<void>;

/** What was opened, closed in the reverse order, each once, all of them whatever fails. */
export class Closers {
  readonly #closers: Close[] = [];
  #closing: Promise<void> | null = null;

  add(close: Close): void {
    this.#closers.push(close);
  }

  /** Rejects with the first failure after everything was closed. */
  close(): Promise<void> {
    return (this.#closing ??= this.#closeAll());
  }

  async #closeAll(): Promise<void> {
    const failures: unknown[] = [];
    for (let close = this.#closers.pop(); close !== undefined; close = this.#closers.pop()) {
      try {
        await close();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}
