/**
 * Hears what the flow sends to a running work: looks at one small item, the bell, and reads messages only when it rang.
 *
 * B1 The bell names the launch it is for, the number of that launch's first message, and of the latest one. Messages are
 *    dispatched in their order, each once; those of other launches never.
 * B2 The bell is read eventually consistently (half a read unit), the messages consistently: they were written before it.
 * B3 It is looked at often after something happened, ever less while nothing does.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { GetItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { background } from '../../../errors/index.ts';
import type { Downlink } from '../../../protocol/downlink.ts';
import { parseFlowMessage } from '../../../protocol/messages.ts';
import { BELL_SORT_KEY, messageSortKey } from '../contract.ts';
import { isHead, itemKey, textOfHead } from '../dynamo/chunks.ts';
import { AFTER_ALL, queryAll } from '../dynamo/query.ts';
import { BackOff } from './back-off.ts';
import { MESSAGE_PREFIX, parseBell } from './bell.ts';
import type { WorkTimings } from './work-timings.ts';

/** Growth of the wait between two looks. */
const GROWTH = 1.5;

export interface BellPollerOptions {
  readonly client: DynamoDBClient;
  readonly table: string;
  readonly key: string;
  readonly epoch: number;
  readonly timings: Pick<
    WorkTimings,
    'pollMs' | 'activeMs' | 'idlePollMs' | 'retryMs' | 'retryMaxMs'
  >;
  readonly heard: (message: Downlink) => void;
  /** The flow talks to a newer launch. */
  readonly fenced: (by: number) => void;
  readonly failing: (error: unknown) => void;
}

export class BellPoller {
  readonly #options: BellPollerOptions;
  readonly #backOff: BackOff;
  readonly #closing = new AbortController();
  #asleep = new AbortController();
  #activeAt = performance.now();
  #waitMs: number;
  /** Number of the last message that was dispatched. */
  #last = 0;

  constructor(options: BellPollerOptions) {
    this.#options = options;
    this.#waitMs = options.timings.pollMs;
    this.#backOff = new BackOff(options.timings.retryMs, options.timings.retryMaxMs);
  }

  start(): void {
    background(this.#poll(), 'listening to the flow');
  }

  /** Something happened that the flow may answer. */
  touch(): void {
    this.#activeAt = performance.now();
    const { pollMs } = this.#options.timings;
    if (this.#waitMs > pollMs) this.#asleep.abort();
    this.#waitMs = pollMs;
  }

  close(): void {
    this.#closing.abort();
    this.#asleep.abort();
  }

  async #poll(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      let waitMs: number;
      try {
        await this.#look();
        this.#backOff.reset();
        waitMs = this.#nextWait();
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        this.#options.failing(error);
        waitMs = this.#backOff.next();
      }
      await this.#sleep(waitMs);
    }
  }

  #nextWait(): number {
    const { pollMs, activeMs, idlePollMs } = this.#options.timings;
    const active = performance.now() - this.#activeAt < activeMs;
    this.#waitMs = active ? pollMs : Math.min(idlePollMs, this.#waitMs * GROWTH);
    return this.#waitMs;
  }

  async #sleep(ms: number): Promise<void> {
    this.#asleep = new AbortController();
    if (this.#closing.signal.aborted) return;
    await delay(ms, undefined, { signal: this.#asleep.signal }).catch(() => undefined);
  }

  async #look(): Promise<void> {
    const { client, table, key, epoch, fenced } = this.#options;
    const { Item } = await client.send(
      new GetItemCommand({ TableName: table, Key: itemKey(key, BELL_SORT_KEY) }),
      { abortSignal: this.#closing.signal },
    );
    const bell = Item && parseBell(Item);
    if (!bell || bell.epoch < epoch) return;
    if (bell.epoch > epoch) {
      this.close();
      fenced(bell.epoch);
      return;
    }
    const from = Math.max(this.#last + 1, bell.first);
    if (from <= bell.last) await this.#read(from, bell.last);
  }

  async #read(from: number, to: number): Promise<void> {
    const { client, table, key: pk, epoch, heard } = this.#options;
    const range = { table, pk, from: messageSortKey(from), to: messageSortKey(to) + AFTER_ALL };
    const signal = this.#closing.signal;
    for await (const item of queryAll(client, { ...range, consistent: true, signal })) {
      const sk = item['sk']?.S ?? '';
      if (!isHead(sk, MESSAGE_PREFIX)) continue;
      const text = await textOfHead(client, table, item);
      this.#last = Number(sk.slice(MESSAGE_PREFIX.length));
      if (Number(item['e']?.N) !== epoch || signal.aborted) continue;
      const message = parseFlowMessage(text);
      if (message.type === 'call' || message.type === 'flowDelta' || message.type === 'stop')
        heard(message);
    }
    this.#last = Math.max(this.#last, to);
    this.touch();
  }
}
