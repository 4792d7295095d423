import { isAppError, type AppError } from '../../../runtime/errors/index.ts';

/** The error that an action throws. */
export function errorOf(action: () => unknown): AppError {
  try {
    action();
  } catch (error) {
    if (isAppError(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** The code of the error that an action throws. */
export function codeOf(action: () => unknown): string {
  return errorOf(action).code;
}
