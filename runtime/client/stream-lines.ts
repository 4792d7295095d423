/** Answers that stay open, as lines. */
import type { Requests } from './requests.ts';

export interface LinesOptions {
  readonly signal?: AbortSignal;
  /** Hears of every piece that arrives, whatever it says. */
  readonly onBytes?: () => void;
}

/**
 * Yields each line as it comes, without its line end; ends when the app, or this client, ends.
 *
 * @throws `SERVER_UNREACHABLE` when the connection breaks
 */
export async function* linesOf(
  requests: Requests,
  path: string,
  { signal, onBytes }: LinesOptions = {},
): AsyncGenerator<string> {
  const response = await requests.send('GET', path, signal === undefined ? {} : { signal });
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  /** Pieces of a line whose end has not come: joined once, so that a long line costs its length. */
  let rest: string[] = [];
  try {
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true };
      if (done || value === undefined) break;
      onBytes?.();
      const lines = decoder.decode(value, { stream: true }).split('\n');
      const last = lines.pop() ?? '';
      for (const line of lines) {
        rest.push(line);
        yield rest.join('');
        rest = [];
      }
      rest.push(last);
    }
  } catch (error) {
    if (!requests.isClosed && signal?.aborted !== true) throw requests.unreachable(error);
  } finally {
    // Also when the caller leaves its loop.
    await reader?.cancel().catch(() => undefined);
  }
}
