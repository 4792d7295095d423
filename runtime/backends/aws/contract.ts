/**
 * Names and shapes that the AWS backend, its hosts in containers, the emulator and `infra/` share.
 *
 * N1 Whoever creates a thing and whoever uses it take its name from here; nothing here does anything.
 * N2 Everything that a work's role must be limited to begins with `W#<class id>#` or is the app's lease (see {@link leaseKey}).
 * N3 One deployed app has its own two tables.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { ClassRef } from '../../protocol/work-spec.ts';

/** Version of this file's shapes; a flow refuses a deployment that was made for another one. */
export const CONTRACT_VERSION = 1;

/** Prefix of the names of what a deployment creates. */
export const PREFIX = 'stormkite';

// Environment of containers

/** JSON of a {@link Deployment}; for the flow. */
export const DEPLOYMENT_VARIABLE = 'STORMKITE_DEPLOYMENT';
/** JSON of a {@link WorkTask}; put over a work's task definition by `RunTask`. */
export const WORK_TASK_VARIABLE = 'STORMKITE_WORK_TASK';
/** `flow` or `work`; in every task definition. */
export const ROLE_VARIABLE = 'STORMKITE_ROLE';
/** `s3://bucket/key` or `file:///path` of the app's `.tgz`; in every task definition, so that a work keeps the code it started with. */
export const ARTIFACT_VARIABLE = 'STORMKITE_ARTIFACT';
/** SHA-256 of the artifact, 64 hex digits. */
export const ARTIFACT_SHA256_VARIABLE = 'STORMKITE_ARTIFACT_SHA256';
/** Port that a container's own server binds. */
export const PORT_VARIABLE = 'PORT';
/** Bearer token of the flow's API; injected as an ECS secret, never written into a template. */
export const TOKEN_VARIABLE = 'STORMKITE_TOKEN';
/**
 * Host names by which browsers reach the flow through something in front of it, with commas between them; `*` where the address is
 * not known beforehand (`ui: 'direct'`). Every request carries the token all the same.
 */
export const HOSTS_VARIABLE = 'STORMKITE_HOSTS';
/** JSON of those waits of a work (`channel/work-timings.ts`) that differ from the usual ones; for works. */
export const WORK_TIMINGS_VARIABLE = 'STORMKITE_WORK_TIMINGS';
/** JSON of a price list (`runtime/hardware/prices.ts`) for the deployment's region and instance types; for the flow. */
export const PRICES_VARIABLE = 'STORMKITE_PRICES';

// Between the command line and the CDK app

/** Context that `cdk` is given (`-c <name>=<value>`). */
export const CDK_CONTEXT = {
  /** Path of the app file. */
  app: 'app',
  /** Name of the app. */
  name: 'name',
  /** Path of a price list in JSON, for {@link PRICES_VARIABLE}. */
  prices: 'prices',
  /** `true`: the tables stay when the stack is deleted. */
  keepState: 'keepState',
} as const;

/** Outputs of a stack, by what they name; their keys end with these words, whatever construct they are in. */
export const STACK_OUTPUTS = {
  app: 'AppName',
  region: 'AppRegion',
  cluster: 'ClusterName',
  /** Name of the flow's ECS service. */
  service: 'FlowService',
  /** Secrets Manager secret that holds the API's token. */
  token: 'TokenSecret',
  logGroup: 'LogGroupName',
  stateTable: 'StateTable',
  deltasTable: 'DeltasTable',
  /** Address of the API, where it has one: `ui` is `direct` or `alb`. */
  url: 'AppUrl',
  /** Path of the SSM parameters that works find their `env:NAME` secrets in. */
  secretsPath: 'SecretsPath',
  /** How the app is reached: `tunnel`, `none`, `direct` or `alb`. */
  ui: 'AppUi',
} as const;
export type StackOutput = keyof typeof STACK_OUTPUTS;

/** Key of an app's output: what it names, after the app's name in letters and digits. */
export function outputKeyOf(app: string, output: StackOutput): string {
  const words = app.split(/[^A-Za-z0-9]+/);
  const name = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
  return name + STACK_OUTPUTS[output];
}

/** Path of the SSM parameters that `env:NAME` secrets of an app's works are kept in. */
export function secretsPathOf(app: string): string {
  return `/${PREFIX}/${encodeName(app)}`;
}

/** Name of an app's stack: letters, digits and hyphens. */
export function stackNameOf(app: string): string {
  return `${PREFIX}-${app.replaceAll(/[^A-Za-z0-9-]/g, '-')}`;
}

// Ports, containers, images

/** Port inside containers: of the flow's API, and of a work's own server where it names none. */
export const CONTAINER_PORT = 8080;
/** How long a load balancer keeps a connection without traffic; the dashboard's streams say something every 25 s. */
export const BALANCER_IDLE_SECONDS = 120;
/** Name of the container that runs the app. */
export const CONTAINER_NAME = 'app';
/** Image of works and of the flow unless a `BuildConfig` names another. */
export const STOCK_IMAGE = 'public.ecr.aws/docker/library/node:22-slim';
/** Host ports that bridge mode gives to containers; the works' security group admits the flow and itself on them. */
export const DYNAMIC_PORTS = { from: 32_768, to: 65_535 } as const;
/** Seconds between SIGTERM and SIGKILL of a task. */
export const STOP_TIMEOUT_SECONDS = 30;

