/**
 * Runs the user's handlers: their input checked first, between two turns, within a time limit, their result made JSON.
 */
import type { InputSchema } from '../component/flow-options.ts';
import { appError, isAppError } from '../errors/index.ts';
import type { AppControl, ClientName } from '../loop/control.ts';
import { toJsonCopy, type Json } from '../state/json.ts';
import { toErrorAnswer, type ErrorBody } from './http-error.ts';

/** How long a handler may take, its wait for the turn under way included. */
export const HANDLER_TIMEOUT_MS = 30_000;
const MS_PER_SECOND = 1_000;
const FIRST_REFUSAL = 400;
const FIRST_FAILURE = 500;

/** One place of an input that its schema refuses. */
export interface InputIssue {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

export type HandlerAnswer =
  | { readonly ok: true; readonly value: Json }
  | {
      readonly ok: false;
      readonly status: number;
      readonly body: ErrorBody & { readonly issues?: readonly InputIssue[] };
    };

export interface HandlerRequest {
  /** The route or command, for messages. */
  readonly what: string;
  readonly input: unknown;
  readonly schema: InputSchema | undefined;
  readonly by: ClientName;
  readonly run: (input: unknown) => unknown;
}

export class Handlers {
  readonly #control: AppControl;
  readonly #timeoutMs: number;

  constructor(control: AppControl, timeoutMs = HANDLER_TIMEOUT_MS) {
    this.#control = control;
    this.#timeoutMs = timeoutMs;
  }

  async answer({ what, input, schema, by, run }: HandlerRequest): Promise<HandlerAnswer> {
    const { name, stage } = this.#control;
    if (stage === 'stopped' || stage === 'failed')
      return failure(appError('SERVER_APP_ENDED', { app: name }), what);
    let parsed: unknown;
    try {
      parsed = schema === undefined ? input : schema.parse(input);
    } catch (error) {
      return refusedInput(error, what);
    }
    let result: unknown;
    try {
      result = await this.#within(what, (isLate) =>
        this.#control.perform(() => (isLate() ? undefined : run(parsed)), by),
      );
    } catch (error) {
      return failedHandler(error, what);
    }
    try {
      return { ok: true, value: result === undefined ? null : toJsonCopy(result, 'the result') };
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      return failure(appError('API_RESULT_NOT_JSON', { what, problem }, { cause: error }), what);
    }
  }

  /** One that has not begun when its time is over never does. */
  async #within<T>(what: string, run: (isLate: () => boolean) => Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    let late = false;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        late = true;
        const seconds = this.#timeoutMs / MS_PER_SECOND;
        reject(appError('API_HANDLER_TIMEOUT', { what, seconds }));
      }, this.#timeoutMs);
    });
    try {
      return await Promise.race([run(() => late), timeout]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function refusedInput(error: unknown, what: string): HandlerAnswer {
  const issues = issuesOf(error);
  const [first] = issues;
  const place = first === undefined || first.path.length === 0 ? '' : `${first.path.join('.')}: `;
  const text = error instanceof Error ? error.message : String(error);
  const problem = first === undefined ? text : `${place}${first.message}`;
  const { status, body } = toErrorAnswer(
    appError('API_INPUT_INVALID', { what, problem }, { cause: error }),
    what,
  );
  return { ok: false, status, body: issues.length === 0 ? body : { ...body, issues } };
}

/** As zod and most others tell them. */
function issuesOf(error: unknown): InputIssue[] {
  const { issues } = (error ?? {}) as { issues?: unknown };
  if (!Array.isArray(issues)) return [];
  return issues.map((issue: { path?: unknown; message?: unknown }) => ({
    path: Array.isArray(issue.path)
      ? issue.path.map((key) => (typeof key === 'number' ? key : String(key)))
      : [],
    message: String(issue.message),
  }));
}

function failedHandler(error: unknown, what: string): HandlerAnswer {
  if (isAppError(error)) return failure(error, what);
  const { statusCode } = (error ?? {}) as { statusCode?: unknown };
  const problem = error instanceof Error ? error.message : String(error);
  if (isRefusal(statusCode)) {
    const { body } = toErrorAnswer(
      appError('API_REQUEST_REFUSED', { what, problem }, { cause: error }),
      what,
    );
    return { ok: false, status: statusCode, body };
  }
  // The stack is for the app's author, not for its clients.
  console.error(error);
  return failure(appError('API_HANDLER_FAILED', { what, problem }, { cause: error }), what);
}

function isRefusal(status: unknown): status is number {
  return (
    typeof status === 'number' &&
    Number.isInteger(status) &&
    status >= FIRST_REFUSAL &&
    status < FIRST_FAILURE
  );
}

function failure(error: unknown, what: string): HandlerAnswer {
  return { ok: false, ...toErrorAnswer(error, what) };
}
