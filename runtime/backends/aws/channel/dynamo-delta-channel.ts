/**
 * The flow's end of the lines to its works on AWS.
 *
 * C1 The stream brings deltas soon; the table has them all. After every opening of the stream, for every work that becomes live,
 *    every {@link ChannelTimings.safetyMs}, and before a work's end is judged ({@link DynamoDeltaChannel.catchUp}), the work's tail
 *    is read from the table. So nothing depends on the stream's order, retention or lineage; repeats are dropped by the loop (R1).
 * C2 While no work is live nothing is asked for (R10).
 * C3 A record that cannot be read is handed on as such, in its place: the loop fails that work alone, and goes on behind it.
 */
import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { DynamoDBStreamsClient, _Record } from '@aws-sdk/client-dynamodb-streams';
import { background } from '../../../errors/index.ts';
import type { DeltaChannel } from '../../../ports/delta-channel.ts';
import type { Delta } from '../../../protocol/delta.ts';
import type { Downlink } from '../../../protocol/downlink.ts';
import { PARTITION_KEY, SORT_KEY } from '../contract.ts';
import { isHead, textOfHead } from '../dynamo/chunks.ts';
import { BackOff } from './back-off.ts';
import { defaultChannelTimings, type ChannelTimings } from './channel-timings.ts';
import { readDeltas } from './delta-query.ts';
import { DELTA_PREFIX, EPOCH_ATTRIBUTE, readRecord, seqOf } from './delta-record.ts';
import type { DeltaRecord, ExitNotice } from './delta-record.ts';
import { DownlinkWriter, type DownlinkTarget } from './downlink-writer.ts';
import { StreamReader } from './stream-reader.ts';

export interface DynamoDeltaChannelOptions {
  readonly app: string;
  readonly dynamodb: DynamoDBClient;
  readonly streams: DynamoDBStreamsClient;
  readonly tables: { readonly state: string; readonly deltas: string };
  /** Token of this flow's lease. */
  readonly fence: number;
  /** Partition of a work; absent for one that the app does not have. */
  readonly keyOf: (work: string) => string | undefined;
  /** The last `seq` that the loop has of a work, in order. */
  readonly receivedOf: (work: string) => number;
  /** The process that a work has now, as the launcher knows. */
  readonly targetOf: (work: string) => DownlinkTarget | null;
  /** @default - see {@link defaultChannelTimings} */
  readonly timings?: Partial<ChannelTimings>;
  /** Hears of requests that fail and are repeated. */
  readonly failing: (error: unknown) => void;
}

/** Reads of one work's tail: one is under way, and at most one waits for it. */
interface CatchUp {
  readonly current: Promise<void>;
  next: Promise<void> | null;
}

export class DynamoDeltaChannel implements DeltaChannel {
  readonly #options: DynamoDeltaChannelOptions;
  readonly #timings: ChannelTimings;
  readonly #handlers = new Set<(delta: Delta) => void>();
  readonly #lines = new Map<string, DownlinkWriter>();
  readonly #catching = new Map<string, CatchUp>();
  readonly #notices = new Map<string, ExitNotice & { readonly epoch: number }>();
  /** Works whose tail this flow has read. */
  readonly #read = new Set<string>();
  readonly #closing = new AbortController();
  /** Live works by their partition. */
  #live: ReadonlyMap<string, string> = new Map();
  /** Ends the following of the stream; `null` while it is not followed. */
  #following: AbortController | null = null;
  #reader: StreamReader | null = null;
  #ready: Promise<void> = Promise.resolve();

