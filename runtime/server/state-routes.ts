import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { appError, isAppError } from '../errors/index.ts';
import type { AppControl, PatchResult } from '../loop/control.ts';
import type { Json } from '../state/json.ts';
import { parseOperations } from '../state/operation.ts';
import { getAt, parsePointer } from '../state/pointer.ts';
import { etagOf, isMatch, patchedPointer } from './etag.ts';

/** Reading and patching the state document. */
export function addStateRoutes(app: FastifyInstance, control: AppControl, base: string): void {
  const path = `${base}/state`;
  const get = (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const pointer = pointerOf(request.raw.url ?? '', path);
    const value = valueAt(control, pointer);
    const tag = etagOf(value);
    reply.header('etag', tag).header('cache-control', 'no-store');
    const seen = request.headers['if-none-match'];
    if (seen !== undefined && isMatch(seen, control.document(), pointer))
      return reply.code(304).send();
    return reply.type('application/json').send(JSON.stringify(value));
  };
  app.get(path, get);
  app.get(`${path}/*`, get);
  app.patch(path, async (request) => {
    const ops = parseOperations(request.body);
    const header = request.headers['if-match'];
    const pointer = patchedPointer(ops);
    const check = header === undefined ? undefined : isMatch.bind(null, header);
    const result = await control.patch(ops, check && ((document) => check(document, pointer)));
    return versionOf(result, control.name, pointer);
  });
}

/** `/api/v1/state/works/a%20b` asks for `/works/a b`. */
function pointerOf(url: string, path: string): string {
  const [encoded = ''] = url.slice(path.length).split('?');
  try {
    return decodeURIComponent(encoded);
  } catch (cause) {
    throw appError(
      'SERVER_REQUEST_MALFORMED',
      { problem: 'its path has a wrong percent sign' },
      { cause },
    );
  }
}

function valueAt(control: AppControl, pointer: string): Json {
  const value = getAt(control.document(), segmentsOf(pointer));
  if (value === undefined) throw appError('SERVER_POINTER_UNKNOWN', { pointer });
  return value;
}

function segmentsOf(pointer: string): string[] {
  try {
    return parsePointer(pointer);
  } catch (cause) {
    // State can have nothing under such a key.
    if (isAppError(cause, 'STATE_KEY_FORBIDDEN'))
      throw appError('SERVER_POINTER_UNKNOWN', { pointer }, { cause });
    throw cause;
  }
}

function versionOf(result: PatchResult, app: string, pointer: string): { version: number } {
  if (result.ok) return { version: result.version };
  if (result.why === 'stale') throw appError('SERVER_STATE_STALE', { pointer });
  if (result.why === 'ended') throw appError('SERVER_APP_ENDED', { app });
  const { problem } = result;
  const last = result.outcomes.at(-1);
  const isMissing = last !== undefined && !last.ok && last.problem === 'missing';
  throw appError(isMissing ? 'SERVER_PATCH_TARGET_UNKNOWN' : 'SERVER_PATCH_REFUSED', { problem });
}
