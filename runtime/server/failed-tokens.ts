/**
 * Slows down whoever guesses tokens: after too many wrong ones an address is refused for a while, whatever it sends.
 *
 * The same wrong token is one guess, however often it comes: a page that was left open since an earlier run asks again and
 * again, and would keep everybody behind its address out.
 *
 * The memory of it is bounded: the addresses that failed longest ago are forgotten first.
 */
import { createHash } from 'node:crypto';

const MAX_FAILURES = 10;
const WINDOW_MS = 60_000;
const MAX_ADDRESSES = 10_000;
const MS_PER_SECOND = 1_000;

interface Failures {
  /** Hashes, because what was sent may be long, or a secret of something else. */
  readonly tokens: Set<string>;
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
    if (failures === undefined || failures.tokens.size < MAX_FAILURES) return 0;
    return Math.ceil((failures.untilMs - this.#now()) / MS_PER_SECOND);
  }

  /** An address sent a wrong token. */
  failed(address: string, token: string): void {
    const hash = createHash('sha256').update(token).digest('base64url');
    const failures = this.#current(address);
    if (failures !== undefined) {
      failures.tokens.add(hash);
      return;
    }
    this.#failures.delete(address);
    this.#failures.set(address, { tokens: new Set([hash]), untilMs: this.#now() + WINDOW_MS });
    if (this.#failures.size <= MAX_ADDRESSES) return;
    const [oldest] = this.#failures.keys();
    if (oldest !== undefined) this.#failures.delete(oldest);
  }

  #current(address: string): Failures | undefined {
    const failures = this.#failures.get(address);
    return failures !== undefined && failures.untilMs > this.#now() ? failures : undefined;
  }
}