/** `awslogs-stream-prefix` of the flow's and of the works' task definitions: their role. */
export type LogRole = 'flow' | 'work';

/** Beginning of the structured lines that hosts print beside what user code prints. */
export const HOST_LINE_HEAD = '{"stormkite":';

/** Log stream of a task: `<prefix>/<container>/<task id>`. */
export function logStreamOf(role: LogRole, taskArn: string): string {
  return `${role}/${CONTAINER_NAME}/${taskArn.slice(taskArn.lastIndexOf('/') + 1)}`;
}

/**
 * Exit codes of a work's container that Stormkite itself ends; user code is to use others. What each means for the work's call is
 * in `launcher/task-status.ts`.
 */
export const WORK_EXIT_CODES = {
  /** It was started without what its task definition must tell it. Of flows too. */
  misdeployed: 78,
  /** Its artifact could not be fetched, verified or unpacked, or the app's packages not be installed. Of flows too. */
  noArtifact: 79,
  /** A newer launch of the work goes on in its place. */
  fenced: 80,
  /** The dead-man switch: the flow was gone, or nothing could be reached, for too long. */
  flowLost: 81,
  /** The task found no input: nobody launched it. */
  noInput: 82,
  /** A secret does not exist, or may not be read. */
  noSecret: 83,
  /** Secrets or packages could not be had: what has them did not answer. */
  notSupplied: 84,
  /** An S3 folder of its `mounts` does not exist, may not be read, or has no room. */
  noMount: 85,
} as const;

// Limits of AWS

/** An item with its attribute names may have 400 KB; this leaves room for them. */
export const MAX_CHUNK_BYTES = 350 * 1024;
/** Characters of the JSON of a task's overrides. */
export const MAX_OVERRIDES_CHARS = 8_192;
/** `DescribeTasks` takes as many at once. */
export const MAX_DESCRIBED_TASKS = 100;

// Keys of the tables. `pk` and `sk` are texts; every other attribute is written by one module only.

export const PARTITION_KEY = 'pk';
export const SORT_KEY = 'sk';
/** Epoch seconds; both tables expire items by it. */
export const TTL_ATTRIBUTE = 'ttl';
/** Days that deltas stay readable after they were written. */
export const DELTA_TTL_DAYS = 30;

const SEQ_DIGITS = 16;

/** Partition of an app's lease, which works may read (`State`). Its one item has this sort key too. */
export function leaseKey(app: string): string {
  return `L#${app}`;
}

/** Partition of an app's turn records, snapshots, and records of tasks and hardware (`State`). */
export function appKey(app: string): string {
  return `A#${app}`;
}

/** Partition of one work: its input and downlink in `State`, its deltas in `Deltas`. */
export function workKey(classId: string, work: string): string {
  return `W#${classId}#${encodeName(work)}`;
}

/** Leading part of the keys of all works of one class. */
export function classKeyPrefix(classId: string): string {
  return `W#${classId}#`;
}

/** Sort key of a delta (`Deltas`); its chunks, if any, are at `<this>#<chunk>`. */
export function deltaSortKey(seq: number): string {
  return `D#${padded(seq)}`;
}

/** Sort key of what a work's task reads when it starts (`State`); chunks at `<this>#<chunk>`. */
export function inputSortKey(epoch: number): string {
  return `I#${padded(epoch)}`;
}

/** Sort key of the item that a running work polls: how many messages there are (`State`). */
export const BELL_SORT_KEY = 'B';

/** Sort key of a message to a running work (`State`); chunks at `<this>#<chunk>`. */
export function messageSortKey(number: number): string {
  return `M#${padded(number)}`;
}

/** A number as it stands in sort keys: they sort as numbers do. */
export function padded(number: number): string {
  return String(number).padStart(SEQ_DIGITS, '0');
}

/** A name in keys, file names and AWS names; unequal for unequal names. */
export function encodeName(name: string): string {
  // JSON escapes lone surrogates, which have no percent-encoding.
  return encodeURIComponent(JSON.stringify(name).slice(1, -1));
}

/**
 * Identity of a work class: stable over deployments, part of keys and of IAM conditions.
 *
 * An export is its name, a listed class `~<index>`, a class that only stands in the tree `.<full name>`.
 */
export function classIdOf(ref: ClassRef): string {
  if (ref.by === 'export') return encodeName(ref.name);
  return ref.by === 'listed' ? `~${ref.index}` : `.${encodeName(ref.name)}`;
}

/** `startedBy` of every task of an app: at most 128 of `[A-Za-z0-9-/_]`. */
export function startedByOf(app: string): string {
  return `${PREFIX}/${app.replaceAll('.', '-')}`;
}

