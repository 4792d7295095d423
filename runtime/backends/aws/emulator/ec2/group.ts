import type { InstanceType } from './instance-types.ts';
import type { Instance, Market } from './instances.ts';
import type { Subnet } from './subnets.ts';

/** What an Auto Scaling group did, or tried. */
export interface Activity {
  readonly id: string;
  readonly description: string;
  readonly cause: string;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  endedAt: number | null;
  status: 'InProgress' | 'Successful' | 'Failed';
  message: string | undefined;
}

/** An Auto Scaling group. */
export interface Group {
  readonly name: string;
  readonly arn: string;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  /** Tried in order. */
  types: readonly InstanceType[];
  market: Market;
  readonly tags: Readonly<Record<string, string>>;
  subnets: readonly Subnet[];
  minSize: number;
  maxSize: number;
  desired: number;
  /** Whether new instances are protected from scale-in. */
  protectsNew: boolean;
  /** Instances that scale-in leaves alone. */
  readonly guarded: Set<string>;
  /** Processes that do nothing for now, such as `Launch`. */
  readonly suspended: Set<string>;
  /** Newest first. */
  readonly activities: Activity[];
  isDeleting: boolean;
}

/** Whether an instance counts as one that its group has. */
export function counts({ state }: Instance): boolean {
  return state === 'pending' || state === 'running';
}
