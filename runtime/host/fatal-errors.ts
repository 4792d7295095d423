import { writeSync } from 'node:fs';
import { onBackgroundFailure } from '../errors/index.ts';
import { isEndSignal } from '../loop/suspension.ts';
import { exitCodes } from './exit-codes.ts';

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
    // `stop()` or `fail()` outside of a turn: the app ends already, the signal only had to leave the user's code.
    if (isEndSignal(error)) return;
    // A reader of our output that went away is the business of whoever prints.
    if (!isBrokenPipe(error)) take(error);
  };
  process.on('uncaughtException', uncaught);
  process.on('exit', explainExit);
  return {
    first,
    release: () => {
      restore();
      process.off('uncaughtException', uncaught);
      process.off('exit', explainExit);
    },
  };
}

/** Ends the process at once, as something that Stormkite decides and not user code. */
export function exitNow(code: number): never {
  process.off('exit', explainExit);
  process.exit(code);
}

/** User code ended the process in the middle of the run: that is a failure, and nothing is lost. */
function explainExit(code: number): void {
  if (code === exitCodes.interrupted) return;
  writeSync(
    2,
    `the flow called process.exit(${code}); its works end with it, go on with --resume\n`,
  );
  process.exitCode = exitCodes.failed;
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
