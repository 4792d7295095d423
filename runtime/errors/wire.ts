import { AppError, isAppError } from './app-error.ts';
import { registry, type ErrorCode } from './registry.ts';

const MAX_CAUSES = 8;

/** An error as it crosses a process boundary: nothing but JSON. */
export interface WireError {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly hint?: string;
  readonly at?: string;
  readonly stack?: string;
  readonly cause?: WireError;
}

/** Turns any thrown value into its wire form; keeps at most {@link MAX_CAUSES} causes. */
export function toWire(error: unknown, depth = 0): WireError {
  if (!(error instanceof Error)) return { name: 'Error', message: describeThrown(error) };
  const { name, message, stack, cause } = error;
  const own = isAppError(error) ? error : undefined;
  return {
    name,
    message,
    ...(own ? { code: own.code } : {}),
    ...(own?.hint === undefined ? {} : { hint: own.hint }),
    ...(own?.at === undefined ? {} : { at: own.at }),
    ...(stack === undefined ? {} : { stack }),
    ...(cause === undefined || depth >= MAX_CAUSES ? {} : { cause: toWire(cause, depth + 1) }),
  };
}

/** Rebuilds an error from its wire form; an unknown code gives a plain `Error`. */
export function fromWire(wire: WireError): Error {
  const cause = wire.cause ? fromWire(wire.cause) : undefined;
  const error = isErrorCode(wire.code)
    ? new AppError({
        code: wire.code,
        kind: registry[wire.code].kind,
        message: wire.message,
        hint: wire.hint,
        at: wire.at,
        retryable: registry[wire.code].retryable ?? false,
        cause,
      })
    : new Error(wire.message, cause === undefined ? undefined : { cause });
  if (!isErrorCode(wire.code)) Object.defineProperty(error, 'name', { value: wire.name });
  if (wire.stack !== undefined) error.stack = wire.stack;
  return error;
}

function isErrorCode(code: string | undefined): code is ErrorCode {
  return code !== undefined && Object.hasOwn(registry, code);
}

function describeThrown(value: unknown): string {
  if (typeof value === 'string') return value;
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
}
