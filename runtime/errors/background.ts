import { appError, isAppError } from './app-error.ts';

type FailureHandler = (error: unknown) => void;

const DEFAULT_HANDLER: FailureHandler = (error) => {
  // Nobody took responsibility: crash loudly instead of losing the failure.
  queueMicrotask(() => {
    throw error;
  });
};

let handler: FailureHandler = DEFAULT_HANDLER;

/**
 * Hands a promise to a named owner, so that no failure is lost.
 *
 * A rejection is reported to the handler set by {@link onBackgroundFailure}: an error of ours as it is, since its code tells who
 * has to act (`STORE_UNREACHABLE`), any other as `INTERNAL_BACKGROUND_FAILED`.
 */
export function background(promise: PromiseLike<unknown>, owner: string): void {
  promise.then(undefined, (cause: unknown) => {
    handler(
      isAppError(cause)
        ? cause
        : appError('INTERNAL_BACKGROUND_FAILED', { owner, problem: String(cause) }, { cause }),
    );
  });
}

/** Sets who hears of failed background work; returns a function that restores the previous handler. */
export function onBackgroundFailure(next: FailureHandler): () => void {
  const previous = handler;
  handler = next;
  return () => {
    handler = previous;
  };
}
