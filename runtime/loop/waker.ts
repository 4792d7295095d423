/**
 * When the loop takes its next step, and whether a turn is wanted in it (R10).
 *
 * W1 What comes from outside is looked at as soon as possible, and once however much came.
 * W2 A turn that only the flow itself wants keeps its pace; it never delays another one, and another one takes its place.
 */
import type { Clock, ClockTimer } from '../ports/clock.ts';

export interface WakerOptions {
  readonly clock: Clock;
  /** `null`: an idle app runs no turn. */
  readonly idleTurnMs: number | null;
  readonly step: () => void;
}

export class Waker {
  readonly #options: WakerOptions;
  #woken = false;
  #closed = false;
  /** The first turn always runs. */
  #turnWanted = true;
  #pacedAtMs = Number.POSITIVE_INFINITY;
  #pacedTimer: ClockTimer | null = null;
  #idleTimer: ClockTimer | null = null;

  constructor(options: WakerOptions) {
    this.#options = options;
  }

  get isTurnWanted(): boolean {
    return this.#turnWanted;
  }

  /** Something is to be looked at. */
  wake(): void {
    if (this.#woken || this.#closed) return;
    this.#woken = true;
    this.#options.clock.soon(() => {
      this.#woken = false;
      if (!this.#closed) this.#options.step();
    });
  }

  /** A turn should run in the next step. */
  wantTurn(): void {
    this.#turnWanted = true;
    this.wake();
  }

  /** The turn that was wanted runs now; it is also the one that the flow itself wanted. */
  turnBegins(): void {
    this.#turnWanted = false;
    this.#cancelPaced();
  }

  /** A turn that only the flow itself wants, not before so many milliseconds. */
  wantTurnIn(ms: number): void {
    const { clock } = this.#options;
    const waitMs = Math.max(0, ms);
    const at = clock.monotonic() + waitMs;
    if (at >= this.#pacedAtMs || this.#closed) return;
    this.#pacedTimer?.cancel();
    this.#pacedAtMs = at;
    this.#pacedTimer = clock.after(waitMs, () => {
      this.#pacedTimer = null;
      this.#pacedAtMs = Number.POSITIVE_INFINITY;
      this.wantTurn();
    });
  }

  /** The time without a turn begins anew. */
  turnEnded(): void {
    const { clock, idleTurnMs } = this.#options;
    this.#idleTimer?.cancel();
    this.#idleTimer =
      idleTurnMs === null || this.#closed ? null : clock.after(idleTurnMs, () => this.wantTurn());
  }

  /** No turn comes by itself any more; steps still do. */
  rest(): void {
    this.#idleTimer?.cancel();
    this.#idleTimer = null;
    this.#cancelPaced();
  }

  close(): void {
    this.#closed = true;
    this.rest();
  }

  #cancelPaced(): void {
    this.#pacedTimer?.cancel();
    this.#pacedTimer = null;
    this.#pacedAtMs = Number.POSITIVE_INFINITY;
  }
}
