/** Lets a few processes boot at a time, so that a thousand works do not fight for the processor. */
export class BootQueue {
  readonly #limit: number;
  readonly #waiting: (() => void)[] = [];
  #booting = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get full(): boolean {
    return this.#booting >= this.#limit;
  }

  /**
   * Starts a boot now or when a place is free. `start` gets what gives the place back; calling that twice is no error.
   *
   * @returns what takes a boot that still waits out of the queue
   */
  enter(start: (leave: () => void) => void): () => void {
    const begin = (): void => {
      this.#booting += 1;
      let left = false;
      start(() => {
        if (left) return;
        left = true;
        this.#booting -= 1;
        this.#waiting.shift()?.();
      });
    };
    if (!this.full) {
      begin();
      return () => undefined;
    }
    this.#waiting.push(begin);
    return () => {
      const index = this.#waiting.indexOf(begin);
      if (index >= 0) this.#waiting.splice(index, 1);
    };
  }
}
