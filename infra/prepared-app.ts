/**
 * What is known of an app when its stack is made: a child process inspects and packs it (`runtime/host/prepare-deployment.ts`).
 *
 * User code is never loaded in the process of the CDK.
 */
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { z } from 'zod';
import type { DeploymentPlan } from '../runtime/backends/aws/deployment-plan.ts';
import { appError, fromWire, type WireError } from '../runtime/errors/index.ts';

const IS_SOURCE = import.meta.url.endsWith('.ts');
const ENTRY = fileURLToPath(
  new URL(`../runtime/host/prepare-deployment.${IS_SOURCE ? 'ts' : 'js'}`, import.meta.url),
);
/** Of the answer; it grows with the number of components. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
/** Loading the app has a limit of its own; packing reads every file of the project. */
const MAX_MS = 10 * 60_000;

const variant = z.object({
  image: z.string().nullable(),
  dockerfile: z.string().nullable(),
  buildCommands: z.array(z.string()),
  shmSize: z.number(),
  mounts: z.array(z.object({ source: z.string(), mountPath: z.string() })),
  port: z.number(),
});

const plan: z.ZodType<DeploymentPlan> = z.object({
  classes: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      variants: z.record(z.string(), variant),
      secrets: z.array(z.string()),
    }),
  ),
  hardware: z.array(
    z.object({
      key: z.string(),
      name: z.string(),
      market: z.enum(['on-demand', 'spot']),
      instanceTypes: z.array(z.string()),
      diskGiB: z.number(),
      vcpus: z.number(),
      memoryMiB: z.number(),
      gpus: z.number(),
      shared: z.boolean(),
      workCpuUnits: z.number(),
      workMemoryMiB: z.number(),
    }),
  ),
  requirements: z.array(z.string()),
  ignorePatterns: z.array(z.string()),
});

const prepared = z.object({
  /** Name of the app. */
  app: z.string(),
  projectRoot: z.string(),
  plan,
  artifact: z.object({ path: z.string(), sha256: z.string(), bytes: z.number() }),
  /** Path below which the app is served. */
  rootPath: z.string(),
  /** Name of `App({ flowCloudCompute })`. */
  flowHardware: z.string().nullable(),
});

/** An app that can be deployed. */
export type PreparedApp = z.infer<typeof prepared>;

const answerSchema = z.union([
  z.object({ prepared }),
  z.object({ error: z.custom<WireError>((value) => typeof value === 'object' && value !== null) }),
]);

/** An app that stands in several stacks is prepared once. */
const known = new Map<string, PreparedApp>();

/**
 * Inspects and packs an app. The artifact is removed when this process ends; by then the CDK has its own copy.
 *
 * @throws what cannot be loaded or packed (`HOST_…`, `APP_…`, `STATE_…`), `CLI_APP_NAME_INVALID`, `INFRA_PREPARE_FAILED`
 */
export function prepareApp(entry: string, name: string | undefined): PreparedApp {
  const key = JSON.stringify([resolve(entry), name]);
  const app = known.get(key) ?? prepareInChild(entry, name);
  known.set(key, app);
  return app;
}

function prepareInChild(entry: string, name: string | undefined): PreparedApp {
  const folder = mkdtempSync(join(tmpdir(), 'stormkite-deployment-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const child = spawnSync(
    process.execPath,
    [...loaderArguments(), ENTRY, entry, folder, ...(name === undefined ? [] : [name])],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      encoding: 'utf8',
      maxBuffer: MAX_ANSWER_BYTES,
      timeout: MAX_MS,
    },
  );
  const answer = parseAnswer(entry, child);
  if ('error' in answer) throw fromWire(answer.error);
  return answer.prepared;
}

function parseAnswer(entry: string, child: SpawnSyncReturns<string>) {
  const failed = (problem: string, cause?: unknown): Error =>
    appError('INFRA_PREPARE_FAILED', { entry, problem }, { cause });
  if (child.error) throw failed(child.error.message, child.error);
  let value: unknown;
  try {
    value = JSON.parse(child.stdout);
  } catch (cause) {
    throw failed(`its process ended with ${child.signal ?? `code ${child.status}`}`, cause);
  }
  const parsed = answerSchema.safeParse(value);
  if (!parsed.success) throw failed('its answer is of another version', parsed.error);
  return parsed.data;
}

/** From source, the child needs tsx. */
function loaderArguments(): string[] {
  if (!IS_SOURCE) return [];
  return ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href];
}
