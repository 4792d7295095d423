import type { Json } from '../runtime/client/index.ts';
import { appError, isAppError } from '../runtime/errors/index.ts';

/**
 * Reads JSON as it is typed on a command line.
 *
 * @throws `CLI_VALUE_NOT_JSON`, also for a number that is too large to be kept (`1e400`)
 */
export function parseJson(text: string): Json {
  try {
    return JSON.parse(text, refuseInfinite) as Json;
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw appError('CLI_VALUE_NOT_JSON', { value: text, problem }, { cause });
  }
}

/**
 * Reads what may be JSON; all else is text, so that words need no quotes.
 *
 * @throws `CLI_VALUE_NOT_JSON` for JSON with a number that is too large to be kept
 */
export function parseJsonOrText(text: string): Json {
  try {
    return parseJson(text);
  } catch (error) {
    if (isAppError(error) && error.cause instanceof SyntaxError) return text;
    throw error;
  }
}

/** A reviver: what `JSON.parse` makes infinite would be sent as `null`. */
function refuseInfinite(_key: string, value: unknown): unknown {
  if (value === Infinity || value === -Infinity) throw new RangeError('it has a number too large');
  return value;
}
