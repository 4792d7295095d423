/**
 * Puts a work's deltas into the table, one after the other (R1, R2).
 *
 * D1 One put at a time; the next `seq` is used only when the one before is in the table.
 * D2 A put is repeated under the same writer until its outcome is known, however long that takes: a record that is already there
 *    is either this very one, or older (then the next free `seq` is taken), or of a newer launch (then this process is fenced).
 * D3 The first delta after a pause goes at once; the next ones wait {@link WorkTimings.coalesceMs}, unless they are complete.
 * D4 Credit is given back when a post is in the table. In an outage it is given back for what is held, in memory or on disk, as
 *    long as there is room: `acknowledged` is about memory only, what the flow has applied is counted by `seq` ({@link PostMarks}).
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { GetItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { background } from '../../../errors/index.ts';
import { DELTA_TTL_DAYS, deltaSortKey, PARTITION_KEY } from '../contract.ts';
import { itemKey, putText } from '../dynamo/chunks.ts';
import { BackOff } from './back-off.ts';
import type { Batch, DeltaQueue } from './delta-queue.ts';
import { EPOCH_ATTRIBUTE, recordText, TIME_ATTRIBUTE } from './delta-record.ts';
import { PostMarks } from './post-marks.ts';
import type { WorkTimings } from './work-timings.ts';

const DAY_SECONDS = 86_400;

export interface DeltaWriterOptions {
  readonly client: DynamoDBClient;
  readonly table: string;
  /** Partition of the work. */
  readonly key: string;
  readonly epoch: number;
  readonly queue: DeltaQueue;
  readonly timings: Pick<WorkTimings, 'coalesceMs' | 'retryMs' | 'retryMaxMs' | 'outageMs'>;
  /** Credit of the first `posts` posts is free again. */
  readonly acknowledged: (posts: number) => void;
  /** Nothing waits any more. */
  readonly drained: () => void;
  /** A launch of this or a newer epoch writes. */
  readonly fenced: (by: number) => void;
  /** A put failed, and will be repeated. */
  readonly failing: (error: unknown) => void;
}

export class DeltaWriter {
  readonly #options: DeltaWriterOptions;
  readonly #backOff: BackOff;
  readonly #marks = new PostMarks();
  readonly #closing = new AbortController();
  /** The last `seq` known to be in the table; `null` until the work is assigned. */
  #seq: number | null = null;
  /** Posts that came, and that are in the table. */
  #posts = 0;
  #durablePosts = 0;
  /** Posts whose credit was given back. */
  #granted = 0;
  #underWay = false;
  #putAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | null = null;
  #failingSince: number | null = null;

  constructor(options: DeltaWriterOptions) {
    this.#options = options;
    this.#backOff = new BackOff(options.timings.retryMs, options.timings.retryMaxMs);
  }

  /** Whether everything that was queued is in the table. */
  get isDrained(): boolean {
    return !this.#underWay && this.#options.queue.isEmpty;
  }

  /** Begins to write; the first record carries `seq + 1` or a later one. */
  start(seq: number): void {
    this.#seq = seq;
    this.wake();
  }

