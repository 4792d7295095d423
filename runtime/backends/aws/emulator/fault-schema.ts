/** What can be made to go wrong, as it is asked for in process and over HTTP. */
import { z } from 'zod';
import { quotaFamilies } from './ec2/instance-types.ts';

const markets = ['on-demand', 'spot'] as const;

/** How often: `count` times, each time with `probability`; without a count until it is cleared. */
const dose = {
  count: z.number().int().min(1).optional(),
  probability: z.number().min(0).max(1).optional(),
};

/** As `ecs:RunTask`, `ecs:*` or `*`; S3's operations are named as in its API. */
const operation = z.string().min(1);

const standing = [
  z.object({
    kind: z.literal('error'),
    operation,
    code: z.string(),
    message: z.string().optional(),
    status: z.number().int().min(400).max(599).optional(),
    ...dose,
  }),
  /** With the code that the service uses for it. */
  z.object({ kind: z.literal('throttle'), operation, ...dose }),
  /** The operation takes effect; its answer is cut off. */
  z.object({ kind: z.literal('lost-answer'), operation, ...dose }),
  /** Before the operation; `metadata:*` are the requests of containers about themselves. */
  z.object({ kind: z.literal('delay'), operation, ms: z.number().min(0), ...dose }),
  z.object({
    kind: z.literal('no-capacity'),
    instanceType: z.string().optional(),
    subnet: z.string().optional(),
    market: z.enum(markets).optional(),
    ...dose,
  }),
  /** vCPUs that may run at once. */
  z.object({
    kind: z.literal('quota'),
    family: z.enum(quotaFamilies),
    market: z.enum(markets).optional(),
    vcpus: z.number().int().min(0),
  }),
  /** Instances take as long to register; `null` never do. */
  z.object({
    kind: z.literal('slow-boot'),
    ms: z.number().min(0).nullable(),
    instanceType: z.string().optional(),
    ...dose,
  }),
  /** Tasks stay as they are until they are stopped. */
  z.object({
    kind: z.literal('stuck-task'),
    at: z.enum(['PROVISIONING', 'PENDING']),
    family: z.string().optional(),
    ...dose,
  }),
  z.object({ kind: z.literal('no-image'), family: z.string().optional(), ...dose }),
  /** Tasks cannot be described or listed for so long after `RunTask`. */
  z.object({
    kind: z.literal('hidden-task'),
    ms: z.number().min(0),
    family: z.string().optional(),
    ...dose,
  }),
] as const;

const immediate = [
  z.object({
    kind: z.literal('spot-interruption'),
    instance: z.string(),
    noticeMs: z.number().min(0).optional(),
  }),
  /** All its processes are killed; EC2 and ECS find out later. */
  z.object({ kind: z.literal('instance-death'), instance: z.string() }),
  /** The agent of an instance is not heard any more, its tasks go on; `connected` brings it back. */
  z.object({
    kind: z.literal('agent-lost'),
    instance: z.string(),
    connected: z.boolean().optional(),
  }),
  z.object({ kind: z.literal('out-of-memory'), task: z.string() }),
] as const;

const standingFaultSchema = z.discriminatedUnion('kind', standing);
export const faultSchema = z.discriminatedUnion('kind', [...standing, ...immediate]);

export type Fault = z.infer<typeof faultSchema>;
export type StandingFault = z.infer<typeof standingFaultSchema>;
export type FaultKind = StandingFault['kind'];
export type FaultOf<K extends FaultKind> = Extract<StandingFault, { kind: K }>;
/** What happens once, at once. */
export type ImmediateFault = Exclude<Fault, StandingFault>;

export function isImmediate(fault: Fault): fault is ImmediateFault {
  return immediate.some(({ shape }) => shape.kind.value === fault.kind);
}
