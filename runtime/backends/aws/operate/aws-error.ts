/** A failed call of AWS as a person reads it: an SDK error never gets further than this. */
import { appError, isAppError } from '../../../errors/index.ts';

const UNKNOWN_CALLER = new Set([
  'CredentialsProviderError',
  'ExpiredToken',
  'ExpiredTokenException',
  'InvalidClientTokenId',
  'UnrecognizedClientException',
  'TokenProviderError',
]);

/** Calls AWS; what it throws says what was being done. */
export async function attempt<T>(what: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw toOperateError(what, error);
  }
}

export function toOperateError(what: string, cause: unknown): unknown {
  if (isAppError(cause) || !(cause instanceof Error)) return cause;
  const problem = cause.message === '' ? cause.name : cause.message;
  if (UNKNOWN_CALLER.has(cause.name))
    return appError('AWS_CREDENTIALS_MISSING', { problem }, { cause });
  return appError('AWS_CALL_FAILED', { what, problem: `${cause.name}: ${problem}` }, { cause });
}
