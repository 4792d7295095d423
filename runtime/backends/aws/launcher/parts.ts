import type { Instance as GroupInstance } from '@aws-sdk/client-auto-scaling';
import type { ContainerInstance } from '@aws-sdk/client-ecs';
import type { Clock } from '../../../ports/clock.ts';
import type { ExitReason, WorkRef } from '../../../ports/launcher.ts';
import type { Deployment } from '../contract.ts';
import type { AwsCalls, Tasks } from './aws-calls.ts';
import type { Book, Run } from './book.ts';
import type { LauncherTimings } from './timings.ts';

/** What the last look at AWS showed. */
export interface Sight {
  tasks: Tasks;
  /** ARNs that the look asked for. */
  asked: ReadonlySet<string>;
  /** When the tasks were asked for, on the monotonic clock. */
  askedAtMs: number;
  /** Instances registered with the cluster, by EC2 id. */
  containers: ReadonlyMap<string, ContainerInstance>;
  /** ARNs of tasks whose place is counted in `containers`. */
  placed: ReadonlySet<string>;
  /** Instances of the groups. */
  groups: ReadonlyMap<string, readonly GroupInstance[]>;
}

/** What a process said of its own end (`tree`, `load`), where it said something. */
export interface SaidOfEnd {
  readonly reason: ExitReason;
  readonly message: string;
}

/** What the parts of the launcher share. */
export interface LauncherParts {
  readonly deployment: Deployment;
  readonly aws: AwsCalls;
  readonly book: Book;
  readonly sight: Sight;
  readonly clock: Clock;
  readonly timings: LauncherTimings;
  /** Something changed: steps are due. */
  readonly wake: () => void;
  /** A paid call was made: what it brings is watched for a while. */
  readonly paid: () => void;
  readonly log: (line: string) => void;
  /** Tells of a run when something changed. */
  readonly show: (run: Run) => void;
  /** Everything that a work wrote was handed on (N3 of the local launcher). */
  readonly settle: (ref: WorkRef) => Promise<SaidOfEnd | null>;
}
