/** What a failed call of AWS means: an SDK error never gets further than this. */
import { isAppError } from '../../../errors/index.ts';

export interface AwsFailure {
  /** Name of the exception, or of the problem of the connection. */
  readonly name: string;
  readonly message: string;
  /** `refused`: it did not take place. `unknown`: it may have. */
  readonly outcome: 'refused' | 'unknown';
  /** Trying again without a change by a person is useless. */
  readonly final: boolean;
  readonly denied: boolean;
  /** Resources that a `ConflictException` names. */
  readonly resourceIds: readonly string[];
}

const CLIENT_ERROR = { from: 400, below: 500 } as const;

const DENIED = new Set([
  'AccessDenied',
  'AccessDeniedException',
  'UnauthorizedOperation',
  'UnrecognizedClientException',
  'InvalidClientTokenId',
  'ExpiredTokenException',
]);

/** Answers that stay the same however often a call is repeated. */
const FINAL = new Set([
  'InvalidParameterException',
  'ClusterNotFoundException',
  'PlatformUnknownException',
  'PlatformTaskDefinitionIncompatibilityException',
  'UnsupportedFeatureException',
  'BlockedException',
]);

/**
 * Answers that say nothing of whether the call took place: one with the same token is still being worked on, or this answer was
 * to a repetition that the SDK made by itself after the first one had been lost.
 */
const UNTOLD = new Set([
  'IdempotentCallInProgressFault',
  'IdempotentCallInProgress',
  'ThrottlingException',
  'Throttling',
  'ThrottledException',
  'RequestLimitExceeded',
  'RequestThrottled',
  'RequestThrottledException',
  'TooManyRequestsException',
  'SlowDown',
  'PriorRequestNotComplete',
]);

export function toAwsFailure(error: unknown): AwsFailure {
  const { name, message, $metadata, resourceIds } = toErrorParts(error);
  const status = $metadata?.httpStatusCode ?? 0;
  const refused = status >= CLIENT_ERROR.from && status < CLIENT_ERROR.below && !UNTOLD.has(name);
  return {
    name,
    message,
    outcome: refused ? 'refused' : 'unknown',
    final: refused && FINAL.has(name),
    denied: refused && DENIED.has(name),
    resourceIds: resourceIds ?? [],
  };
}

interface ErrorParts {
  readonly name: string;
  readonly message: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly resourceIds?: readonly string[];
}

function toErrorParts(error: unknown): ErrorParts {
  if (error instanceof Error) return error;
  return { name: 'Error', message: String(error) };
}

/** One line about anything that was thrown. */
export function describeProblem(error: unknown): string {
  return isAppError(error) ? error.message : describeFailure(toAwsFailure(error));
}

/** One line about a failure. */
export function describeFailure({ name, message }: AwsFailure): string {
  return message === '' ? name : `${name}: ${message}`;
}
