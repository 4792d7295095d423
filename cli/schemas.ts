/** JSON shapes of `--json`, one per command; a test holds every command to its schema. */
import { z } from 'zod';
import { appStages, workStages } from '../runtime/protocol/events.ts';

export { manifestSchema } from '../runtime/host/manifest.ts';

const at = z.number().describe('epoch milliseconds');

/** A JSON Patch operation (RFC 6902). */
export const operationSchema = z.discriminatedUnion('op', [
  z.object({ op: z.enum(['add', 'replace', 'test']), path: z.string(), value: z.json() }),
  z.object({ op: z.literal('remove'), path: z.string() }),
  z.object({ op: z.enum(['move', 'copy']), from: z.string(), path: z.string() }),
]);

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

/** What any command prints when it fails. */
export const errorEventSchema = z.object({ type: z.literal('error'), at, error: wireErrorSchema });

/** A line of `run --json` and of the HTTP stream; `state watch --json` prints those of type `delta`. */
export const appEventSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('stage'),
    at,
    stage: z.enum(appStages),
    message: z
      .string()
      .optional()
      .describe('of `run`: the URL with the first stage, what the flow said with the last'),
  }),
  z.object({
    type: z.literal('turn'),
    at,
    version: z.number(),
    turn: z.number(),
    ms: z.number(),
    suspended: z.boolean(),
  }),
  z.object({
    type: z.literal('delta'),
    at,
    turn: z.number(),
    source: z.string(),
    ops: z.array(operationSchema),
  }),
  z.object({ type: z.literal('status'), at, work: z.string(), status: workStatusSchema }),
  z.object({
    type: z.literal('log'),
    at,
    source: z.string(),
    stream: z.enum(['stdout', 'stderr']),
    line: z.string(),
  }),
  errorEventSchema,
]);

/** A line of `logs --json`. */
export const logLineSchema = z.object({
  source: z.string(),
  stream: z.enum(['stdout', 'stderr']),
  at,
  line: z.string(),
});

export const workSummarySchema = z.object({
  name: z.string(),
  class: z.string(),
  status: workStatusSchema,
  hardware: z.string(),
  url: z.string(),
  pid: z.number().nullable(),
  calls: z.object({ waiting: z.number(), succeeded: z.number() }),
  vars: z.json(),
});

/** `ps --json`. */
export const psSchema = z.object({
  apps: z.array(
    z.object({
      name: z.string(),
      stage: z.enum([...appStages, 'unreachable']),
      url: z.string(),
      pid: z.number(),
      startedAt: z.iso.datetime(),
      appFile: z.string(),
      version: z.number().nullable().describe('of the state'),
      stormkite: z.string(),
      works: z.array(workSummarySchema),
    }),
  ),
});

/** `start`, `stop` and `delete --json`; `stop --all` names no work. */
export const commandSchema = z.object({
  app: z.string(),
  work: z.string().optional(),
  command: z.enum(['start', 'stop', 'delete']),
});

/** `state get --json`: any JSON. */
export const stateSchema = z.json();

/** `state set --json`. */
export const stateSetSchema = z.object({
  app: z.string(),
  pointer: z.string(),
  version: z.number(),
});

/** `init --json`. */
export const initSchema = z.object({
  directory: z.string(),
  files: z.array(z.string()),
  next: z.array(z.string()),
});

/** `--version --json`. */
export const versionSchema = z.object({ version: z.string() });
