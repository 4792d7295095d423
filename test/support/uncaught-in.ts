import { setImmediate } from 'node:timers/promises';

/** What was thrown uncaught while something ran. */
export async function uncaughtIn(run: () => Promise<void>): Promise<unknown[]> {
  const thrown: unknown[] = [];
  const caught = (error: unknown): void => void thrown.push(error);
  const others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', caught);
  try {
    await run();
    // A microtask that it has queued may throw yet.
    await setImmediate();
  } finally {
    process.off('uncaughtException', caught);
    for (const other of others) process.on('uncaughtException', other);
  }
  return thrown;
}
