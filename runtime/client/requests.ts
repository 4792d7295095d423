import { appError, fromWire, type WireError } from '../errors/index.ts';
import type { ConnectOptions } from './connect.ts';

/** What goes with a request. */
export interface RequestParts {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: { readonly type: string; readonly value: unknown };
}

/** Requests to one app, with its token; ended together. */
export class Requests {
  readonly url: string;
  readonly #base: string;
  readonly #token: string | undefined;
  readonly #ended = new AbortController();

  /** @throws `SERVER_UNREACHABLE` when the URL is none */
  constructor({ url, token, signal }: ConnectOptions, base: string) {
    if (!URL.canParse(url))
      throw appError('SERVER_UNREACHABLE', { url, problem: 'it is not a URL' });
    const parsed = new URL(url);
    this.url = parsed.origin;
    this.#base = parsed.origin + parsed.pathname.replace(/\/$/, '') + base;
    this.#token = token ?? parsed.searchParams.get('token') ?? undefined;
    if (signal?.aborted) this.#ended.abort();
    signal?.addEventListener('abort', () => this.#ended.abort(), { once: true });
  }

  /** True after `close()`, or when the caller's signal was aborted. */
  get isClosed(): boolean {
    return this.#ended.signal.aborted;
  }

  close(): void {
    this.#ended.abort();
  }

  /** Sends a request and gives its successful answer. @throws the error that the app answered with, `SERVER_UNREACHABLE` */
  async send(
    method: string,
    path: string,
    { headers = {}, body }: RequestParts = {},
  ): Promise<Response> {
    const response = await this.#fetch(this.#base + path, {
      method,
      headers: {
        ...headers,
        ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
        ...(body === undefined ? {} : { 'content-type': body.type }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body.value) }),
      signal: this.#ended.signal,
    });
    if (response.ok) return response;
    throw this.#toError(response.status, await response.text());
  }

  /** The body of an answer. @throws `SERVER_ANSWER_INVALID` */
  async json(response: Response): Promise<unknown> {
    const text = await response.text();
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw appError(
        'SERVER_ANSWER_INVALID',
        { url: this.url, problem: 'it is not JSON' },
        { cause },
      );
    }
  }

  async #fetch(url: string, init: RequestInit): Promise<Response> {
    try {
      return await fetch(url, init);
    } catch (cause) {
      throw this.unreachable(cause);
    }
  }

  unreachable(cause: unknown): Error {
    // `fetch` hides what happened (ECONNREFUSED) in the cause of its error.
    const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
    const problem = inner instanceof Error ? inner.message : String(inner);
    return appError('SERVER_UNREACHABLE', { url: this.url, problem }, { cause });
  }

  #toError(status: number, text: string): Error {
    let body: Partial<WireError> = {};
    try {
      body = JSON.parse(text) as Partial<WireError>;
    } catch {
      // Some other server.
    }
    const { code, message, hint, at } = body;
    if (typeof code !== 'string' || typeof message !== 'string') {
      return appError('SERVER_ANSWER_INVALID', {
        url: this.url,
        problem: `status ${status} without a code`,
      });
    }
    return fromWire({
      name: 'AppError',
      code,
      message,
      ...(typeof hint === 'string' ? { hint } : {}),
      ...(typeof at === 'string' ? { at } : {}),
    });
  }
}
