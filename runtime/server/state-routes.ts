import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { appError, isAppError, type AppError } from '../errors/index.ts';
import type { AppControl, PatchResult } from '../loop/control.ts';
import type { Problem } from '../state/apply.ts';
import type { Json, JsonObject } from '../state/json.ts';
import { parseOperations, type Operation } from '../state/operation.ts';
import { getAt, parsePointer } from '../state/pointer.ts';
import { clientOf } from './client-name.ts';
import { etagOf, isMatch, patchedPointer, tagAt } from './etag.ts';
import { toErrorAnswer, type ErrorBody } from './http-error.ts';
import { parseInput } from './query.ts';

/** Operations in one patch: applying them keeps the flow from its turns, and an insertion moves what comes after it. */
const MAX_OPERATIONS = 20_000;
/** Characters of a pointer: names of components nest, and messages repeat it. */
const MAX_POINTER_CHARS = 16_384;

/** Reading and patching the state document. */
export function addStateRoutes(app: FastifyInstance, control: AppControl, base: string): void {
  const path = `${base}/state`;
  const get = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const pointer = await pointerOf(request, path);
    const value = valueAt(control, pointer);
    const tag = etagOf(value);
    reply
      .header('etag', tag)
      .header('stormkite-version', control.version)
      .header('cache-control', 'no-store');
    const seen = request.headers['if-none-match'];
    if (seen !== undefined && isMatch(seen, control.document(), pointer))
      return reply.code(304).send();
    return reply.type('application/json').send(JSON.stringify(value));
  };
  app.get(path, get);
  app.get(`${path}/*`, get);
  app.patch(path, async (request, reply) => {
    const ops = parsePatch(request.body);
    const header = request.headers['if-match'];
    const pointer = patchedPointer(ops);
    const check = header === undefined ? undefined : isMatch.bind(null, header);
    const isCurrent = check && ((document: JsonObject): boolean => check(document, pointer));
    const result = await control.patch(ops, isCurrent, clientOf(request.raw));
    if (result.ok) return { version: result.version };
    const { status, body } = toErrorAnswer(errorOf(result, control.name, pointer), 'PATCH state');
    const details = detailsOf(result, ops, control.document(), pointer);
    return await reply.code(status).send({ ...body, ...details });
  });
}

/** @throws `STATE_PATCH_INVALID`, `STATE_POINTER_INVALID`, `STATE_KEY_FORBIDDEN` */
function parsePatch(body: unknown): Operation[] {
  if (Array.isArray(body) && body.length > MAX_OPERATIONS) {
    const problem = `it has ${body.length} operations, and ${MAX_OPERATIONS} is the most; replace whole fields, or send several`;
    throw appError('STATE_PATCH_INVALID', { problem });
  }
  const ops = parseOperations(body);
  for (const [index, op] of ops.entries()) {
    for (const pointer of 'from' in op ? [op.path, op.from] : [op.path]) {
      if (pointer.length <= MAX_POINTER_CHARS) continue;
      const problem = `a pointer of operation ${index} is longer than ${MAX_POINTER_CHARS} characters`;
      throw appError('STATE_PATCH_INVALID', { problem });
    }
  }
  return ops;
}

/** What helps a client to mend a patch, beside the error itself. */
export interface PatchRefusal extends ErrorBody {
  /** What the state has at the place that all operations share; absent when nothing is there. */
  readonly current?: Json;
  readonly etag?: string;
  /** One per operation up to the refused one; none of them was applied. */
  readonly operations?: readonly OperationOutcome[];
}

export interface OperationOutcome {
  readonly index: number;
  readonly path: string;
  readonly ok: boolean;
  readonly problem?: Problem;
  readonly message?: string;
}

function detailsOf(
  result: RefusedPatch,
  ops: readonly Operation[],
  document: JsonObject,
  pointer: string,
): Partial<PatchRefusal> {
  if (result.why === 'stale') return { ...currentAt(document, pointer) };
  if (result.why === 'ended') return {};
  return {
    operations: result.outcomes.map((outcome, index) => {
      const { ok } = outcome;
      const at = { index, path: ops[index]?.path ?? '', ok };
      return outcome.ok ? at : { ...at, problem: outcome.problem, message: outcome.message };
    }),
  };
}

/** The value at a pointer, or for a place that does not exist the ETag of what is right above it, as `If-Match` takes it. */
function currentAt(document: JsonObject, pointer: string): Partial<PatchRefusal> {
  const current = getAt(document, parsePointer(pointer));
  const etag = tagAt(document, pointer);
  return current === undefined ? { etag } : { current, etag };
}

/** `/api/v1/state/works/a%20b` asks for `/works/a b`, and so does `/api/v1/state?pointer=/works/a%20b`. */
async function pointerOf({ raw, query: given }: FastifyRequest, path: string): Promise<string> {
  const [encoded = '', query] = (raw.url ?? '').slice(path.length).split('?');
  if (query !== undefined) {
    const { pointer } = await parseInput((shapes) => shapes.stateQuerySchema, given);
    if (pointer !== undefined && encoded !== '')
      throw appError('SERVER_REQUEST_MALFORMED', {
        problem: 'it names a place in its path and another in its query',
      });
    if (pointer !== undefined) return pointer;
  }
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

type RefusedPatch = Extract<PatchResult, { ok: false }>;

function errorOf(result: RefusedPatch, app: string, pointer: string): AppError {
  if (result.why === 'stale') return appError('SERVER_STATE_STALE', { pointer });
  if (result.why === 'ended') return appError('SERVER_APP_ENDED', { app });
  const { problem } = result;
  const last = result.outcomes.at(-1);
  const isMissing = last !== undefined && !last.ok && last.problem === 'missing';
  return appError(isMissing ? 'SERVER_PATCH_TARGET_UNKNOWN' : 'SERVER_PATCH_REFUSED', { problem });
}
