/**
 * Follows the stream of `Deltas`: which shards there are, which follow which, and what to do when it has to begin anew.
 *
 * R1 The stream is the doorbell, the table is the truth. Whenever records may have been missed, `missed` is called after the
 *    iterators are open, so that a Query then finds what the stream does not show: no write falls between the two.
 * R2 A shard's children are read from their beginning, after their parent was read to its end.
 * R3 Without {@link start} nothing is asked for (R10 of the architecture).
 */
import { setTimeout as delay } from 'node:timers/promises';
import { DescribeTableCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  DescribeStreamCommand,
  type DynamoDBStreamsClient,
  type Shard,
  type _Record,
} from '@aws-sdk/client-dynamodb-streams';
import { background } from '../../../errors/index.ts';
import { BackOff } from './back-off.ts';
import type { ChannelTimings } from './channel-timings.ts';
import { ShardReader } from './shard-reader.ts';

/** How often a list without the children of a drained shard is read again at `lineageMs`; later at `shardsMs`. */
const LINEAGE_LOOKS = 10;

export interface StreamReaderOptions {
  readonly dynamodb: Pick<DynamoDBClient, 'send'>;
  readonly streams: DynamoDBStreamsClient;
  readonly table: string;
  readonly timings: ChannelTimings;
  readonly take: (records: readonly _Record[]) => Promise<void>;
  /** Records may have been missed so far; those from now on are not. */
  readonly missed: () => void;
  readonly failing: (error: unknown) => void;
}

/** One opening of the stream, until it is lost or closed. */
export class StreamReader {
  readonly #options: StreamReaderOptions;
  readonly #closing = new AbortController();
  readonly #readers = new Map<string, ShardReader>();
  /** Shards that were read to their end, or had ended before this began. */
  readonly #over = new Set<string>();
  /** Shards that ended while nothing that follows them was listed yet. */
  readonly #childless = new Set<string>();
  #streamArn = '';
  #asleep = new AbortController();
  #isLost = false;
  #looks = 0;

  constructor(options: StreamReaderOptions) {
    this.#options = options;
  }

  /** Opens iterators on all open shards. Resolves when no record can be missed any more; false when it could not. */
  async open(): Promise<boolean> {
    const { dynamodb, table } = this.#options;
    const { Table } = await dynamodb.send(new DescribeTableCommand({ TableName: table }), {
      abortSignal: this.#closing.signal,
    });
    if (Table?.LatestStreamArn === undefined) throw new TypeError(`${table} has no stream`);
    this.#streamArn = Table.LatestStreamArn;
    const opened = (await this.#shards()).map(async (shard) => {
      const id = shard.ShardId ?? '';
      if (shard.SequenceNumberRange?.EndingSequenceNumber !== undefined) this.#over.add(id);
      else await this.#openShard(id, 'LATEST');
    });
    await Promise.all(opened);
    return !this.#isLost && !this.#closing.signal.aborted;
  }

  /** Follows the shards; resolves when the stream has to be opened anew, or was closed. */
  async follow(): Promise<'lost' | 'closed'> {
    const { timings, failing } = this.#options;
    const backOff = new BackOff(timings.retryMs, timings.retryMaxMs);
    while (!this.#closing.signal.aborted && !this.#isLost) {
      const isCut = this.#childless.size > 0 || this.#readers.size === 0;
      const isWaiting = isCut && this.#looks < LINEAGE_LOOKS;
      await this.#sleep(isWaiting ? timings.lineageMs : timings.shardsMs);
      if (this.#closing.signal.aborted || this.#isLost) break;
      try {
        await this.#look();
        backOff.reset();
      } catch (error) {
        if (this.#closing.signal.aborted) break;
        failing(error);
        await this.#sleep(backOff.next());
      }
    }
    const isClosed = this.#closing.signal.aborted;
    this.close();
    return isClosed ? 'closed' : 'lost';
  }

  hurry(): void {
    for (const reader of this.#readers.values()) reader.hurry();
  }

  close(): void {
    this.#closing.abort();
    this.#asleep.abort();
    for (const reader of this.#readers.values()) reader.close();
  }

  /** Opens what is new, parents first. */
  async #look(): Promise<void> {
    this.#looks += 1;
    const shards = await this.#shards();
    const listed = new Set(shards.map(({ ShardId }) => ShardId));
    // What is not listed any more was trimmed, a day after its last record.
    for (const id of this.#over) if (!listed.has(id)) this.#over.delete(id);
    for (const { ShardId: id = '', ParentShardId: parent } of shards) {
      if (parent !== undefined) this.#childless.delete(parent);
      if (this.#over.has(id) || this.#readers.has(id)) continue;
      if (parent !== undefined && listed.has(parent) && !this.#over.has(parent)) continue;
      await this.#openShard(id, 'TRIM_HORIZON');
    }
    for (const id of this.#childless) if (!listed.has(id)) this.#childless.delete(id);
    // A stream that was turned off and on has another name.
    if (this.#readers.size === 0 && this.#looks >= LINEAGE_LOOKS) this.#lose();
  }

  async #openShard(shardId: string, from: 'LATEST' | 'TRIM_HORIZON'): Promise<void> {
    // A look outlives what it was made for.
    if (this.#closing.signal.aborted || this.#isLost) return;
    const { streams: client, timings, take, missed, failing } = this.#options;
    const streamArn = this.#streamArn;
    const reader = new ShardReader({
      client,
      streamArn,
      shardId,
      from,
      timings,
      take,
      missed,
      failing,
    });
    this.#readers.set(shardId, reader);
    if (await reader.open()) background(this.#read(shardId, reader), 'reading a shard');
    else this.#lose();
  }

  async #read(shardId: string, reader: ShardReader): Promise<void> {
    const end = await reader.read();
    this.#readers.delete(shardId);
    if (end === 'lost') this.#lose();
    if (end !== 'drained') return;
    this.#over.add(shardId);
    this.#childless.add(shardId);
    this.#looks = 0;
    // Its children are looked for at once.
    await this.#look().catch((error: unknown) => {
      if (!this.#closing.signal.aborted) this.#options.failing(error);
    });
    this.#asleep.abort();
  }

  #lose(): void {
    this.#isLost = true;
    for (const reader of this.#readers.values()) reader.close();
    this.#asleep.abort();
  }

  /** All shards, page by page. */
  async #shards(): Promise<Shard[]> {
    const shards: Shard[] = [];
    let start: string | undefined;
    do {
      const { StreamDescription } = await this.#options.streams.send(
        new DescribeStreamCommand({
          StreamArn: this.#streamArn,
          ...(start === undefined ? {} : { ExclusiveStartShardId: start }),
        }),
        { abortSignal: this.#closing.signal },
      );
      shards.push(...(StreamDescription?.Shards ?? []));
      start = StreamDescription?.LastEvaluatedShardId;
    } while (start !== undefined);
    return shards;
  }

  async #sleep(ms: number): Promise<void> {
    this.#asleep = new AbortController();
    if (this.#closing.signal.aborted || this.#isLost) return;
    await delay(ms, undefined, { signal: this.#asleep.signal }).catch(() => undefined);
  }
}
