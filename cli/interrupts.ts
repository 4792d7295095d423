import { exitCodes } from '../runtime/host/exit-codes.ts';

/** How long a command may take to leave after the second Ctrl-C. */
const KILL_MS = 2_000;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface Interrupts {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  /** Aborted by the second one; a command that does not end then is ended. */
  readonly killSignal: AbortSignal;
  /** Until it has ended, SIGINT is for a program of this terminal, which hears it too. */
  readonly handOver: <T>(run: () => Promise<T>) => Promise<T>;
}

/** Turns Ctrl-C, SIGTERM and SIGHUP into abort signals. */
export function watchInterrupts(): Interrupts {
  const [first, second] = [new AbortController(), new AbortController()];
  const take = (): void => {
    if (!first.signal.aborted) {
      first.abort();
      return;
    }
    if (second.signal.aborted) process.exit(exitCodes.interrupted);
    second.abort();
    setTimeout(() => process.exit(exitCodes.interrupted), KILL_MS).unref();
  };
  let isHandedOver = false;
  for (const name of SIGNALS)
    process.on(name, () => {
      if (!isHandedOver || name !== 'SIGINT') take();
    });
  return {
    signal: first.signal,
    killSignal: second.signal,
    handOver: async (run) => {
      isHandedOver = true;
      try {
        return await run();
      } finally {
        isHandedOver = false;
      }
    },
  };
}
