/** Reading and changing the state of an app by requests, each a step of its own. */
import { appError, isAppError } from '../errors/index.ts';
import type { Json } from '../state/json.ts';
import type { Operation } from '../state/operation.ts';
import { escapeSegment, parsePointer } from '../state/pointer.ts';
import type { CompareAndSetResult, Expectation } from './app-client.ts';
import { isJsonObject } from './parse-turn.ts';
import type { Reply, Requests } from './requests.ts';

/** How often `update` tries; only a value that others write without pause needs more. */
const MAX_ATTEMPTS = 100;

/** What is at a pointer, with its ETag. @throws `SERVER_POINTER_UNKNOWN` */
export async function read(
  requests: Requests,
  pointer: string,
): Promise<{ readonly value: Json; readonly etag: string }> {
  const response = await requests.send('GET', addressOf(pointer));
  const etag = response.headers.get('etag') ?? '';
  return { value: (await requests.json(response)) as Json, etag };
}

/** Applies a patch. @throws what the app refuses it with; `CLIENT_WRITE_CONFLICT` when one of its comparisons failed */
export async function sendPatch(
  requests: Requests,
  ops: readonly Operation[],
  ifMatch?: string,
): Promise<{ readonly version: number }> {
  const reply = await askPatch(requests, ops, ifMatch);
  if (reply.ok) return (await requests.json(reply.response)) as { version: number };
  const place = failedTest(reply, ops);
  throw place === null
    ? reply.error
    : appError('CLIENT_WRITE_CONFLICT', { place }, { cause: reply.error });
}

/** Puts a value at a pointer, whether or not there is one. */
export async function setAt(
  requests: Requests,
  path: string,
  value: Json,
): Promise<{ readonly version: number }> {
  try {
    return await sendPatch(requests, [{ op: 'replace', path, value }]);
  } catch (error) {
    const isAbsent =
      isAppError(error, 'SERVER_PATCH_TARGET_UNKNOWN') || isAppError(error, 'SERVER_PATCH_REFUSED');
    if (!isAbsent) throw error;
    // An optional field, a new key, or the end of an array.
    return await sendPatch(requests, [{ op: 'add', path, value }]);
  }
}

export async function compareAndSet(
  requests: Requests,
  path: string,
  expectation: Expectation,
  value: Json,
): Promise<CompareAndSetResult> {
  const put: Operation = { op: 'replace', path, value };
  const hasTag = 'ifMatch' in expectation;
  const ops: Operation[] = hasTag
    ? [put]
    : [{ op: 'test', path, value: expectation.expected }, put];
  const reply = await askPatch(requests, ops, hasTag ? expectation.ifMatch : undefined);
  if (reply.ok) {
    const { version } = (await requests.json(reply.response)) as { version: number };
    return { ok: true, version };
  }
  const { error, body } = reply;
  if (isAppError(error, 'SERVER_STATE_STALE') && typeof body['etag'] === 'string')
    return { ok: false, current: body['current'] as Json | undefined, etag: body['etag'] };
  if (isAppError(error, 'SERVER_STATE_STALE') || failedTest(reply, ops) !== null)
    return { ok: false, ...(await readIfAny(requests, path)) };
  throw error;
}

/** Changes a value by what it is, as one step. */
export async function update(
  requests: Requests,
  path: string,
  change: (value: Json) => Json | Promise<Json>,
): Promise<{ readonly version: number }> {
  for (let left = MAX_ATTEMPTS; left > 0; left -= 1) {
    const { value, etag } = await read(requests, path);
    const result = await compareAndSet(requests, path, { ifMatch: etag }, await change(value));
    if (result.ok) return result;
  }
  throw appError('SERVER_STATE_STALE', { pointer: path });
}

/** Where a place is read: by its path, which a request cannot hold when it has a segment that URLs resolve. */
function addressOf(pointer: string): string {
  const segments = parsePointer(pointer);
  if (segments.some((segment) => segment === '.' || segment === '..'))
    return `/state?${new URLSearchParams({ pointer }).toString()}`;
  return `/state${segments.map((segment) => `/${encodeURIComponent(escapeSegment(segment))}`).join('')}`;
}

async function askPatch(
  requests: Requests,
  ops: readonly Operation[],
  ifMatch?: string,
): Promise<Reply> {
  return await requests.ask('PATCH', '/state', {
    headers: ifMatch === undefined ? {} : { 'if-match': ifMatch },
    body: { type: 'application/json-patch+json', value: ops },
  });
}

async function readIfAny(
  requests: Requests,
  path: string,
): Promise<{ readonly current: Json | undefined; readonly etag: string }> {
  try {
    const { value, etag } = await read(requests, path);
    return { current: value, etag };
  } catch (error) {
    if (isAppError(error, 'SERVER_POINTER_UNKNOWN')) return { current: undefined, etag: '' };
    throw error;
  }
}

/**
 * The path of the comparison for which a patch was refused, also one with what is gone; `null` when it was refused for
 * something else.
 */
function failedTest(
  { body }: Extract<Reply, { ok: false }>,
  ops: readonly Operation[],
): string | null {
  const outcomes: unknown = body['operations'];
  if (!Array.isArray(outcomes)) return null;
  const last: unknown = outcomes.at(-1);
  const op = ops[outcomes.length - 1];
  if (op?.op !== 'test' || !isJsonObject(last)) return null;
  return last['problem'] === 'test-failed' || last['problem'] === 'missing' ? op.path : null;
}
