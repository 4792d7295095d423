import { isAppError, type ErrorKind } from '../errors/index.ts';
import type { AppResult } from '../loop/flow-loop.ts';

/** What the exit code of every command means (`product.md` §8). */
export const exitCodes = {
  /** Done; of `run`: the flow stopped the app. */
  done: 0,
  /** The app or its user code failed. */
  failed: 1,
  /** Wrong usage, an app file that cannot be loaded, an unknown app or work. */
  usage: 2,
  /** AWS, disk, network, another run. */
  environment: 3,
  /** A bug of Stormkite. */
  bug: 70,
  /** Interrupted by a signal, with everything ended. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

const BY_KIND: Readonly<Record<ErrorKind, ExitCode>> = {
  user: exitCodes.usage,
  environment: exitCodes.environment,
  bug: exitCodes.bug,
};

/** Exit code of a command that threw; what is not ours to expect is a bug. */
export function exitCodeOf(error: unknown): ExitCode {
  return isAppError(error) ? BY_KIND[error.kind] : exitCodes.bug;
}

/** Exit code of `run`. What the user's code threw counts as its failure, whatever it is. */
export function exitCodeOfResult({ stage, error }: AppResult): ExitCode {
  if (stage === 'stopped') return exitCodes.done;
  if (stage === 'interrupted') return exitCodes.interrupted;
  return isAppError(error) && error.kind !== 'user' ? exitCodeOf(error) : exitCodes.failed;
}
