/** Every wait of the flow's end of the lines to its works, in milliseconds; shrunk in tests. */
export interface ChannelTimings {
  /** Wait between two reads of a shard that just had records, and the most it grows to while they keep coming. */
  readonly pollMs: number;
  readonly flowingPollMs: number;
  /** How long after a record, or after something that works answer to, a shard counts as flowing. */
  readonly flowingMs: number;
  /** The most that the wait grows to while works are live and nothing comes. */
  readonly quietPollMs: number;
  /** How often the list of shards is read again. */
  readonly shardsMs: number;
  /** The same while a shard has ended and what follows it is not listed yet. */
  readonly lineageMs: number;
  /** How often every live work's tail is read from the table, whatever the stream says. */
  readonly safetyMs: number;
  /** First wait after a request that failed, and the most it grows to. */
  readonly retryMs: number;
  readonly retryMaxMs: number;
}

/** AWS bills every read, also one that finds nothing; four a second is what its own functions do. */
export const defaultChannelTimings: ChannelTimings = {
  pollMs: 250,
  flowingPollMs: 250,
  flowingMs: 10_000,
  quietPollMs: 5_000,
  shardsMs: 60_000,
  lineageMs: 1_000,
  safetyMs: 30_000,
  retryMs: 100,
  retryMaxMs: 5_000,
};
