/** Waits that grow while something fails, drawn at random so that many who failed together do not come back together. */
export class BackOff {
  readonly #firstMs: number;
  readonly #maxMs: number;
  readonly #random: () => number;
  #nextMs: number;

  /** @param random - from 0 to 1. @default Math.random */
  constructor(firstMs: number, maxMs: number, random: () => number = Math.random) {
    this.#firstMs = firstMs;
    this.#maxMs = maxMs;
    this.#random = random;
    this.#nextMs = firstMs;
  }

  /** Milliseconds until the next attempt, from the upper half of what has grown so far. */
  next(): number {
    const ms = this.#nextMs;
    this.#nextMs = Math.min(this.#maxMs, ms * 2);
    return ms / 2 + (this.#random() * ms) / 2;
  }

  /** It worked again. */
  reset(): void {
    this.#nextMs = this.#firstMs;
  }
}
