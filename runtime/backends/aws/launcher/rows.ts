/**
 * What the launcher keeps of runs and machines, so that a flow that comes back knows everything that is paid for.
 *
 * W1 Whatever a paid call may create is named in a row before that call is made.
 * W2 A row is written as a whole; what it says replaces what it said.
 */
import { z } from 'zod';
import { encodeName, padded } from '../contract.ts';

export const RUN_PREFIX = 'R#';
export const MACHINE_PREFIX = 'HW#';

const exitReasons = ['interrupted', 'oom', 'exited', 'stopped', 'tree', 'load'] as const;

/** Why a task is, or was, stopped by the flow: as asked, its machine goes, or it did not start in time. */
const stopCauses = ['asked', 'spot', 'host', 'start'] as const;
export type StopCause = (typeof stopCauses)[number];

const endSchema = z.object({
  /** `lost`: nothing is known of how it ended. */
  reason: z.enum([...exitReasons, 'lost']),
  message: z.string(),
  /** SIGKILL was needed. */
  forced: z.boolean(),
  /** Epoch milliseconds. */
  at: z.number(),
});
export type RunEnd = z.infer<typeof endSchema>;

/** An end in the words of the process, where ECS saw nothing but that it ended. */
export function endAsSaid(end: RunEnd, said: Pick<RunEnd, 'reason' | 'message'> | null): RunEnd {
  const isPlain = end.reason === 'exited' || end.reason === 'lost';
  return said !== null && isPlain ? { ...end, ...said } : end;
}

const instanceTrySchema = z.object({
  autoScalingGroup: z.string(),
  subnet: z.string(),
  token: z.string(),
  /** Place in the order of pools and subnets, and how often the order was gone through. */
  index: z.number(),
  round: z.number(),
  /** False while it may have started an instance that is not recorded. */
  answered: z.boolean(),
});
export type InstanceTry = z.infer<typeof instanceTrySchema>;

const taskTrySchema = z.object({
  token: z.string(),
  /** Number of this try: another token is used only after an answer that no task was made. */
  number: z.number(),
  instanceId: z.string(),
  capacityProvider: z.string(),
  /** Whether `ecs:ExecuteCommand` is to reach it. */
  allowExec: z.boolean().optional(),
  /** Epoch milliseconds. */
  sentAt: z.number(),
  /** False while it may have made a task whose ARN is not recorded. */
  answered: z.boolean(),
});
export type TaskTry = z.infer<typeof taskTrySchema>;

const runRowSchema = z.object({
  work: z.string(),
  epoch: z.number(),
  /** Partition of the work's items. */
  key: z.string(),
  hardware: z.string(),
  /** Who may use the same machine; see `ownerOf`. */
  owner: z.string(),
  /** Ids of its class and variant; absent in rows of flows that did not keep them. */
  classId: z.string().optional(),
  variantId: z.string().optional(),
  /** What the latest try was made with: a deployment makes another one, and ends this one. */
  taskDefinition: z.string(),
  cpuUnits: z.number(),
  memoryMiB: z.number(),
  gpus: z.number(),
  /** It uses the GPUs of its machine together with others. */
  sharesGpus: z.boolean(),
  /** Epoch milliseconds. */
  createdAt: z.number(),
  state: z.enum(['launching', 'starting', 'running', 'ended']),
  instanceTry: instanceTrySchema.nullable(),
  instanceId: z.string().nullable(),
  taskTry: taskTrySchema.nullable(),
  taskArn: z.string().nullable(),
  stop: z.enum(stopCauses).nullable(),
  end: endSchema.nullable(),
});
/** One launch of a work. */
export type RunRow = z.infer<typeof runRowSchema>;

const machineRowSchema = z.object({
  instanceId: z.string(),
  /** Key of its kind, see `hardwareKeyOf`. */
  hardware: z.string(),
  autoScalingGroup: z.string(),
  capacityProvider: z.string(),
  market: z.enum(['on-demand', 'spot']),
  /** Empty while not known. */
  type: z.string(),
  az: z.string(),
  subnet: z.string(),
  /** Empty while not known, or where it has none. */
  internalIp: z.string(),
  publicIp: z.string(),
  /** Who may use it; see `ownerOf`. `NOBODY` until a work claims a machine that no work of this flow started. */
  owner: z.string(),
  /** Name of the work that it was started for, or that claimed it; `null` for nobody. */
  work: z.string().nullable(),
  /** Held without a task. */
  kept: z.boolean(),
  state: z.enum(['booting', 'ready', 'releasing', 'terminated']),
  containerInstanceArn: z.string().nullable(),
  /** Why it is given back. */
  why: z.string(),
  /** Epoch milliseconds each: begin of the bill, registered with ECS, given back, end of the bill. */
  launchedAt: z.number(),
  registeredAt: z.number().nullable(),
  releasedAt: z.number().nullable(),
  terminatedAt: z.number().nullable(),
  /** EC2 could not start it: it is not on the bill. */
  failed: z.boolean().optional(),
});
/** One instance that is or was paid for; what costs are counted from. */
export type MachineRow = z.infer<typeof machineRowSchema>;

/** Owner of a machine that no work has claimed. */
export const NOBODY = 'nobody';
/** Owner of machines that any work of their kind may use. */
export const SHARED = 'shared';

/** Who may use the same machine: one work, the works of a colocation group, or all of a shared kind. */
export function ownerOf(of: {
  readonly work: string;
  readonly shared: boolean;
  readonly colocationGroupId: string | null;
}): string {
  if (of.colocationGroupId !== null) return `group:${of.colocationGroupId}`;
  return of.shared ? SHARED : `work:${of.work}`;
}

/** Whether only one work uses the machines of this owner. */
export function isDedicated(owner: string): boolean {
  return owner.startsWith('work:');
}

/** Sort key of a run; runs of one work lie together, in the order of their epochs. */
export function runSortKey({ work, epoch }: { work: string; epoch: number }): string {
  return `${RUN_PREFIX}${encodeName(work)}#${padded(epoch)}`;
}

export function machineSortKey(instanceId: string): string {
  return `${MACHINE_PREFIX}${instanceId}`;
}

/** @throws a ZodError when the text is no run */
export function parseRunRow(text: string): RunRow {
  return runRowSchema.parse(JSON.parse(text));
}

/** @throws a ZodError when the text is no machine */
export function parseMachineRow(text: string): MachineRow {
  return machineRowSchema.parse(JSON.parse(text));
}
