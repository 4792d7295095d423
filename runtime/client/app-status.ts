import type { AppStage } from '../protocol/events.ts';

/** The app as a whole. */
export interface AppStatus {
  readonly name: string;
  readonly stage: AppStage;
  /** Version of the state: grows by 1 with every turn that changed something. */
  readonly version: number;
  /** Process id of the flow. */
  readonly pid: number;
  /** ISO time. */
  readonly startedAt: string;
  /** Version of stormkite that runs it. */
  readonly stormkite: string;
}
