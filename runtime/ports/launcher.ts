import type { WorkSpec } from '../protocol/work-spec.ts';

/** Starts and ends the processes (or tasks) of works. */
export interface Launcher {
  /**
   * Starts a process for a work. Repeating it with the same `work` and `epoch` starts nothing new (R5).
   * A refusal is an outcome; the reconciler tries again when `retryAfterMs` is given.
   */
  launch(spec: WorkSpec): Promise<LaunchResult>;
  /**
   * Ends a work's process: ask, then SIGTERM, then SIGKILL of the whole group after `graceMs`.
   * Resolves when it is gone; ending what is already gone is no error.
   *
   * @param graceMs - milliseconds; 0 kills at once
   */
  stop(ref: WorkRef, graceMs: number): Promise<StopResult>;
  /** Gives dedicated hardware of a work back; a no-op where there is none. */
  release(work: string): Promise<void>;
  /** Holds dedicated hardware of a stopped work until its next launch or its release; without it, idle hardware goes by itself. */
  keep?(work: string): Promise<void>;
  /**
   * What exists now, and the ends that nobody has heard of. What ended and is not told yet counts as there: its end follows.
   */
  observe(): Promise<readonly WorkFact[]>;
  /** Hears every change of what exists, as it happens. */
  subscribe(handler: (fact: WorkFact) => void): () => void;
  /** Ends every process that is left and frees what the launcher holds. */
  close(): Promise<void>;
}

/** One process of a work. */
export interface WorkRef {
  readonly work: string;
  readonly epoch: number;
}

export type LaunchResult =
  | { readonly ok: true; readonly ref: WorkRef }
  | {
      readonly ok: false;
      /** `capacity`, `quota`, `spawn`, `secret` … */
      readonly reason: string;
      readonly message: string;
      /** Milliseconds; absent when trying again is useless. */
      readonly retryAfterMs?: number;
    };

export interface StopResult {
  /** True when SIGKILL was needed. */
  readonly forced: boolean;
}

/** A fact about a process, never a user-level stage. */
export type WorkFact = WorkRef & {
  readonly pid: number | null;
  /** The process was asked to end, perhaps by an earlier flow: its end is, or will be, as asked. */
  readonly asked?: true;
} & (
    | {
        readonly state: 'starting' | 'running';
        /** Why it is not running yet (`quota`, `capacity`, `image`, `too large`, `iam` …), or where it stands. */
        readonly pending?: { readonly reason: string; readonly message: string };
        /** Where its machine is reached; absent until that is known, and where works run on this machine. */
        readonly address?: WorkAddress;
      }
    | { readonly state: 'exited'; readonly reason: ExitReason; readonly message: string }
    | { readonly state: 'lost'; readonly message: string }
  );

/** Where a work on another machine is reached. */
export interface WorkAddress {
  readonly internalIp: string;
  /** Empty when the machine has none. */
  readonly publicIp: string;
  /** Port inside the container to port of the machine. */
  readonly ports: Readonly<Record<number, number>>;
}

/**
 * Why a process is gone: `interrupted` (host or flow lost; the call is re-sent), `oom`, `exited` (by itself or killed from
 * outside), `stopped` (as asked, or by a person past the flow), `tree` (it rebuilt another tree), `load` (the app file did not load there).
 */
export type ExitReason = 'interrupted' | 'oom' | 'exited' | 'stopped' | 'tree' | 'load';
