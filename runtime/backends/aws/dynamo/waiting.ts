import type { Clock } from '../../../ports/clock.ts';

/** A Node timer that never fires in practice. */
const FOR_LONG_MS = 1_000_000_000;

/** Resolves after `ms` milliseconds, or at once when the signal says so. Unlike the clock's timers it keeps the process alive: somebody awaits it. */
export function pause(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve();
    const done = (): void => {
      timer.cancel();
      clearInterval(alive);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const alive = setInterval(() => undefined, FOR_LONG_MS);
    const timer = clock.after(ms, done);
    signal?.addEventListener('abort', done);
  });
}
