/** Owns a promise that nobody waits for: its failure surfaces as an uncaught error, with what was under way. */
export function background(promise: Promise<unknown>, what: string): void {
  promise.catch((cause: unknown) => reportError(new Error(`${what} failed`, { cause })));
}