/** `clientToken` of a launch (R5): at most 64 characters. */
export function clientTokenOf(app: string, work: string, epoch: number): string {
  const identity = JSON.stringify([app, work, epoch]);
  return createHash('sha256').update(identity).digest('hex').slice(0, 32);
}

/** Bucket and prefix of a mount's `s3://bucket/folder/`; `null` for what is none. The prefix is empty, or ends with a slash. */
export function s3FolderOf(
  source: string,
): { readonly bucket: string; readonly prefix: string } | null {
  const parts = /^s3:\/\/(?<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(?<path>.*))?$/s.exec(
    source,
  );
  const { bucket, path = '' } = parts?.groups ?? {};
  if (bucket === undefined) return null;
  return { bucket, prefix: path === '' || path.endsWith('/') ? path : `${path}/` };
}

/** What makes two works of one class need two task definitions. npm requirements do not: the task installs them. */
export interface TaskVariant {
  /** `null`: the stock image. */
  readonly image: string | null;
  readonly dockerfile: string | null;
  readonly buildCommands: readonly string[];
  /** MiB; 0: the platform's default. */
  readonly shmSize: number;
  readonly mounts: readonly { readonly source: string; readonly mountPath: string }[];
  /** Port of the work's own server. */
  readonly port: number;
}

/** Identity of a variant; `default` for one without any wish. */
export function variantIdOf(variant: TaskVariant): string {
  const { image, dockerfile, buildCommands, shmSize, mounts, port } = variant;
  const wishes = [image, dockerfile, buildCommands, shmSize, mounts, port];
  const text = JSON.stringify(wishes);
  const none = JSON.stringify([null, null, [], 0, [], CONTAINER_PORT]);
  return text === none ? 'default' : createHash('sha256').update(text).digest('hex').slice(0, 12);
}

/** Key of a kind of machine: the named class or instance type, with `-spot` for interruptible capacity. */
export function hardwareKeyOf(hardware: {
  readonly name: string;
  readonly interruptible: boolean;
}): string {
  return hardware.interruptible ? `${hardware.name}-spot` : hardware.name;
}

const tables = z.object({ state: z.string(), deltas: z.string() });

const pool = z.object({
  autoScalingGroup: z.string(),
  capacityProvider: z.string(),
  /** Types that this group starts, in its order. */
  instanceTypes: z.array(z.string()).min(1),
  market: z.enum(['on-demand', 'spot']),
  /** Instances that the group may have at most. */
  maxInstances: z.number(),
});

const hardware = z.object({
  /** Tried in order. */
  pools: z.array(pool).min(1),
  /** Of one machine of the smallest type. */
  vcpus: z.number(),
  memoryMiB: z.number(),
  gpus: z.number(),
  /** Several works share one machine; each gets `workCpuUnits` and `workMemoryMiB`. */
  shared: z.boolean(),
  /** What one work reserves: 1,024 units are one vCPU. */
  workCpuUnits: z.number(),
  workMemoryMiB: z.number(),
  /** GiB of a machine's root volume, for its price. */
  diskGiB: z.number().optional(),
});

/** Schema of {@link Deployment}. */
export const deploymentSchema = z.object({
  contract: z.literal(CONTRACT_VERSION),
  app: z.string(),
  region: z.string(),
  /** Name of the ECS cluster. */
  cluster: z.string(),
  tables,
  /** Subnets that instances may be started in, in the order in which they are tried. */
  subnets: z.array(z.string()).min(1),
  /** Task definition (family:revision or ARN) by class id and variant id. */
  taskDefinitions: z.record(z.string(), z.record(z.string(), z.string())),
  /** Kinds of machines by {@link hardwareKeyOf}. */
  hardware: z.record(z.string(), hardware),
  /** CloudWatch log group of the flow and the works. */
  logGroup: z.string(),
  /** Where `env:NAME` secrets of works are kept: SSM parameters below this path. */
  secretsPath: z.string(),
  /** Whether works' tasks are started with ECS Exec. */
  allowExec: z.boolean().optional(),
  mode: z.enum(['aws', 'emulated']),
});

/** Everything that a flow needs to know of what was deployed for it. */
export type Deployment = z.infer<typeof deploymentSchema>;
export type HardwareDeployment = Deployment['hardware'][string];
export type CapacityPool = HardwareDeployment['pools'][number];

/** Schema of {@link WorkTask}. */
export const workTaskSchema = z.object({
  contract: z.literal(CONTRACT_VERSION),
  app: z.string(),
  /** Full name of the work. */
  work: z.string(),
  /** {@link workKey} */
  key: z.string(),
  epoch: z.number().int().min(1),
  tables,
  secretsPath: z.string(),
  mode: z.enum(['aws', 'emulated']),
});

/** What a work's task is told by `RunTask`: names only, the rest it reads from its input item. */
export type WorkTask = z.infer<typeof workTaskSchema>;
