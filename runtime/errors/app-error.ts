import { registry, type ErrorCode, type ErrorData } from './registry.ts';
import type { ErrorKind } from './define-code.ts';

const brand: unique symbol = Symbol.for('stormkite.error') as never;

/** What {@link AppError} is made of; also what its wire form restores. */
export interface AppErrorParts {
  readonly code: ErrorCode;
  readonly kind: ErrorKind;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly at?: string | undefined;
  readonly retryable: boolean;
  readonly cause?: unknown;
}

/** The one error class that Stormkite throws: a code, a message and what to do next. */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly kind: ErrorKind;
  /** The component or path concerned, as `root.train.loss`. */
  readonly at: string | undefined;
  readonly hint: string | undefined;
  readonly retryable: boolean;
  readonly [brand] = true;

  constructor(parts: AppErrorParts) {
    super(parts.message, parts.cause === undefined ? undefined : { cause: parts.cause });
    this.code = parts.code;
    this.kind = parts.kind;
    this.at = parts.at;
    this.hint = parts.hint;
    this.retryable = parts.retryable;
  }
}

/** Makes the error of a code from its typed data. */
export function appError<C extends ErrorCode>(
  code: C,
  data: ErrorData[C],
  options: { cause?: unknown; at?: string } = {},
): AppError {
  const spec = registry[code];
  return new AppError({
    code,
    kind: spec.kind,
    message: spec.message(data as never),
    hint: spec.hint(data as never),
    at: options.at,
    retryable: spec.retryable ?? false,
    cause: options.cause,
  });
}

/** Whether a caught value is ours, also when it was made by another copy of this module. */
export function isAppError(value: unknown, code?: ErrorCode): value is AppError {
  return (
    typeof value === 'object' &&
    value !== null &&
    (value as { [brand]?: unknown })[brand] === true &&
    (code === undefined || (value as AppError).code === code)
  );
}
