/** Which status an error is answered with (`product.md` §8). */
import { appError, isAppError, type AppError, type ErrorCode } from '../errors/index.ts';

const BAD_REQUEST = 400;
const TOO_LARGE = 413;
const UNPROCESSABLE = 422;
const BUG = 500;
const UNAVAILABLE = 503;

/** Bytes that the body of a request may have. */
export const MAX_BODY_BYTES = 16 * 1024 * 1024;

const STATUSES: Partial<Record<ErrorCode, number>> = {
  SERVER_REQUEST_MALFORMED: BAD_REQUEST,
  STATE_PATCH_INVALID: BAD_REQUEST,
  STATE_POINTER_INVALID: BAD_REQUEST,
  SERVER_TOKEN_REFUSED: 401,
  SERVER_TOKEN_LIMITED: 429,
  SERVER_HOST_REFUSED: 403,
  SERVER_ORIGIN_REFUSED: 403,
  SERVER_ROUTE_UNKNOWN: 404,
  SERVER_POINTER_UNKNOWN: 404,
  SERVER_HISTORY_TRIMMED: 404,
  SERVER_PATCH_TARGET_UNKNOWN: 404,
  API_COMMAND_UNKNOWN: 404,
  API_HANDLER_FAILED: BUG,
  API_HANDLER_TIMEOUT: 504,
  API_RESULT_NOT_JSON: BUG,
  FRONTEND_UNKNOWN: 404,
  WORK_UNKNOWN: 404,
  COMPONENT_UNKNOWN: 404,
  SERVER_STATE_STALE: 412,
  SERVER_BODY_TOO_LARGE: TOO_LARGE,
  SERVER_UPGRADE_REQUIRED: 426,
};

/** Body of every answer that is no success. */
export interface ErrorBody {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly at?: string;
}

/** The answer to a request that failed; what we did not expect is told as a bug, without its stack. */
export function toErrorAnswer(
  error: unknown,
  request: string,
): { readonly status: number; readonly body: ErrorBody } {
  const known = isAppError(error) ? error : toAppError(error, request);
  const { code, message, hint, at } = known;
  const body = {
    code,
    message,
    ...(hint === undefined ? {} : { hint }),
    ...(at === undefined ? {} : { at }),
  };
  return { status: statusOf(known), body };
}

function statusOf({ code, kind, cause }: AppError): number {
  // Well-formed, but with a value that state refuses (nested too deeply).
  if (code === 'STATE_PATCH_INVALID' && isAppError(cause)) return UNPROCESSABLE;
  const byKind = { user: UNPROCESSABLE, environment: UNAVAILABLE, bug: BUG };
  return STATUSES[code] ?? byKind[kind];
}

/** The framework's message for a URL that it cannot read repeats the URL, and with it what may be a secret. */
function problemOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const isUrl = 'code' in cause && cause.code === 'FST_ERR_BAD_URL';
  return isUrl ? 'its path has a wrong percent sign' : cause.message;
}

/** Errors of the HTTP framework have a status; anything else is a bug. */
function toAppError(cause: unknown, request: string): AppError {
  const problem = problemOf(cause);
  const status =
    typeof cause === 'object' && cause !== null && 'statusCode' in cause ? cause.statusCode : BUG;
  if (status === TOO_LARGE)
    return appError('SERVER_BODY_TOO_LARGE', { limitBytes: MAX_BODY_BYTES }, { cause });
  if (typeof status === 'number' && status < BUG)
    return appError('SERVER_REQUEST_MALFORMED', { problem }, { cause });
  return appError(
    'INTERNAL_BACKGROUND_FAILED',
    { owner: `answering ${request}`, problem },
    { cause },
  );
}
