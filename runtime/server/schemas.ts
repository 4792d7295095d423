/** JSON shapes of the HTTP API, for its OpenAPI document, for `--json`, and for the tests that hold both to them. */
import { z } from 'zod';
import { appModes } from '../protocol/app-status.ts';
import { appStages, workStages } from '../protocol/events.ts';
import { layoutTabKinds } from '../protocol/layout.ts';

/** Lines of one tail, and turns of one answer, at most. */
const MAX_TAIL = 100_000;
const MAX_TURNS = 10_000;

const at = z.number().describe('epoch milliseconds');
const workName = z.string().describe("a work's full name, such as root.train");

/** A parameter of a query; one that is given twice has two values, and is refused. */
const text = z.string({ error: 'must be given once' });

/** A whole number in a query. */
function count(max = Number.MAX_SAFE_INTEGER) {
  const range = max === Number.MAX_SAFE_INTEGER ? 'from 0 on' : `from 0 to ${max}`;
  const error = `must be a whole number ${range}`;
  return text
    .regex(/^\d+$/, { error })
    .transform(Number)
    .refine((value) => value <= max, { error });
}

export const worksQuerySchema = z.object({
  vars: text
    .transform((value) => value !== '0' && value !== 'false')
    .optional()
    .describe('0: without the fields of the works, which may be large'),
});

export const logsQuerySchema = z.object({
  tail: count(MAX_TAIL).optional().describe('lines to begin with; 1000 by default'),
  follow: text
    .transform((value) => value === '1' || value === 'true')
    .optional()
    .describe('1: go on with every new line'),
  search: text.optional().describe('only lines that contain this text'),
});

export const historyQuerySchema = z.object({
  from: count().optional().describe('first version; by default so that the latest turns come'),
  to: count().optional().describe('last version; by default the newest'),
  limit: count(MAX_TURNS).optional().describe('turns at most; 200 by default'),
});

export const stateQuerySchema = z.object({
  pointer: text
    .optional()
    .describe('JSON Pointer of the place that is asked for, also of one that no path can name'),
});

export const streamQuerySchema = z.object({
  pointer: text
    .optional()
    .describe('JSON Pointer: only changes at or below it, and what is there as the first event'),
  types: text
    .optional()
    .describe('turn, stage, layout, status, log, error; by default the first three'),
  lastEventId: text
    .optional()
    .describe('id of the last event that the reader has, for those who cannot send Last-Event-ID'),
});

export const versionParamsSchema = z.object({ version: count() });

/** A JSON Patch operation (RFC 6902). */
export const operationSchema = z.discriminatedUnion('op', [
  z.object({ op: z.enum(['add', 'replace', 'test']), path: z.string(), value: z.json() }),
  z.object({ op: z.literal('remove'), path: z.string() }),
  z.object({ op: z.enum(['move', 'copy']), from: z.string(), path: z.string() }),
]);

export const patchSchema = z.array(operationSchema);

export const workStatusSchema = z.object({
  stage: z.enum(workStages),
  timestamp: at,
  reason: z.string().optional(),
  message: z.string().optional(),
});

/** An error as it is printed and sent; causes nest. */
export const wireErrorSchema = z.object({
  name: z.string(),
  message: z.string(),
  code: z.string().optional(),
  hint: z.string().optional(),
  at: z.string().optional(),
  stack: z.string().optional(),
  get cause() {
    return wireErrorSchema.optional();
  },
});

/** A line of what the flow or a work printed. */
export const logLineSchema = z.object({
  source: z.string().describe("flow, or a work's full name"),
  stream: z.enum(['stdout', 'stderr']),
  at,
  line: z.string(),
});

export const workSummarySchema = z.object({
  name: workName,
  class: z.string(),
  status: workStatusSchema,
  statuses: z.array(workStatusSchema).describe('of the call in flight, else of the latest one'),
  startedAt: z.number().nullable().describe('when its process appeared, in epoch milliseconds'),
  hardware: z.string(),
  url: z.string(),
  pid: z.number().nullable(),
  calls: z.object({ waiting: z.number(), succeeded: z.number() }),
  vars: z.json().optional().describe('its fields, unless they were not asked for'),
});

