/** Milliseconds that a condition may take before the test fails. */
const DEADLINE_MS = 20_000;
const LOOK_MS = 2;

/** Waits until a condition holds and gives what it gave; fails with `what` at the deadline. */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  deadlineMs = DEADLINE_MS,
): Promise<NonNullable<T>> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== null && value !== false) return value;
    if (performance.now() > end) throw new Error(`waited ${deadlineMs} ms until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
