/** Lines of an answer that stays open. */
import type { Requests } from './requests.ts';

/**
 * Yields each line as it comes, without its line end; ends when the app, or this client, ends.
 *
 * @throws `SERVER_UNREACHABLE` when the connection breaks
 */
export async function* linesOf(requests: Requests, path: string): AsyncGenerator<string> {
  const response = await requests.send('GET', path);
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true };
      if (done || value === undefined) break;
      const lines = (rest + decoder.decode(value, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
  } catch (error) {
    if (!requests.isClosed) throw requests.unreachable(error);
  } finally {
    // Also when the caller leaves its loop.
    await reader?.cancel().catch(() => undefined);
  }
}

const DATA = 'data: ';

/** The data of a line of server-sent events; our server writes each event's in one line. */
export function toEventData(line: string): string | null {
  return line.startsWith(DATA) ? line.slice(DATA.length) : null;
}
