/** What a container is told by its task definition and by `RunTask`. */
import type { z } from 'zod';
import { appError } from '../errors/index.ts';

/** Region of the task; ECS sets the first, users the second. */
const REGION_VARIABLES = ['AWS_REGION', 'AWS_DEFAULT_REGION'] as const;

/**
 * Reads a variable that holds JSON.
 *
 * @throws `HOST_TASK_ENVIRONMENT`
 */
export function readTaskVariable<T>(
  env: NodeJS.ProcessEnv,
  variable: string,
  schema: z.ZodType<T>,
): T {
  const text = env[variable];
  if (text === undefined) throw problem(variable, 'is missing');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw problem(variable, 'is not JSON', cause);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue === undefined ? '' : `${issue.path.join('.')}: ${issue.message}`;
  throw problem(variable, `is for another version: ${where}`, parsed.error);
}

/** @throws `HOST_TASK_ENVIRONMENT` */
export function regionOf(env: NodeJS.ProcessEnv): string {
  for (const variable of REGION_VARIABLES) {
    const region = env[variable];
    if (region !== undefined && region !== '') return region;
  }
  throw problem(REGION_VARIABLES[0], 'is missing');
}

function problem(variable: string, text: string, cause?: unknown): Error {
  return appError('HOST_TASK_ENVIRONMENT', { variable, problem: text }, { cause });
}
