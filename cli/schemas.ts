/** JSON shapes of `--json`, one per command; a test holds every command to its schema. */
import { z } from 'zod';
import { appModes } from '../runtime/protocol/app-status.ts';
import { costSchema as appCostSchema } from '../runtime/protocol/cost.ts';
import { appStages } from '../runtime/protocol/events.ts';
import {
  commandListSchema,
  logLineSchema,
  operationSchema,
  wireErrorSchema,
  workStatusSchema,
  workSummarySchema,
} from '../runtime/server/schemas.ts';

export { manifestSchema } from '../runtime/host/manifest.ts';
export { logLineSchema };

const at = z.number().describe('epoch milliseconds');

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
  z.object({ type: z.literal('log'), ...logLineSchema.shape }),
  z.object({ type: z.literal('layout'), at }),
  errorEventSchema,
]);

/** `exec --json`. */
export const execSchema = z.object({
  work: z.string(),
  code: z
    .number()
    .nullable()
    .describe(
      'exit code of the command; null for a deployed app: Session Manager does not tell it',
    ),
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

/** `start`, `stop`, `delete`, `pause` and `resume --json`; those of a whole app name no work. */
export const commandSchema = z.object({
  app: z.string(),
  work: z.string().optional(),
  command: z.enum(['start', 'stop', 'delete', 'pause', 'resume']),
});

/** `cost --json`. */
export const costSchema = z.object({
  app: z.string(),
  mode: z.enum(appModes),
  flowPerHour: z
    .number()
    .describe('dollars of the flow itself, which the sums leave out; 0 locally'),
  cost: appCostSchema.nullable().describe('null: no machine was ever billed'),
});

/** `prices --json`. */
export { priceListSchema as pricesSchema } from '../runtime/hardware/prices.ts';

/** `doctor --json`. */
export const doctorSchema = z.object({
  checks: z.array(
    z.object({
      name: z.string(),
      status: z.enum(['ok', 'warn', 'fail', 'skipped']),
      found: z.string(),
      mend: z.string().optional().describe('what to do about it'),
    }),
  ),
});

/** `open --json`. */
export const openSchema = z.object({ app: z.string(), url: z.string() });

/** `deploy --json`: the plan, then what was done, unless it was a dry run. */
export { deploySummarySchema as deployPlanSchema } from '../runtime/host/deploy-summary.ts';
/** @public */
export const deploySchema = z.object({
  app: z.string(),
  region: z.string(),
  stack: z.string(),
  outputs: z.record(z.string(), z.string()),
});

/**
 * `destroy --json`.
 *
 * @public
 */
export const destroySchema = z.object({
  app: z.string(),
  stack: z.string(),
  kept: z.array(z.string()).describe('tables that were kept'),
});

/** `command --json`: what the command gave, or all commands when none is named. */
export const appCommandSchema = z.object({
  app: z.string(),
  command: z.string(),
  result: z.json(),
});
export const appCommandsSchema = z.object({ app: z.string(), commands: commandListSchema });

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

/** First line of `emulator --json`; then a line for each that a task prints. */
export const emulatorReadySchema = z.object({
  type: z.literal('ready'),
  endpoint: z.url(),
  dynamodb: z.url(),
  environment: z.record(z.string(), z.string()).describe('what leads AWS SDKs to it'),
});

export const emulatorLogSchema = z.object({
  type: z.literal('log'),
  family: z.string(),
  container: z.string(),
  taskArn: z.string(),
  stream: z.enum(['stdout', 'stderr']),
  at,
  line: z.string(),
  logGroup: z.string().nullable(),
  logStream: z.string().nullable(),
});
