import { parseDuration, type Duration } from '../../component/duration.ts';
import type { Clock, ClockTimer } from '../../ports/clock.ts';

interface Timer extends ClockTimer {
  readonly at: number;
  readonly order: number;
  readonly call: () => void;
  cancelled: boolean;
}

/** Time that stands still until it is moved; what is due runs in order. */
export class ManualClock implements Clock {
  readonly #startMs: number;
  #elapsedMs = 0;
  #order = 0;
  #timers: Timer[] = [];
  #soon: (() => void)[] = [];

  /** @param startMs - epoch milliseconds at which it begins */
  constructor(startMs = Date.parse('2026-01-01T00:00:00Z')) {
    this.#startMs = startMs;
  }

  /** Moves the time without running what falls due, as while nothing runs. */
  skip(duration: Duration): void {
    this.#elapsedMs += parseDuration(duration, 'duration');
  }

  now(): number {
    return this.#startMs + this.#elapsedMs;
  }

  monotonic(): number {
    return this.#elapsedMs;
  }

  after(ms: number, call: () => void): ClockTimer {
    const timer: Timer = {
      at: this.#elapsedMs + Math.max(0, ms),
      order: this.#order,
      call,
      cancelled: false,
      cancel: () => {
        timer.cancelled = true;
      },
    };
    this.#order += 1;
    this.#timers.push(timer);
    return timer;
  }

  soon(call: () => void): void {
    this.#soon.push(call);
  }

  /** Runs one thing that was asked for with {@link soon}; false when there is none. */
  runNext(): boolean {
    const call = this.#soon.shift();
    call?.();
    return call !== undefined;
  }

  /** Moves to the next timer that is due within `ms` and runs it; gives the time left, or `null` when none is due. */
  runTimerWithin(ms: number): number | null {
    const until = this.#elapsedMs + ms;
    this.#timers = this.#timers.filter((timer) => !timer.cancelled);
    const [next] = this.#timers.toSorted((a, b) => a.at - b.at || a.order - b.order);
    if (!next || next.at > until) {
      this.#elapsedMs = until;
      return null;
    }
    this.#timers = this.#timers.filter((timer) => timer !== next);
    this.#elapsedMs = Math.max(this.#elapsedMs, next.at);
    next.call();
    return until - this.#elapsedMs;
  }
}
