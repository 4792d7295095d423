import type { AppEvent, AppStage, WorkSummary } from '../protocol/events.ts';
import type { Outcome } from '../state/apply.ts';
import type { JsonObject } from '../state/json.ts';
import type { Operation } from '../state/operation.ts';

/** What the server, the CLI and tests may do with a running app. */
export interface AppControl {
  readonly name: string;
  readonly stage: AppStage;
  /** Version of the state: grows by 1 with every turn that changed something. */
  readonly version: number;
  /** The live state document; serialise it at once, never keep or change it. */
  document(): JsonObject;
  /**
   * Queues a client's patch before the next turn; resolves when that turn is committed, or when it was refused.
   * All operations apply or none. `check` is asked just before applying; false refuses the patch as `stale`.
   */
  patch(ops: readonly Operation[], check?: (document: JsonObject) => boolean): Promise<PatchResult>;
  works(): WorkSummary[];
  /**
   * Starts, stops or deletes a work, as the flow would.
   *
   * @throws `WORK_UNKNOWN`
   */
  command(work: string, verb: 'start' | 'stop' | 'delete'): Promise<void>;
  /** Ends the app as `flow.stop()` does; resolves when every work has ended and all is committed. */
  stop(message?: string): Promise<void>;
  subscribe(handler: (event: AppEvent) => void): () => void;
}

export type PatchResult =
  | { readonly ok: true; readonly version: number }
  | { readonly ok: false; readonly why: 'stale' }
  /** `outcomes` has one entry per operation up to the first refused one. */
  | {
      readonly ok: false;
      readonly why: 'refused';
      readonly outcomes: readonly Outcome[];
      readonly problem: string;
    }
  | { readonly ok: false; readonly why: 'ended' };
