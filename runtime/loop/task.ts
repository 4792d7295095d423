/**
 * User code that a client asked for (a route or command of the app), on its way through the inbox.
 *
 * Only what runs before its first `await` is sure to run between two turns (R3); later writes queue for the next turn, as
 * those of a timer do. It is over when all of them are durable (R2).
 */
import type { Item } from './inbox.ts';
import { isEndSignal } from './suspension.ts';

type Settled<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: unknown };

/** See `AppControl.perform`. */
export async function performTask<T>(
  task: () => T,
  client: string | undefined,
  post: (item: Item) => void,
): Promise<Awaited<T> | undefined> {
  const queue = (run: () => void): Promise<void> =>
    new Promise((resolve, reject) => {
      const done = (error: unknown): void => (error ? reject(error) : resolve());
      post({ type: 'task', run, client, done });
    });
  let settling: Promise<Settled<Awaited<T>>> | undefined;
  let isAsync = false;
  await queue(() => {
    // An asynchronous function is called at once; its rejection has a hearer from the start.
    settling = settle(() => {
      const value = task();
      isAsync = value instanceof Promise;
      return value;
    });
  });
  const settled = await settling;
  if (settled === undefined) return undefined;
  if (!settled.ok && isEndSignal(settled.error)) return undefined;
  if (isAsync) await queue(() => undefined);
  if (!settled.ok) throw settled.error;
  return settled.value;
}

async function settle<T>(task: () => T): Promise<Settled<Awaited<T>>> {
  try {
    return { ok: true, value: await task() };
  } catch (error) {
    return { ok: false, error };
  }
}
