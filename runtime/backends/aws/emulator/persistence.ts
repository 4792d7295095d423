/** What an emulator with a directory keeps from one run to the next, beside the objects of S3: one JSON file. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { appError } from '../../../errors/index.ts';
import type { BillingRecord } from './ec2/billing.ts';
import type { TaskDefinition } from './ecs/task-definitions.ts';
import { storedDefinitionSchema } from './ecs/task-definitions.ts';
import type { Parameter, Secret } from './parameters.ts';

const FILE = 'emulator.json';
const VERSION = 1;

const storedSchema = z.object({
  version: z.literal(VERSION),
  /** Epoch milliseconds at which it was written. */
  at: z.number(),
  billing: z.array(
    z.object({
      id: z.string(),
      kind: z.enum(['instance', 'fargate']),
      type: z.string(),
      market: z.enum(['on-demand', 'spot']),
      dollarsPerHour: z.number(),
      launchedAt: z.number(),
      endedAt: z.number().nullable(),
    }),
  ),
  taskDefinitions: z.array(storedDefinitionSchema),
  parameters: z.array(
    z.object({
      name: z.string(),
      value: z.string(),
      type: z.enum(['String', 'StringList', 'SecureString']),
      version: z.number(),
      changedAt: z.number(),
    }),
  ),
  secrets: z.array(
    z.object({
      name: z.string(),
      arn: z.string(),
      value: z.string(),
      versionId: z.string(),
      createdAt: z.number(),
    }),
  ),
});

export interface Stored {
  readonly billing: readonly BillingRecord[];
  readonly taskDefinitions: readonly TaskDefinition[];
  readonly parameters: readonly Parameter[];
  readonly secrets: readonly Secret[];
}

const NOTHING: Stored = { billing: [], taskDefinitions: [], parameters: [], secrets: [] };

/**
 * Reads what an earlier run wrote. What then ran ended at the latest when that was written: its run was killed.
 *
 * @throws `EMULATOR_STATE_UNREADABLE`
 */
export async function readStored(directory: string | null): Promise<Stored> {
  if (directory === null) return NOTHING;
  const file = join(directory, FILE);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return NOTHING;
    throw unreadable(file, error);
  }
  try {
    const { at, billing, ...rest } = storedSchema.parse(JSON.parse(text));
    return { ...rest, billing: billing.map((each) => ({ ...each, endedAt: each.endedAt ?? at })) };
  } catch (error) {
    throw unreadable(file, error);
  }
}

export async function writeStored(directory: string, stored: Stored, at: number): Promise<void> {
  await mkdir(directory, { recursive: true });
  const file = join(directory, FILE);
  // Secrets are in it.
  await writeFile(`${file}.new`, JSON.stringify({ version: VERSION, at, ...stored }), {
    mode: 0o600,
  });
  await rename(`${file}.new`, file);
}

function unreadable(file: string, cause: unknown): Error {
  const problem = cause instanceof Error ? cause.message : String(cause);
  return appError('EMULATOR_STATE_UNREADABLE', { file, problem }, { cause });
}
