/**
 * Reads one shard of the stream to its end, at a pace that follows what comes.
 *
 * S1 Records are handed on in their order, and the next page is read only when all of one were taken.
 * S2 An iterator that expired is replaced by one behind the last record; where there was none, the shard's beginning is known
 *    only to a Query, so the reader asks for one ({@link ShardReaderOptions.missed}).
 * S3 What cannot be mended here (trimmed records, a stream that is gone) ends the reader with `lost`.
 */
import { setTimeout as delay } from 'node:timers/promises';
import {
  GetRecordsCommand,
  GetShardIteratorCommand,
  type DynamoDBStreamsClient,
  type _Record,
} from '@aws-sdk/client-dynamodb-streams';
import { isNamed } from '../dynamo/dynamo-errors.ts';
import { BackOff } from './back-off.ts';
import type { ChannelTimings } from './channel-timings.ts';

/** Growth of the wait between two reads. */
const GROWTH = 1.5;

export interface ShardReaderOptions {
  readonly client: DynamoDBStreamsClient;
  readonly streamArn: string;
  readonly shardId: string;
  /** New records only, or all that the shard has. */
  readonly from: 'LATEST' | 'TRIM_HORIZON';
  readonly timings: ChannelTimings;
  readonly take: (records: readonly _Record[]) => Promise<void>;
  /** Records may have been missed; the reader goes on with the newest. */
  readonly missed: () => void;
  readonly failing: (error: unknown) => void;
}

/** How a shard's reading ended: all of it was read, it has to be opened anew, or it was closed. */
export type ShardEnd = 'drained' | 'lost' | 'closed';

export class ShardReader {
  readonly #options: ShardReaderOptions;
  readonly #backOff: BackOff;
  readonly #closing = new AbortController();
  #asleep = new AbortController();
  #iterator: string | null = null;
  #lastSequence: string | null = null;
  #waitMs: number;
  #flowingAt = performance.now();

  constructor(options: ShardReaderOptions) {
    this.#options = options;
    this.#waitMs = options.timings.pollMs;
    this.#backOff = new BackOff(options.timings.retryMs, options.timings.retryMaxMs);
  }

  /** Opens the iterator: from now on no record is missed. False when the shard is gone, or this was closed. */
  async open(): Promise<boolean> {
    const end = await this.#untilDone(async () => {
      this.#iterator = await this.#openIterator();
    });
    return end === null;
  }

  /** Reads until nothing more can come. */
  async read(): Promise<ShardEnd> {
    while (this.#iterator !== null) {
      const end = await this.#untilDone(() => this.#readPage());
      if (end !== null) return end;
      if (this.#iterator !== null) await this.#sleep(this.#waitMs);
    }
    return this.#closing.signal.aborted ? 'closed' : 'drained';
  }

  /** Something happened that works answer to: the next read comes soon. */
  hurry(): void {
    const { pollMs } = this.#options.timings;
    this.#flowingAt = performance.now();
    if (this.#waitMs > pollMs) this.#asleep.abort();
    this.#waitMs = pollMs;
  }

  close(): void {
    this.#closing.abort();
    this.#asleep.abort();
  }

  /** Repeats an action until it succeeds (`null`), or cannot any more. */
  async #untilDone(action: () => Promise<void>): Promise<Exclude<ShardEnd, 'drained'> | null> {
    while (!this.#closing.signal.aborted) {
      try {
        await action();
        this.#backOff.reset();
        return null;
      } catch (error) {
        if (this.#closing.signal.aborted) break;
        if (isNamed(error, 'TrimmedDataAccessException')) return 'lost';
        if (isNamed(error, 'ResourceNotFoundException')) return 'lost';
        if (isNamed(error, 'ExpiredIteratorException') && this.#iterator !== null) {
          this.#iterator = null;
          continue;
        }
        this.#options.failing(error);
        await this.#sleep(this.#backOff.next());
      }
    }
    return 'closed';
  }

  async #readPage(): Promise<void> {
    const { client, take, missed, timings, from } = this.#options;
    if (this.#iterator === null) {
      this.#iterator = await this.#openIterator();
      if (this.#lastSequence === null && from === 'LATEST') missed();
      if (this.#iterator === null) return;
    }
    const { Records = [], NextShardIterator } = await client.send(
      new GetRecordsCommand({ ShardIterator: this.#iterator }),
      { abortSignal: this.#closing.signal },
    );
    if (Records.length > 0) {
      await take(Records);
      this.#lastSequence = Records.at(-1)?.dynamodb?.SequenceNumber ?? this.#lastSequence;
    }
    this.#iterator = NextShardIterator ?? null;
    const now = performance.now();
    if (Records.length > 0) {
      this.#flowingAt = now;
      this.#waitMs = timings.pollMs;
    } else {
      const isFlowing = now - this.#flowingAt < timings.flowingMs;
      const most = isFlowing ? timings.flowingPollMs : timings.quietPollMs;
      this.#waitMs = Math.min(most, this.#waitMs * GROWTH);
    }
  }

  async #openIterator(): Promise<string | null> {
    const { client, streamArn, shardId, from } = this.#options;
    const position =
      this.#lastSequence === null
        ? ({ ShardIteratorType: from } as const)
        : ({
            ShardIteratorType: 'AFTER_SEQUENCE_NUMBER',
            SequenceNumber: this.#lastSequence,
          } as const);
    const { ShardIterator } = await client.send(
      new GetShardIteratorCommand({ StreamArn: streamArn, ShardId: shardId, ...position }),
      { abortSignal: this.#closing.signal },
    );
    return ShardIterator ?? null;
  }

  async #sleep(ms: number): Promise<void> {
    this.#asleep = new AbortController();
    if (this.#closing.signal.aborted) return;
    await delay(ms, undefined, { signal: this.#asleep.signal }).catch(() => undefined);
  }
}
