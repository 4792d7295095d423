/** Tells of a failure that ends nothing, on the standard error of whoever runs the emulator. */
export function printFailure(what: string, error: unknown): void {
  console.error(`the AWS emulator: ${what}:`, error);
}
