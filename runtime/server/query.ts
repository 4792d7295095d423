import type { z } from 'zod';
import { appError } from '../errors/index.ts';
import type * as Schemas from './schemas.ts';

/**
 * Reads what a request gives by the schema that documents it, which is loaded when it is first needed.
 *
 * @throws `SERVER_REQUEST_MALFORMED`
 */
export async function parseInput<T>(
  schemaOf: (schemas: typeof Schemas) => z.ZodType<T>,
  input: unknown,
): Promise<T> {
  const parsed = schemaOf(await import('./schemas.ts')).safeParse(input);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const place = issue === undefined ? '' : issue.path.join('.');
  const problem = [place, issue?.message ?? 'it cannot be read'].join(' ').trim();
  throw appError('SERVER_REQUEST_MALFORMED', { problem });
}
