/** Every wait of the loop, in milliseconds; shrunk in tests. */
export interface Timings {
  /** Turns without effects are committed together within this time (R2). */
  readonly commitGroupMs: number;
  /** … or as soon as they have so many characters; counting them costs a little. */
  readonly commitGroupChars: number;
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
  /** First wait before a delta that is missing is asked for again; doubled up to `gapRetryMaxMs`. */
  readonly gapRetryMs: number;
  readonly gapRetryMaxMs: number;
  /** A work whose missing delta was not found for so long is given up. */
  readonly gapLimitMs: number;
}

export const defaultTimings: Timings = {
  commitGroupMs: 50,
  commitGroupChars: Number.POSITIVE_INFINITY,
  paceMs: 100,
  stopGraceMs: 10_000,
  timeoutGraceMs: 2_000,
  slowTurnMs: 1_000,
  launchRetryMs: 500,
  launchRetryMaxMs: 30_000,
  gapRetryMs: 100,
  gapRetryMaxMs: 5_000,
  gapLimitMs: 30_000,
};

/**
 * Where a commit costs money and works are tasks of minutes: works' deltas are durable before they are committed, so turns
 * wait longer for one another.
 */
export const awsTimings: Timings = {
  ...defaultTimings,
  commitGroupMs: 1_000,
  commitGroupChars: 256 * 1024,
  paceMs: 1_000,
  stopGraceMs: 30_000,
  timeoutGraceMs: 5_000,
  slowTurnMs: 5_000,
  launchRetryMs: 5_000,
  launchRetryMaxMs: 300_000,
};
