/** All waits of the state store, in milliseconds. */
export interface StoreTimings {
  /**
   * Between two renewals of the lease. One write unit each: at 5 s about $0.32 a month, all that an idle app costs here.
   *
   * @default 5,000
   */
  readonly renewMs: number;
  /** Until a renewal that is not answered is given up and sent again. @default 3,000 */
  readonly renewTimeoutMs: number;
  /** Without a renewal after which the holder stops acting. @default 10,000 */
  readonly lossMs: number;
  /** Without a renewal after which somebody else takes the lease; longer than `lossMs`. @default 15,000 */
  readonly lapseMs: number;
  /** Between two looks at a lease that somebody else holds. @default 1,000 */
  readonly lookMs: number;
  /** Before a request that failed is sent again: doubles from the first to the second, with jitter. @default 100, 2,000 */
  readonly firstRetryMs: number;
  readonly maxRetryMs: number;
  /** After every chunk of 350 KB of a snapshot: 700 of the 1,000 write units that a partition gives per second. @default 500 */
  readonly chunkPauseMs: number;
  /** Between two batches of 25 deletions in the background. @default 100 */
  readonly sweepPauseMs: number;
}

export const defaultStoreTimings: StoreTimings = {
  renewMs: 5_000,
  renewTimeoutMs: 3_000,
  lossMs: 10_000,
  lapseMs: 15_000,
  lookMs: 1_000,
  firstRetryMs: 100,
  maxRetryMs: 2_000,
  chunkPauseMs: 500,
  sweepPauseMs: 100,
};
