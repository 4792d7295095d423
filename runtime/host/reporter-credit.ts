/** Unacknowledged deltas that a work may have under way, and their characters: what a slow flow costs in memory. */
const MAX_DELTAS = 256;
const MAX_CHARS = 4 * 1024 * 1024;

/** Counts what is under way, on either side of the reporter. */
export class Credit {
  readonly #sizes: number[] = [];
  #chars = 0;
  #acked = 0;

  /** One delta more is under way. */
  spend(chars: number): void {
    this.#sizes.push(chars);
    this.#chars += chars;
  }

  /** The first `count` deltas of all are acknowledged; counted modulo 2^32. */
  acknowledge(count: number): void {
    let fresh = Math.min((count - this.#acked) | 0, this.#sizes.length);
    this.#acked = count;
    for (; fresh > 0; fresh -= 1) this.#chars -= this.#sizes.shift() ?? 0;
  }

  /** Whether one more delta may be posted; a single one may always be, whatever its size. */
  get available(): boolean {
    return this.#sizes.length === 0 || (this.#sizes.length < MAX_DELTAS && this.#chars < MAX_CHARS);
  }

  get underWay(): number {
    return this.#sizes.length;
  }
}