  /** Something was queued, with so many posts. */
  queued(posts: number): void {
    this.#posts += posts;
    if (this.#inOutage) this.#grant();
    this.wake();
  }

  /** How many posts at least the deltas up to this `seq` have. */
  postsUpTo(seq: number): number {
    return this.#marks.upTo(seq);
  }

  close(): void {
    this.#closing.abort();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#options.queue.close();
  }

  wake(): void {
    const { queue, timings } = this.#options;
    if (this.#seq === null || this.#underWay || queue.isEmpty || this.#isClosed) return;
    const waitMs = queue.hasClosed ? 0 : this.#putAt + timings.coalesceMs - performance.now();
    if (waitMs > 0) {
      this.#timer ??= setTimeout(() => {
        this.#timer = null;
        this.wake();
      }, waitMs);
      return;
    }
    this.#underWay = true;
    background(this.#write(this.#seq), 'writing deltas');
  }

  get #isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  async #write(from: number): Promise<void> {
    const { queue } = this.#options;
    const batch = queue.take();
    if (batch !== null) {
      this.#putAt = performance.now();
      const seq = await this.#put(batch, from);
      if (this.#isClosed) return;
      this.#seq = seq;
      this.#durablePosts += batch.posts;
      this.#marks.note(seq, this.#durablePosts);
      this.#grant();
    }
    this.#underWay = false;
    if (queue.isEmpty) this.#options.drained();
    else this.wake();
  }

  /** Puts a delta behind `seq`; gives the `seq` that it got. */
  async #put(batch: Batch, last: number): Promise<number> {
    const { client, table, key, epoch } = this.#options;
    const text = recordText(batch.ops, batch.event, batch.notice);
    const writer = randomUUID();
    let seq = last + 1;
    while (!this.#isClosed) {
      try {
        const now = Date.now();
        const outcome = await putText(client, {
          table,
          pk: key,
          sk: deltaSortKey(seq),
          text,
          attributes: {
            [EPOCH_ATTRIBUTE]: { N: String(epoch) },
            [TIME_ATTRIBUTE]: { N: String(now) },
          },
          condition: { expression: 'attribute_not_exists(#pk)', names: { '#pk': PARTITION_KEY } },
          ttlSeconds: Math.ceil(now / 1_000) + DELTA_TTL_DAYS * DAY_SECONDS,
          writer,
          signal: this.#closing.signal,
        });
        if (outcome === 'written') {
          this.#failingSince = null;
          this.#backOff.reset();
          return seq;
        }
        seq = await this.#freeFrom(seq);
      } catch (error) {
        await this.#failed(error);
      }
    }
    return seq;
  }

  /**
   * The first free `seq` from one that was found taken on. Records are continuous, so steps that double find the end of what an
   * older process wrote beyond what the flow knew when it made this launch.
   */
  async #freeFrom(seq: number): Promise<number> {
    if (!(await this.#isTaken(seq))) return seq;
    let taken = seq;
    let step = 1;
    while (await this.#isTaken(taken + step)) {
      taken += step;
      step *= 2;
    }
    let free = taken + step;
    while (free - taken > 1) {
      const middle = taken + Math.floor((free - taken) / 2);
      if (await this.#isTaken(middle)) taken = middle;
      else free = middle;
    }
    return free;
  }

  async #isTaken(seq: number): Promise<boolean> {
    const { client, table, key, epoch, fenced } = this.#options;
    const { Item } = await client.send(
      new GetItemCommand({
        TableName: table,
        Key: itemKey(key, deltaSortKey(seq)),
        ConsistentRead: true,
        ProjectionExpression: '#e',
        ExpressionAttributeNames: { '#e': EPOCH_ATTRIBUTE },
      }),
      { abortSignal: this.#closing.signal },
    );
    const by = Number(Item?.[EPOCH_ATTRIBUTE]?.N ?? 0);
    if (by >= epoch && !this.#isClosed) {
      this.close();
      fenced(by);
    }
    return Item !== undefined;
  }

  async #failed(error: unknown): Promise<void> {
    if (this.#isClosed) return;
    const { outageMs } = this.#options.timings;
    this.#failingSince ??= performance.now();
    this.#options.failing(error);
    const waitMs = this.#backOff.next();
    if (this.#inOutage) this.#grant();
    // An outage begins in the middle of a wait too.
    const rest = this.#failingSince + outageMs - performance.now();
    const first = rest > 0 && rest < waitMs ? rest : waitMs;
    await this.#sleep(first);
    if (first < waitMs) {
      this.#grant();
      await this.#sleep(waitMs - first);
    }
  }

  async #sleep(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#closing.signal }).catch(() => undefined);
  }

  get #inOutage(): boolean {
    const since = this.#failingSince;
    return since !== null && performance.now() - since >= this.#options.timings.outageMs;
  }

  #grant(): void {
    const held = this.#inOutage && this.#options.queue.hasRoom;
    // What was granted in an outage is not in the table at once when it is over.
    const granted = Math.max(this.#granted, held ? this.#posts : this.#durablePosts);
    if (granted === this.#granted) return;
    this.#granted = granted;
    this.#options.acknowledged(granted);
  }
}
