import type { Operation } from '../state/operation.ts';

/** Which turns. */
export interface HistoryOptions {
  /** First version. @default - the oldest that is kept */
  readonly from?: number;
  /** Last version. @default - the newest */
  readonly to?: number;
  /** Most turns. @default - what the app gives at once */
  readonly limit?: number;
}

/** Turns that an app remembers. */
export interface AppHistory {
  /** Oldest and newest version that it remembers. */
  readonly oldest: number;
  readonly newest: number;
  readonly turns: readonly PastTurn[];
}

/** One version of the state, and how it came to be. */
export interface PastTurn {
  readonly version: number;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly deltas: readonly {
    /** A work's full name, `flow`, or `client`. */
    readonly source: string;
    readonly ops: readonly Operation[];
    /** Which client. */
    readonly client?: string;
  }[];
}
