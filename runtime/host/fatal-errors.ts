import { onBackgroundFailure } from '../errors/index.ts';

/** Errors that nothing caught: of user code outside of turns, and of our own background work. */
export interface FatalErrors {
  /** Resolves with the first of them. */
  readonly first: Promise<unknown>;
  /** Gives uncaught errors back to Node. */
  release(): void;
}

/** Takes uncaught errors over, so that an app can end in order. */
export function watchFatalErrors(): FatalErrors {
  let take: (error: unknown) => void = () => undefined;
  const first = new Promise<unknown>((resolve) => {
    take = resolve;
  });
  const restore = onBackgroundFailure((error) => take(error));
  const uncaught = (error: unknown): void => {
    // A reader of our output that went away is the business of whoever prints.
    if (!isBrokenPipe(error)) take(error);
  };
  process.on('uncaughtException', uncaught);
  return {
    first,
    release: () => {
      restore();
      process.off('uncaughtException', uncaught);
    },
  };
}

function isBrokenPipe(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    error.code === 'EPIPE' &&
    'syscall' in error &&
    error.syscall === 'write'
  );
}
