/** What the SDK throws: told apart by name, since its classes differ between copies of the package, and turned into our errors. */
import { appError, isAppError, type AppError } from '../../../errors/index.ts';

/** Failures that the same request will meet again. Everything else may pass: throttling, time-outs, outages, credentials that are being renewed. */
const LASTING = new Set([
  'AccessDeniedException',
  'ResourceNotFoundException',
  'SerializationException',
  'ValidationException',
]);

/** Whether something thrown has this name, as the errors of a service do. */
export function isNamed(error: unknown, name: string): boolean {
  return error instanceof Error && error.name === name;
}

/** Whether a condition was not met. */
export function isRefusal(error: unknown): boolean {
  return isNamed(error, 'ConditionalCheckFailedException');
}

/** Whether trying again can help. */
export function isPassing(error: unknown): boolean {
  return (
    error instanceof Error &&
    !isAppError(error) &&
    !LASTING.has(error.name) &&
    !(error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError)
  );
}

/** Turns what the SDK threw into one of our errors. */
export function toStoreError(cause: unknown, table: string): AppError {
  if (isAppError(cause)) return cause;
  const problem = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
  const where = `DynamoDB table ${table}`;
  return appError('STORE_UNREACHABLE', { where, problem, advice: adviceOn(cause) }, { cause });
}

function adviceOn(cause: unknown): string {
  if (isNamed(cause, 'AccessDeniedException'))
    return 'deploy the stack again: the role of the flow lacks a right on its table';
  if (isNamed(cause, 'ResourceNotFoundException'))
    return 'deploy the stack again: the table does not exist in this region';
  return 'check the network and the AWS status page; the flow goes on as soon as the table answers';
}
