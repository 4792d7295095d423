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
  | { readonly type: 'error'; readonly at: number; readonly error: WireError };

/** A row of `stormkite ps`. */
export interface WorkSummary {
  readonly name: string;
  readonly class: string;
  readonly status: WorkStatus;
  readonly hardware: string;
  readonly url: string;
  readonly pid: number | null;
  readonly calls: { readonly waiting: number; readonly succeeded: number };
  readonly vars: Json;
}
