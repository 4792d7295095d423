/** Why a machine cannot be had, in words that say what to do. Pure. */
import { gpusOfInstanceType } from '../../../hardware/catalogue.ts';
import type { CapacityPool } from '../contract.ts';
import type { Place } from './capacity.ts';
import type { Pending } from './task-status.ts';

/** A quota of EC2: its code, and its name in the Service Quotas console. */
interface Quota {
  readonly code: string;
  readonly name: string;
}

/** Quotas count vCPUs, by the leading letters of the type's family. */
const QUOTAS: readonly {
  readonly family: RegExp;
  readonly onDemand: Quota;
  readonly spot: Quota;
}[] = [
  {
    family: /^(g|vt)/,
    onDemand: { code: 'L-DB2E81BA', name: 'Running On-Demand G and VT instances' },
    spot: { code: 'L-3819A6DF', name: 'All G and VT Spot Instance Requests' },
  },
  {
    family: /^p\d/,
    onDemand: { code: 'L-417A185B', name: 'Running On-Demand P instances' },
    spot: { code: 'L-7212CCBC', name: 'All P4, P3 and P2 Spot Instance Requests' },
  },
  {
    family: /^/,
    onDemand: {
      code: 'L-1216C47A',
      name: 'Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances',
    },
    spot: {
      code: 'L-34B43A08',
      name: 'All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests',
    },
  },
];

const QUOTA_ERROR = /VcpuLimitExceeded|MaxSpotInstanceCountExceeded|InstanceLimitExceeded/;
const CAPACITY_ERROR = /InsufficientInstanceCapacity|InsufficientCapacity|UnfulfillableCapacity/;
const IAM_ERROR = /AccessDenied|UnauthorizedOperation|AuthFailure/;

/** What became of one try to start an instance. */
export interface LaunchProblem {
  readonly place: Place;
  readonly code: string;
  readonly message: string;
}

export type ProblemKind = 'quota' | 'capacity' | 'iam' | 'other';

export function kindOfProblem(code: string): ProblemKind {
  if (QUOTA_ERROR.test(code)) return 'quota';
  if (CAPACITY_ERROR.test(code)) return 'capacity';
  return IAM_ERROR.test(code) ? 'iam' : 'other';
}

export function quotaOf({ instanceTypes, market }: CapacityPool): Quota {
  const type = instanceTypes[0] ?? '';
  const quota = QUOTAS.find(({ family }) => family.test(type));
  return (market === 'spot' ? quota?.spot : quota?.onDemand) ?? { code: '', name: '' };
}

/** Sums up the tries of one round; what a person can change comes first. */
export function explainProblems(problems: readonly LaunchProblem[], retryMs: number): Pending {
  const again = `trying again in ${Math.ceil(retryMs / 1_000)} s`;
  const of = (kind: ProblemKind) => problems.filter(({ code }) => kindOfProblem(code) === kind);
  const [denied] = of('iam');
  if (denied) return { reason: 'iam', message: `${told(denied)}; ${again}` };
  const [limited] = of('quota');
  if (limited) return { reason: 'quota', message: `${explainQuota(limited.place.pool)}; ${again}` };
  const [odd] = of('other');
  if (odd) return { reason: 'capacity', message: `${told(odd)}; ${again}` };
  const types = unique(problems.flatMap(({ place }) => place.pool.instanceTypes));
  const subnets = unique(problems.map(({ place }) => place.subnet));
  const message = `AWS has no ${types.join(' or ')} free in ${subnets.join(', ')}; ${again}`;
  return { reason: 'capacity', message };
}

function explainQuota(pool: CapacityPool): string {
  const { code, name } = quotaOf(pool);
  const type = pool.instanceTypes[0] ?? '';
  const gpus = gpusOfInstanceType(type) > 0 ? ' (new accounts have 0 for GPUs)' : '';
  return `the quota "${name}" (${code}) of this account and region does not allow a ${type}${gpus}: ask for more under Service Quotas, Amazon EC2`;
}

/** What a failed activity of an Auto Scaling group says; `null` when it explains nothing. */
export function explainActivity(pool: CapacityPool, text: string): Pending | null {
  if (QUOTA_ERROR.test(text) || /vCPU capacity than your current vCPU limit/.test(text))
    return { reason: 'quota', message: explainQuota(pool) };
  if (CAPACITY_ERROR.test(text) || /do not have sufficient .* capacity/.test(text))
    return { reason: 'capacity', message: `AWS says: ${text}` };
  if (IAM_ERROR.test(text) || /not authorized/i.test(text))
    return { reason: 'iam', message: `AWS says: ${text}` };
  return null;
}

/** Why nothing can be started at all where every group has its most. */
export function explainFull(pools: readonly CapacityPool[]): Pending {
  const groups = pools.map(
    ({ autoScalingGroup, maxInstances }) => `${autoScalingGroup} (${maxInstances})`,
  );
  return {
    reason: 'capacity',
    message: `as many machines as allowed run in ${groups.join(', ')}; it waits until one is free`,
  };
}

function told({ place, code, message }: LaunchProblem): string {
  return `${place.pool.autoScalingGroup} in ${place.subnet}: ${code}${message === '' ? '' : ` (${message})`}`;
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}
