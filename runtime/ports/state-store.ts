import type { Delta } from '../protocol/delta.ts';
import type { StoredApp, TurnRecord } from '../protocol/turn-record.ts';

/** Keeps apps: who may act for one (the lease), what was committed, which deltas wait. */
export interface StateStore {
  /**
   * Takes the lease of an app.
   *
   * @throws `STORE_LOCKED` when another run holds it, `STORE_DAMAGED` when what is stored cannot be read,
   * `STORE_UNREACHABLE` when the store does not answer
   */
  open(app: string): Promise<StoreLease>;
}

/** The right to act for one app, until closed or lost (R4). */
export interface StoreLease {
  /** Grows with every lease of this app; fences commits of older ones. */
  readonly fence: number;
  /** The app as last committed, or `null` when nothing is stored. */
  load(): Promise<StoredApp | null>;
  /**
   * Appends one turn record; resolves when it is durable.
   *
   * `snapshot` gives the app as of this record. A store may call it once, before `commit` returns, to write a snapshot behind.
   * Deltas at or below the record's marks may be dropped once it is durable.
   */
  commit(turn: TurnRecord, snapshot: () => StoredApp): Promise<CommitResult>;
  /** Makes deltas durable before they are acknowledged; resolves when they are (R2). */
  appendDeltas(deltas: readonly Delta[]): Promise<void>;
  /** Durable deltas of a work above `seq`, in order. */
  deltasAfter(work: string, seq: number): Promise<Delta[]>;
  /** Removes everything that is stored about this app; the lease stays. */
  clear(): Promise<void>;
  /** Finishes what is under way and gives the lease back. Safe to call twice. */
  close(): Promise<void>;
}

/** A conflict is an outcome that the caller must handle: another flow acts, or the version moved. */
export type CommitResult =
  | { readonly ok: true }
  | { readonly ok: false; readonly conflict: 'fenced' | 'version' };
