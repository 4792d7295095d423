import { appError, fromWire, isAppError, type AppError, type WireError } from '../errors/index.ts';

const API_BASE = '/api/v1';

/** What goes with a request. */
export interface RequestParts {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: { readonly type: string; readonly value: unknown };
  /** Ends this request alone. */
  readonly signal?: AbortSignal;
}

/** What an app answered: success, or the error with the whole body that it came in. */
export type Reply =
  | { readonly ok: true; readonly response: Response }
  | {
      readonly ok: false;
      readonly status: number;
      readonly error: Error;
      readonly body: Readonly<Record<string, unknown>>;
    };

export interface RequestsOptions {
  readonly url: string;
  readonly token?: string | undefined;
  readonly name?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Requests to one app, with its token; ended together. */
export class Requests {
  /** Where the app is, for people: without path and token. */
  readonly url: string;
  /** Where the API is, without a slash at its end. */
  readonly base: string;
  readonly token: string | undefined;
  /** Empty when there is none. */
  readonly #name: string;
  readonly #ended = new AbortController();

  /** @throws `SERVER_UNREACHABLE` when the URL is none */
  constructor({ url, token, name, signal }: RequestsOptions) {
    if (!URL.canParse(url))
      throw appError('SERVER_UNREACHABLE', { url, problem: 'it is not a URL' });
    const parsed = new URL(url);
    this.url = parsed.origin;
    this.base = parsed.origin + rootOf(parsed.pathname) + API_BASE;
    this.token = token ?? parsed.searchParams.get('token') ?? undefined;
    this.#name = headerText(name ?? '');
    if (signal?.aborted) this.#ended.abort();
    signal?.addEventListener('abort', () => this.close(), { once: true });
  }

  /** Aborted by `close()`, or when the caller's signal was. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /** True after `close()`, or when the caller's signal was aborted. */
  get isClosed(): boolean {
    return this.#ended.signal.aborted;
  }

  close(): void {
    this.#ended.abort();
  }

  /** Headers that say who asks. */
  get headers(): Record<string, string> {
    return {
      ...(this.token === undefined ? {} : { authorization: `Bearer ${this.token}` }),
      ...(this.#name === '' ? {} : { 'stormkite-client': this.#name }),
    };
  }

  /** Sends a request and gives its successful answer. @throws the error that the app answered with, `SERVER_UNREACHABLE` */
  async send(method: string, path: string, parts: RequestParts = {}): Promise<Response> {
    const reply = await this.ask(method, path, parts);
    if (reply.ok) return reply.response;
    throw reply.error;
  }

  /** Sends a request and gives what came of it. @throws `SERVER_UNREACHABLE`, `CLIENT_CLOSED` */
  async ask(method: string, path: string, parts: RequestParts = {}): Promise<Reply> {
    const { headers = {}, body, signal } = parts;
    const response = await this.#fetch(this.base + path, {
      method,
      headers: {
        ...headers,
        ...this.headers,
        ...(body === undefined ? {} : { 'content-type': body.type }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body.value) }),
      signal: signal === undefined ? this.ended : AbortSignal.any([this.ended, signal]),
    });
    if (response.ok) return { ok: true, response };
    const text = await this.#text(response);
    return { ok: false, status: response.status, ...this.#failure(response.status, text) };
  }

  /** The body of an answer. @throws `SERVER_ANSWER_INVALID`, `SERVER_UNREACHABLE` */
  async json(response: Response): Promise<unknown> {
    const text = await this.#text(response);
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw this.invalid('it is not JSON', cause);
    }
  }

  async getJson(path: string): Promise<unknown> {
    return await this.json(await this.send('GET', path));
  }

  unreachable(cause: unknown): AppError {
    if (this.isClosed) return appError('CLIENT_CLOSED', { url: this.url }, { cause });
    // `fetch` hides what happened (ECONNREFUSED) in the cause of its error.
    const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
    const problem = inner instanceof Error ? inner.message : String(inner);
    return appError('SERVER_UNREACHABLE', { url: this.url, problem }, { cause });
  }

  invalid(problem: string, cause?: unknown): AppError {
    return appError('SERVER_ANSWER_INVALID', { url: this.url, problem }, { cause });
  }

  async #text(response: Response): Promise<string> {
    try {
      return await response.text();
    } catch (cause) {
      throw this.unreachable(cause);
    }
  }

  async #fetch(url: string, init: RequestInit): Promise<Response> {
    try {
      return await fetch(url, init);
    } catch (cause) {
      throw this.unreachable(cause);
    }
  }

  #failure(
    status: number,
    text: string,
  ): { readonly error: Error; readonly body: Readonly<Record<string, unknown>> } {
    const body = parseObject(text);
    const { code, message, hint, at } = body as Partial<WireError>;
    if (typeof code !== 'string' || typeof message !== 'string')
      return { error: this.invalid(`status ${status} without a code`), body };
    const error = fromWire({
      name: 'AppError',
      code,
      message,
      ...(typeof hint === 'string' ? { hint } : {}),
      ...(typeof at === 'string' ? { at } : {}),
    });
    // A newer app, and the one-file build, which knows the codes of clients alone.
    if (!isAppError(error)) Object.assign(error, { code, hint, at });
    return { error, body };
  }
}

/** What a header can hold of a name: letters without their accents, and nothing of other scripts. */
function headerText(name: string): string {
  return name
    .normalize('NFKD')
    .replaceAll(/[^\x20-\x7e]/g, '')
    .trim();
}

/** The app's root below its host: people pass the page's address, programs that of the API or the state. */
function rootOf(path: string): string {
  return path.replace(/\/+$/, '').replace(/\/(?:api\/v1(?:\/state)?|view)$/, '');
}

/** An object; an empty one for the text of some other server. */
function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
