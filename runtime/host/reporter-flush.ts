/**
 * Makes a main thread that does not yield report: first by raising the flag that its next write sees, then by poking it.
 *
 * F1 Nothing ticks unless a delta was posted lately or changes wait (R10).
 * F2 Without credit nothing is asked for; an acknowledgement starts it again.
 */

/** Milliseconds between a delta and asking for the next one. */
const QUIET_MS = 2;
/** First wait after a poke, doubled up to the limit: a thread that is blocked natively can do nothing. */
const POKE_WAIT_MS = 10;
const POKE_WAIT_MAX_MS = 500;

export interface FlushWatchOptions {
  /** Whether changes wait on the main thread. */
  readonly dirty: () => boolean;
  /** Whether another delta may be under way. */
  readonly hasCredit: () => boolean;
  readonly raiseFlag: () => void;
  readonly poke: () => void;
}

export class FlushWatch {
  readonly #options: FlushWatchOptions;
  #timer: NodeJS.Timeout | null = null;
  /** 0: nothing asked; 1: the flag is raised; above: number of pokes and 1. */
  #asked = 0;

  constructor(options: FlushWatchOptions) {
    this.#options = options;
  }

  /** A delta arrived; more may be waiting soon. */
  taken(): void {
    if (this.#timer === null || this.#asked > 1) this.#arm(QUIET_MS);
    this.#asked = 0;
  }

  /** There may be room again. */
  acknowledged(): void {
    if (this.#timer === null && this.#options.dirty()) this.#check();
  }

  #arm(ms: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#check();
    }, ms);
  }

  #check(): void {
    const { dirty, hasCredit, raiseFlag, poke } = this.#options;
    if (!dirty() || !hasCredit()) {
      this.#asked = 0;
      return;
    }
    if (this.#asked === 0) {
      raiseFlag();
      this.#arm(QUIET_MS);
    } else {
      poke();
      this.#arm(Math.min(POKE_WAIT_MAX_MS, POKE_WAIT_MS * 2 ** (this.#asked - 1)));
    }
    this.#asked += 1;
  }
}