export const appStatusSchema = z.object({
  name: z.string(),
  app: z.string(),
  stage: z.enum(appStages),
  version: z.number().describe('of the state; grows with every turn that changed something'),
  pid: z.number(),
  startedAt: z.iso.datetime(),
  stormkite: z.string(),
  mode: z.enum(appModes),
  clients: z.number().describe('connections that watch the state'),
  info: z.object({
    title: z.string().optional(),
    description: z.string().optional(),
    image: z.string().optional(),
  }),
});

export const changeSourceSchema = z.object({
  source: z.string().describe("a work's full name, flow, or client"),
  client: z.string().optional().describe('the name that a client gave itself, else its address'),
  ops: z.number().describe('how many of the operations, in order'),
});

export const turnSchema = z.object({
  type: z.literal('turn'),
  version: z.number(),
  at,
  stage: z.enum(appStages),
  sources: z.array(changeSourceSchema),
  ops: patchSchema,
});

/** What the stream and the WebSocket tell. */
export const streamEventSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('snapshot'), version: z.number(), state: z.json().optional() }),
  turnSchema,
  z.object({
    type: z.literal('stage'),
    at,
    stage: z.enum(appStages),
    message: z.string().optional(),
  }),
  z.object({ type: z.literal('layout'), at }),
  z.object({ type: z.literal('status'), at, work: workName, status: workStatusSchema }),
  z.object({ type: z.literal('log'), ...logLineSchema.shape }),
  z.object({ type: z.literal('error'), at, error: wireErrorSchema }),
]);

export const historySchema = z.object({
  oldest: z.number().describe('the oldest version whose state is kept; turns are, from the next'),
  newest: z.number(),
  turns: z.array(
    z.object({
      version: z.number(),
      at,
      deltas: z.array(
        z.object({
          source: z.string(),
          client: z.string().optional(),
          ops: patchSchema,
        }),
      ),
    }),
  ),
});

export const errorSchema = z.object({
  code: z.string(),
  message: z.string(),
  hint: z.string().optional(),
  at: z.string().optional(),
});

/** The answer to a patch that was not applied. */
export const patchRefusalSchema = errorSchema.extend({
  current: z
    .json()
    .optional()
    .describe('412: what the state has at the place that all operations share'),
  etag: z.string().optional().describe('412: its ETag'),
  operations: z
    .array(
      z.object({
        index: z.number(),
        path: z.string(),
        ok: z.boolean(),
        problem: z
          .enum(['missing', 'test-failed', 'bad-index', 'not-a-container', 'forbidden'])
          .optional(),
        message: z.string().optional(),
      }),
    )
    .optional()
    .describe('one per operation up to the refused one'),
});

/** The answer to an input that a schema of the app refuses. */
export const inputRefusalSchema = errorSchema.extend({
  issues: z
    .array(z.object({ path: z.array(z.union([z.string(), z.number()])), message: z.string() }))
    .optional(),
});

export const commandListSchema = z.array(
  z.object({
    name: z.string(),
    description: z.string(),
    args: z.json().optional().describe('JSON Schema of the arguments'),
  }),
);

const layoutErrorSchema = z.object({
  code: z.string(),
  message: z.string(),
  hint: z.string().optional(),
});

export const layoutSchema = z.object({
  tabs: z.array(
    z.object({
      name: z.string(),
      kind: z.enum(layoutTabKinds),
      url: z.string().describe('what an iframe loads'),
      ready: z.boolean().describe('whether the url answers now'),
      path: z.string().describe('full name of the component that the tab shows'),
      message: z.string().optional(),
      log: z.string().optional(),
      error: layoutErrorSchema.optional(),
    }),
  ),
  headless: z.boolean(),
});

export const versionSchema = z.object({ version: z.number() });
export const workCommandSchema = z.object({
  work: workName,
  command: z.enum(['start', 'stop', 'delete']),
});
export const stopSchema = z
  .object({ message: z.string({ error: 'must be text' }).optional() })
  .nullish();