  constructor(options: DynamoDeltaChannelOptions) {
    this.#options = options;
    this.#timings = { ...defaultChannelTimings, ...options.timings };
    // Every work's reading listens to it.
    setMaxListeners(0, this.#closing.signal);
  }

  subscribe(handler: (delta: Delta) => void): () => void {
    this.#handlers.add(handler);
    return () => void this.#handlers.delete(handler);
  }

  /** @throws `STORE_CONFLICT` when another flow has taken over */
  async deliver(work: string, message: Downlink): Promise<'sent' | 'absent'> {
    const result = await this.#lineOf(work).deliver(message);
    // It will answer.
    if (result === 'sent') this.#reader?.hurry();
    return result;
  }

  /** Tells which works have a process, or may still be heard of. */
  setLive(works: Iterable<string>): void {
    if (this.#closing.signal.aborted) return;
    const before = this.#live;
    const live = new Map<string, string>();
    for (const work of works) {
      const key = this.#options.keyOf(work);
      if (key !== undefined) live.set(key, work);
    }
    this.#live = live;
    this.#forget(before);
    if (live.size === 0) {
      this.#following?.abort();
      this.#following = null;
    } else if (this.#following === null) {
      const following = new AbortController();
      this.#following = following;
      this.#ready = new Promise((opened) => {
        background(this.#follow(following.signal, opened), 'following the stream of deltas');
      });
      background(this.#watchTails(following.signal), 'reading the tails of works');
    } else {
      for (const [key, work] of live) {
        if (before.has(key)) continue;
        this.#reader?.hurry();
        background(this.catchUp(work), `reading the deltas of ${work}`);
      }
    }
  }

  /**
   * Resolves when deltas that are written from now on will be heard; at once while no work is live. A stream that cannot be opened
   * does not hold it up: every opening is followed by a look into the table.
   */
  ready(): Promise<void> {
    return this.#ready;
  }

  /**
   * Hands on everything that the table has of a work, read after this call; resolves when it was handed on. Repeated until the
   * table answers. To be awaited before the end of a work's process is judged (R6, R7).
   */
  catchUp(work: string): Promise<void> {
    const known = this.#catching.get(work);
    if (known) {
      known.next ??= known.current.then(() => this.#beginCatchUp(work));
      return known.next;
    }
    return this.#beginCatchUp(work);
  }

  /** What the process of this launch said of its end beside its records; known after {@link catchUp}. */
  noticeOf(work: string, epoch: number): ExitNotice | null {
    const notice = this.#notices.get(work);
    return notice?.epoch === epoch ? { reason: notice.reason, message: notice.message } : null;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#following?.abort();
    this.#reader?.close();
    this.#handlers.clear();
    for (const line of this.#lines.values()) line.close();
  }

  #lineOf(work: string): DownlinkWriter {
    const known = this.#lines.get(work);
    if (known) return known;
    const { app, dynamodb, tables, fence, targetOf, failing } = this.#options;
    const options = { app, client: dynamodb, table: tables.state, fence, failing };
    const line = new DownlinkWriter({ ...options, timings: this.#timings }, () => targetOf(work));
    this.#lines.set(work, line);
    return line;
  }

  /** Forgets what is known of works that were live before and are no longer. One that never was may just be judged. */
  #forget(before: ReadonlyMap<string, string>): void {
    const works = new Set(this.#live.values());
    for (const [work, line] of this.#lines)
      if (line.isIdle && !works.has(work)) this.#lines.delete(work);
    for (const work of before.values()) if (!works.has(work)) this.#notices.delete(work);
  }

  async #follow(ending: AbortSignal, opened: () => void): Promise<void> {
    const backOff = new BackOff(this.#timings.retryMs, this.#timings.retryMaxMs);
    while (!ending.aborted) {
      const reader = new StreamReader({
        dynamodb: this.#options.dynamodb,
        streams: this.#options.streams,
        table: this.#options.tables.deltas,
        timings: this.#timings,
        take: (records) => this.#take(records),
        missed: () => this.#catchUpAll(),
        failing: (error) => {
          opened();
          this.#options.failing(error);
        },
      });
      const close = (): void => reader.close();
      ending.addEventListener('abort', close);
      try {
        const isOpen = await reader.open();
        opened();
        if (isOpen) {
          this.#reader = reader;
          backOff.reset();
          this.#catchUpAll();
          await reader.follow();
        } else reader.close();
      } catch (error) {
        reader.close();
        opened();
        if (!ending.aborted) this.#options.failing(error);
      } finally {
        ending.removeEventListener('abort', close);
        if (this.#reader === reader) this.#reader = null;
      }
      await this.#sleep(backOff.next(), ending);
    }
    opened();
  }

  /** C1's safety net. */
  async #watchTails(ending: AbortSignal): Promise<void> {
    for (;;) {
      await this.#sleep(this.#timings.safetyMs, ending);
      if (ending.aborted) return;
      this.#catchUpAll();
    }
  }

  #catchUpAll(): void {
    for (const work of this.#live.values())
      background(this.catchUp(work), `reading the deltas of ${work}`);
  }

  #beginCatchUp(work: string): Promise<void> {
    const current = this.#catchUpNow(work).finally(() => {
      const known = this.#catching.get(work);
      if (known?.current === current && known.next === null) this.#catching.delete(work);
    });
    this.#catching.set(work, { current, next: null });
    return current;
  }

  async #catchUpNow(work: string): Promise<void> {
    const { dynamodb: client, tables, keyOf, receivedOf, failing } = this.#options;
    const backOff = new BackOff(this.#timings.retryMs, this.#timings.retryMaxMs);
    const { signal } = this.#closing;
    const key = keyOf(work);
    if (key === undefined) return;
    while (!signal.aborted) {
      // An earlier flow may have applied the last record, and died before it judged the end of which that tells.
      const heard = receivedOf(work) - (this.#read.has(work) ? 0 : 1);
      const range = { table: tables.deltas, key, work, after: Math.max(0, heard), signal };
      try {
        for await (const record of readDeltas(client, range)) this.#tell(record);
        this.#read.add(work);
        return;
      } catch (error) {
        if (signal.aborted) return;
        failing(error);
        await this.#sleep(backOff.next(), signal);
      }
    }
  }

  /** Takes what the stream shows, in its order. */
  async #take(records: readonly _Record[]): Promise<void> {
    const { dynamodb, tables, receivedOf } = this.#options;
    for (const { eventName, dynamodb: change } of records) {
      const image = change?.NewImage;
      const sk = image?.[SORT_KEY]?.S ?? '';
      const work = this.#live.get(image?.[PARTITION_KEY]?.S ?? '');
      // Expired items are REMOVE; records are never changed.
      if (eventName !== 'INSERT' || image === undefined || work === undefined) continue;
      if (!isHead(sk, DELTA_PREFIX) || seqOf(sk) <= receivedOf(work)) continue;
      const at = { work, epoch: Number(image[EPOCH_ATTRIBUTE]?.N ?? 0), seq: seqOf(sk) };
      this.#tell(await readRecord(at, () => textOfHead(dynamodb, tables.deltas, image)));
    }
  }

  #tell({ delta, notice }: DeltaRecord): void {
    if (notice) this.#notices.set(delta.work, { ...notice, epoch: delta.epoch });
    for (const handler of this.#handlers) handler(delta);
  }

  async #sleep(ms: number, signal: AbortSignal): Promise<void> {
    await delay(ms, undefined, { signal }).catch(() => undefined);
  }
}
