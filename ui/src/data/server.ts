/** Requests to the app that served this page. */
import type { Json } from '../../../runtime/state/json.ts';
import { sentence } from '../logic/format.ts';
import type { Operation } from '../../../runtime/state/operation.ts';

/** The app's root: the page is at `<root>/view`, or has a base that says where. */
export const root = new URL('.', document.baseURI);
export const apiRoot = new URL('api/v1/', root);

/** The app answered that it will not, or did not answer. */
export class Refused extends Error {
  /** 0 when there was no answer. */
  readonly status: number;
  readonly code: string;
  readonly hint: string;
  /** Everything that was answered. */
  readonly body: Readonly<Record<string, unknown>>;

  constructor(status: number, body: Readonly<Record<string, unknown>>) {
    super(textOf(body['message']) || 'The app does not answer');
    this.status = status;
    this.code = textOf(body['code']);
    this.hint = textOf(body['hint']);
    this.body = body;
  }
}

/** A URL below the API, or elsewhere on the app for one that begins with a slash. */
export function urlOf(path: string): URL {
  return new URL(path, apiRoot);
}

export interface Ask {
  readonly method?: 'GET' | 'POST' | 'PATCH';
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | null;
}

/** @throws {@link Refused} for every answer that is no success, and when there is none */
export async function ask(path: string, request: Ask = {}): Promise<Response> {
  const { method = 'GET', body, headers = {}, signal = null } = request;
  const type = method === 'PATCH' ? 'application/json-patch+json' : 'application/json';
  let response: Response;
  try {
    response = await fetch(urlOf(path), {
      method,
      signal,
      headers: {
        ...headers,
        'stormkite-client': 'dashboard',
        ...(body === undefined ? {} : { 'content-type': type }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch (cause) {
    if (signal?.aborted === true) throw cause;
    throw new Refused(0, { code: 'SERVER_UNREACHABLE', message: 'The app does not answer' });
  }
  if (response.ok) return response;
  throw new Refused(response.status, await bodyOf(response));
}

/** The JSON of an answer, taken for what the API's contract says it is. */
export async function askJson<T>(path: string, request: Ask = {}): Promise<T> {
  return (await (await ask(path, request)).json()) as T;
}

/** A value of the state with its tag, for {@link change}. */
export interface Tagged {
  /** `undefined` when nothing is there any more. */
  readonly value: Json | undefined;
  readonly etag: string | null;
}

export async function read(pointer: string): Promise<Tagged> {
  // In a path, a browser resolves the keys `.` and `..`.
  const response = await ask(`state?pointer=${encodeURIComponent(pointer)}`);
  return { value: (await response.json()) as Json, etag: response.headers.get('etag') };
}

/** Somebody else changed the place meanwhile. */
export interface Conflict {
  readonly theirs: Tagged;
}

/** Applies operations, when the place they are about is still as tagged; `null` when done. */
export async function change(
  ops: readonly Operation[],
  etag: string | null,
): Promise<Conflict | null> {
  try {
    await ask('state', {
      method: 'PATCH',
      body: ops,
      headers: etag === null ? {} : { 'if-match': etag },
    });
    return null;
  } catch (error) {
    if (!(error instanceof Refused) || error.status !== 412) throw error;
    const { current, etag: tag } = error.body;
    return {
      theirs: { value: current as Json | undefined, etag: typeof tag === 'string' ? tag : null },
    };
  }
}

async function bodyOf(response: Response): Promise<Readonly<Record<string, unknown>>> {
  try {
    const body: unknown = await response.json();
    if (typeof body === 'object' && body !== null) return body as Record<string, unknown>;
  } catch {
    // Some proxy on the way.
  }
  return { code: '', message: `The app answered with status ${response.status}` };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** What went wrong, for a person. */
export function told(error: unknown): string {
  if (!(error instanceof Refused)) return error instanceof Error ? error.message : String(error);
  return error.hint === '' ? error.message : `${error.message}. ${sentence(error.hint)}`;
}
