interface Site {
  getFileName(): string | null | undefined;
  getLineNumber(): number | null;
}

/**
 * File name (without its folder) and line of whoever called the function that calls this.
 *
 * Reads the raw frames: neither formats a stack nor maps sources, so it is cheap enough for every turn.
 *
 * @param below - the function whose caller is meant
 */
export function callSite(below: (...args: never[]) => unknown): string {
  const holder: { stack?: unknown } = {};
  // oxlint-disable-next-line typescript/unbound-method -- only put back, never called
  const { prepareStackTrace, stackTraceLimit } = Error;
  try {
    Error.stackTraceLimit = 1;
    Error.prepareStackTrace = (_, frames) => frames;
    Error.captureStackTrace(holder, below);
    const [frame] = holder.stack as Site[];
    const file = frame?.getFileName()?.split(/[\\/]/).at(-1) ?? '';
    return `${file}:${frame?.getLineNumber() ?? 0}`;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    Error.prepareStackTrace = prepareStackTrace;
  }
}
