import type { AppEvent, AppStage, CommittedTurn, WorkSummary } from '../protocol/events.ts';
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
  patch(
    ops: readonly Operation[],
    check?: (document: JsonObject) => boolean,
    by?: ClientName,
  ): Promise<PatchResult>;
  /**
   * Runs user code of the flow before the next turn; resolves with what it gave once what it wrote is committed.
   * Of an asynchronous function the part up to its first `await` runs there, the rest like a timer's code.
   * Resolves with `undefined` when it ended the app; rejects with what it throws.
   *
   * @throws `FLOW_NOT_RUNNING` when the app is ending
   */
  perform<T>(task: () => T, by?: ClientName): Promise<Awaited<T> | undefined>;
  works(): WorkSummary[];
  /**
   * Starts, stops or deletes a work, as the flow would.
   *
   * @throws `WORK_UNKNOWN`
   */
  command(work: string, verb: 'start' | 'stop' | 'delete', by?: ClientName): Promise<void>;
  /** Runs an app that had ended again; nothing happens while it runs. */
  start(): Promise<void>;
  /** Ends every work, gives machines back, leaves calls open and the stage `paused`: the next run goes on. */
  pause(): Promise<void>;
  /** Ends the app as `flow.stop()` does; resolves when every work has ended and all is committed. */
  stop(message?: string): Promise<void>;
  subscribe(handler: (event: AppEvent) => void): () => void;
  /**
   * Hears every version of the state in order, once it is durable. Whoever listens before the app is opened hears all:
   * the first one replaces the whole document.
   */
  commits(handler: (turn: CommittedTurn) => void): () => void;
}

/** Who asks, for the history. */
export interface ClientName {
  readonly client: string;
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
