import type { z } from 'zod';
import { ServiceError } from './service-error.ts';

/** One operation of a service: takes what was on the wire, gives what goes back. */
export type Operation = (input: unknown) => Promise<object> | object;
export type Operations = Readonly<Record<string, Operation>>;

/** Services that answer here, by their names in fault descriptions. */
export type ServiceName =
  | 'ecs'
  | 'ec2'
  | 'autoscaling'
  | 'logs'
  | 's3'
  | 'ssm'
  | 'secretsmanager'
  | 'metadata';

/** What a service calls input that it does not understand. */
const INVALID = {
  ecs: 'InvalidParameterException',
  ec2: 'InvalidParameterValue',
  autoscaling: 'ValidationError',
  logs: 'InvalidParameterException',
  ssm: 'ValidationException',
  secretsmanager: 'InvalidParameterException',
} as const;

/** Makes an operation of a service from the shape of its input and its handler. */
export function operationOf(service: keyof typeof INVALID) {
  return <I extends z.ZodType>(
    schema: I,
    handle: (input: z.output<I>) => Promise<object> | object,
  ): Operation =>
    (input) => {
      const parsed = schema.safeParse(input);
      if (parsed.success) return handle(parsed.data);
      const [issue] = parsed.error.issues;
      const path = issue === undefined ? '' : issue.path.join('.');
      throw new ServiceError(INVALID[service], `${path}: ${issue?.message ?? 'invalid input'}`);
    };
}

/** Epoch milliseconds as AWS writes them in JSON. */
export function toSeconds(ms: number): number {
  return ms / 1_000;
}

/** A page of a list; the token is the place where the next one begins. */
export function pageOf<T>(
  all: readonly T[],
  token: string | undefined,
  size: number,
): { readonly page: readonly T[]; readonly nextToken: string | undefined } {
  const from = token === undefined ? 0 : Number(Buffer.from(token, 'base64url').toString());
  if (!Number.isInteger(from) || from < 0)
    throw new ServiceError('InvalidParameterException', 'Invalid token');
  const next = from + size;
  return {
    page: all.slice(from, next),
    nextToken: next < all.length ? Buffer.from(String(next)).toString('base64url') : undefined,
  };
}
