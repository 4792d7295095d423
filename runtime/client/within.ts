/**
 * Asks for something that may take so long at most.
 *
 * Not `AbortSignal.timeout` inside of `AbortSignal.any`: Node 20 collects such a signal as garbage, and then it never fires.
 *
 * @param ask - is given a signal that is aborted after the time, with a `TimeoutError`, and with `signal`
 * @param timeoutMs - milliseconds
 */
export async function within<T>(
  timeoutMs: number,
  signal: AbortSignal,
  ask: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  const timer = setTimeout(() => {
    late.abort(new DOMException(`no answer within ${timeoutMs} ms`, 'TimeoutError'));
  }, timeoutMs);
  try {
    return await ask(AbortSignal.any([signal, late.signal]));
  } finally {
    clearTimeout(timer);
  }
}
