import type { WireError } from '../errors/index.ts';
import type { Json } from '../state/json.ts';
import type { Operation } from '../state/operation.ts';

/** Stage of the whole app. */
export const appStages = ['running', 'stopping', 'stopped', 'failed', 'paused'] as const;
export type AppStage = (typeof appStages)[number];

/** Stage of a work, as in its statuses. */
export const workStages = [
  'not_started',
  'pending',
  'started',
  'running',
  'succeeded',
  'failed',
  'stopped',
] as const;
export type WorkStage = (typeof workStages)[number];

/** One status of a work. `timestamp` is epoch milliseconds, 0 for `not_started`. */
export interface WorkStatus {
  readonly stage: WorkStage;
  readonly timestamp: number;
  readonly reason?: string;
  readonly message?: string;
}

/** What an app tells those who watch it; the lines of `--json`, `at` in epoch milliseconds. */
export type AppEvent =
  | {
      readonly type: 'stage';
      readonly at: number;
      readonly stage: AppStage;
      readonly message?: string;
    }
  | {
      readonly type: 'turn';
      readonly at: number;
      readonly version: number;
      readonly turn: number;
      readonly ms: number;
      readonly suspended: boolean;
    }
  | {
      readonly type: 'delta';
      readonly at: number;
      readonly turn: number;
      /** Who changed the state: a work's full name, `flow`, or `client`. */
      readonly source: string;
      readonly ops: readonly Operation[];
    }
  | {
      readonly type: 'status';
      readonly at: number;
      readonly work: string;
      readonly status: WorkStatus;
    }
  | {
      readonly type: 'log';
      readonly at: number;
      /** `flow` or a work's full name. */
      readonly source: string;
      readonly stream: 'stdout' | 'stderr';
      readonly line: string;
    }
  /** The tabs of the app, or what they tell, changed: read the layout again. */
  | { readonly type: 'layout'; readonly at: number }
  | { readonly type: 'error'; readonly at: number; readonly error: WireError };

/** Who made the next operations of a turn. */
export interface ChangeSource {
  /** A work's full name, `flow`, or `client`. */
  readonly source: string;
  /** Which client: the name that it gave itself, or its address. */
  readonly client?: string;
  /** How many operations, in order. */
  readonly ops: number;
}

/** One version of the state: applied to the version before, `ops` give this one. */
export interface CommittedTurn {
  readonly version: number;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly ops: readonly Operation[];
  /** Together they cover all of `ops`. */
  readonly sources: readonly ChangeSource[];
}

/** What `GET stream` and `GET ws` tell; those with a version carry an id, from which a reader resumes. */
export type StreamEvent =
  /** The state as a whole: the first event, and what a reader gets that missed too much. */
  | {
      readonly type: 'snapshot';
      readonly version: number;
      /** What is at the reader's pointer; absent when nothing is. */
      readonly state?: Json;
    }
  | ({ readonly type: 'turn'; readonly stage: AppStage } & CommittedTurn)
  /** The layout changed: read it again. */
  | { readonly type: 'layout'; readonly at: number }
  | Extract<AppEvent, { type: 'stage' | 'status' | 'log' | 'error' }>;

/** A row of `stormkite ps`. */
export interface WorkSummary {
  readonly name: string;
  readonly class: string;
  readonly status: WorkStatus;
  /** Statuses of the call in flight, else of the latest one, oldest first. */
  readonly statuses: readonly WorkStatus[];
  /** When its process appeared, in epoch milliseconds; `null` while it has none. */
  readonly startedAt: number | null;
  readonly hardware: string;
  readonly url: string;
  readonly pid: number | null;
  readonly calls: { readonly waiting: number; readonly succeeded: number };
  readonly vars: Json;
}
