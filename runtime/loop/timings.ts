/** Every wait of the loop, in milliseconds; shrunk in tests. */
export interface Timings {
  /** Turns without effects are committed together within this time (R2). */
  readonly commitGroupMs: number;
  /** Least time between two turns that only the flow itself asked for, and between two re-runs of an uncached call. */
  readonly paceMs: number;
  /** How long a work may take to end after it was asked to; then it is killed. */
  readonly stopGraceMs: number;
  /** The same for a process whose call timed out: what it still does counts no more. */
  readonly timeoutGraceMs: number;
  /** A turn that takes longer is warned about. */
  readonly slowTurnMs: number;
  /** First wait before a refused launch is tried again; doubled up to `launchRetryMaxMs`. */
  readonly launchRetryMs: number;
  readonly launchRetryMaxMs: number;
}

export const defaultTimings: Timings = {
  commitGroupMs: 50,
  paceMs: 100,
  stopGraceMs: 10_000,
  timeoutGraceMs: 2_000,
  slowTurnMs: 1_000,
  launchRetryMs: 500,
  launchRetryMaxMs: 30_000,
};
