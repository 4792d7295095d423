import { performance } from 'node:perf_hooks';
import type { Clock, ClockTimer } from '../ports/clock.ts';

/** The longest wait that a Node timer can hold; longer ones would fire at once. */
const MAX_TIMER_MS = 2_147_483_647;

/** The machine's own time. */
export class SystemClock implements Clock {
  now(): number {
    return Date.now();
  }

  monotonic(): number {
    return performance.now();
  }

  after(ms: number, call: () => void): ClockTimer {
    let left = ms;
    let timer: NodeJS.Timeout;
    const arm = (): void => {
      const part = Math.min(left, MAX_TIMER_MS);
      left -= part;
      timer = setTimeout(left > 0 ? arm : call, part);
      timer.unref();
    };
    arm();
    return { cancel: () => clearTimeout(timer) };
  }

  soon(call: () => void): void {
    setImmediate(call);
  }
}
