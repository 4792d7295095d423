/**
 * Slows down whoever guesses tokens: after too many wrong ones an address is refused for a while, whatever it sends.
 *
 * The memory of it is bounded: the addresses that failed longest ago are forgotten first.
 */
const MAX_FAILURES = 10;
const WINDOW_MS = 60_000;
const MAX_ADDRESSES = 10_000;
const MS_PER_SECOND = 1_000;

interface Failures {
  count: number;
  /** When they are forgotten. */
  readonly untilMs: number;
}

export class FailedTokens {
  readonly #now: () => number;
  readonly #failures = new Map<string, Failures>();

  /** @param now - milliseconds of a clock that never goes back */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Seconds for which an address is refused; 0 for one that is not. */
  blockedSeconds(address: string): number {
    const failures = this.#current(address);
    if (failures === undefined || failures.count < MAX_FAILURES) return 0;
    return Math.ceil((failures.untilMs - this.#now()) / MS_PER_SECOND);
  }

  /** An address sent a wrong token. */
  failed(address: string): void {
    const failures = this.#current(address);
    if (failures !== undefined) {
      failures.count += 1;
      return;
    }
    this.#failures.delete(address);
    this.#failures.set(address, { count: 1, untilMs: this.#now() + WINDOW_MS });
    if (this.#failures.size <= MAX_ADDRESSES) return;
    const [oldest] = this.#failures.keys();
    if (oldest !== undefined) this.#failures.delete(oldest);
  }

  #current(address: string): Failures | undefined {
    const failures = this.#failures.get(address);
    return failures !== undefined && failures.untilMs > this.#now() ? failures : undefined;
  }
}
