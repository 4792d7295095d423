/** What {@link provision} makes: an app as a stack would deploy it, as one JSON. */
import { z } from 'zod';
import { appError } from '../../../errors/index.ts';
import { CONTAINER_PORT } from '../contract.ts';

const environment = z.record(z.string(), z.string()).default({});
/** Variables of a container from `ssm:<name>` or `secretsmanager:<name>`. */
const secrets = z
  .record(
    z.string(),
    z.string().regex(/^(ssm|secretsmanager):./, 'is "ssm:<name>" or "secretsmanager:<name>"'),
  )
  .default({});

const hardware = z.object({
  /** Tried in order; each must be known to the emulator. */
  instanceTypes: z.array(z.string()).min(1),
  market: z.enum(['on-demand', 'spot']).default('on-demand'),
  maxInstances: z.number().int().min(1).default(100),
  /** Several works on one machine. */
  shared: z.boolean().default(false),
  /** What one work reserves. @default - one vCPU and its share of the memory of a shared machine, else all of it */
  workCpuUnits: z.number().int().optional(),
  workMemoryMiB: z.number().int().optional(),
});

const container = z.object({
  image: z.string().default('public.ecr.aws/docker/library/node:22-slim'),
  /** Run as it is; everything that it needs it brings or fetches itself. */
  command: z.array(z.string()).min(1),
  environment,
  secrets,
  /** Port that the container's own server has; the process is told the host's port instead. */
  port: z.number().int().default(CONTAINER_PORT),
  stopTimeoutSeconds: z.number().int().min(0).optional(),
});

const flow = container.extend({
  /** Fargate's units: 1,024 are one vCPU. */
  cpuUnits: z.number().int().default(256),
  memoryMiB: z.number().int().default(512),
  desiredCount: z.number().int().min(0).default(1),
});

export const deploymentSpecSchema = z.object({
  app: z.string().min(1),
  /** Kinds of machines by `hardwareKeyOf`. */
  hardware: z.record(z.string(), hardware),
  /** By class id and variant id. */
  works: z.record(z.string(), z.record(z.string(), container)).default({}),
  /** `null`: the flow runs somewhere else. */
  flow: flow.nullable().default(null),
  /** Values by variable, stored as SSM parameters below the app's secrets path, where works find their `env:NAME` secrets. */
  environmentSecrets: z.record(z.string(), z.string()).default({}),
  /** More SSM parameters, by full name. */
  parameters: z.record(z.string(), z.string()).default({}),
  /** Secrets Manager secrets, by name. */
  secrets: z.record(z.string(), z.string()).default({}),
});

/** What an app needs to be deployed in the emulator. */
export type EmulatedDeploymentSpec = z.input<typeof deploymentSpecSchema>;
export type ResolvedDeploymentSpec = z.output<typeof deploymentSpecSchema>;
export type ContainerSpec = ResolvedDeploymentSpec['works'][string][string];
export type FlowSpec = NonNullable<ResolvedDeploymentSpec['flow']>;

/** @throws `EMULATOR_SPEC_INVALID` */
export function parseDeploymentSpec(value: unknown): ResolvedDeploymentSpec {
  const parsed = deploymentSpecSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw specInvalid('deployment', parsed.error);
}

export function specInvalid(what: string, error: z.ZodError): Error {
  const [issue] = error.issues;
  const problem = issue === undefined ? error.message : `${issue.path.join('.')} ${issue.message}`;
  return appError('EMULATOR_SPEC_INVALID', { what, problem: problem.trim() });
}
