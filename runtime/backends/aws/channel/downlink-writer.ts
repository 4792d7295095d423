/**
 * Sends to running works: a message is put first, then the bell that makes the work read it (`bell-poller.ts`).
 *
 * L1 One line per work: its messages are numbered on over all launches and flows, in the order in which they were given.
 * L2 `sent` means durable for the launch that was meant. A message whose writing fails is written again under its number until that
 *    launch is over: the work takes a number once.
 * L3 Every write carries the fence of this flow's lease (R4).
 */
import { setTimeout as delay } from 'node:timers/promises';
import { GetItemCommand, PutItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { appError, isAppError } from '../../../errors/index.ts';
import type { Downlink } from '../../../protocol/downlink.ts';
import { BELL_SORT_KEY, DELTA_TTL_DAYS, messageSortKey } from '../contract.ts';
import { itemKey, putText } from '../dynamo/chunks.ts';
import { isNamed } from '../dynamo/dynamo-errors.ts';
import { BackOff } from './back-off.ts';
import { bellItem, parseBell, type Bell } from './bell.ts';

const DAY_SECONDS = 86_400;
const NO_BELL: Bell = { epoch: 0, first: 0, last: 0 };

/** The process that a work has now. */
export interface DownlinkTarget {
  /** Partition of the work. */
  readonly key: string;
  readonly epoch: number;
}

export interface DownlinkWriterOptions {
  readonly app: string;
  readonly client: DynamoDBClient;
  /** Name of `State`. */
  readonly table: string;
  /** Token of this flow's lease. */
  readonly fence: number;
  readonly timings: { readonly retryMs: number; readonly retryMaxMs: number };
  readonly failing: (error: unknown) => void;
}

interface Pending {
  message: Downlink;
  readonly target: DownlinkTarget;
  readonly done: ((result: 'sent' | 'absent') => void)[];
  readonly failed: ((error: unknown) => void)[];
}

/** The line to one work. */
export class DownlinkWriter {
  readonly #options: DownlinkWriterOptions;
  /** The process that the work has now. */
  readonly #target: () => DownlinkTarget | null;
  readonly #waiting: Pending[] = [];
  readonly #backOff: BackOff;
  readonly #closing = new AbortController();
  #bell: Bell | null = null;
  #underWay = false;

  constructor(options: DownlinkWriterOptions, target: () => DownlinkTarget | null) {
    this.#options = options;
    this.#target = target;
    this.#backOff = new BackOff(options.timings.retryMs, options.timings.retryMaxMs);
  }

  get isIdle(): boolean {
    return !this.#underWay;
  }

  /** @throws `STORE_CONFLICT` when another flow has taken over */
  async deliver(message: Downlink): Promise<'sent' | 'absent'> {
    const target = this.#target();
    if (target === null || this.#closing.signal.aborted) return 'absent';
    return await new Promise((resolve, reject) => {
      this.#add(message, target, resolve, reject);
      if (!this.#underWay) this.#writeAll().catch(reject);
    });
  }

  /** What was not sent yet is answered as absent. */
  close(): void {
    this.#closing.abort();
  }

  /** Writes of the flow that wait anyway travel together. */
  #add(
    message: Downlink,
    target: DownlinkTarget,
    done: Pending['done'][number],
    failed: Pending['failed'][number],
  ): void {
    const last = this.#waiting.at(-1);
    const isSame = last?.target.epoch === target.epoch && last.target.key === target.key;
    if (isSame && last.message.type === 'flowDelta' && message.type === 'flowDelta') {
      last.message = { type: 'flowDelta', ops: [...last.message.ops, ...message.ops] };
      last.done.push(done);
      last.failed.push(failed);
    } else this.#waiting.push({ message, target, done: [done], failed: [failed] });
  }

  async #writeAll(): Promise<void> {
    this.#underWay = true;
    try {
      for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
        try {
          const result = await this.#send(next);
          for (const done of next.done) done(result);
        } catch (error) {
          for (const failed of next.failed) failed(error);
        }
      }
    } finally {
      this.#underWay = false;
    }
  }

  async #send({ message, target }: Pending): Promise<'sent' | 'absent'> {
    const text = JSON.stringify(message);
    for (;;) {
      const now = this.#target();
      if (now?.epoch !== target.epoch || now.key !== target.key) return 'absent';
      if (this.#closing.signal.aborted) return 'absent';
      try {
        const isSent = await this.#write(text, target);
        this.#backOff.reset();
        return isSent ? 'sent' : 'absent';
      } catch (error) {
        if (isAppError(error)) throw error;
        this.#options.failing(error);
        const { signal } = this.#closing;
        await delay(this.#backOff.next(), undefined, { signal }).catch(() => undefined);
      }
    }
  }

  /** False when the bell rings for a newer launch. */
  async #write(text: string, { key, epoch }: DownlinkTarget): Promise<boolean> {
    const { client, table, fence } = this.#options;
    const bell = (this.#bell ??= await this.#readBell(key));
    if (bell.epoch > epoch) return false;
    const last = bell.last + 1;
    const next: Bell = { epoch, first: bell.epoch === epoch ? bell.first : last, last };
    const condition = {
      expression: 'attribute_not_exists(#f) OR #f <= :mine',
      names: { '#f': 'fence' },
      values: { ':mine': { N: String(fence) } },
    };
    const outcome = await putText(client, {
      table,
      pk: key,
      sk: messageSortKey(last),
      text,
      attributes: { e: { N: String(epoch) }, fence: { N: String(fence) } },
      condition,
      ttlSeconds: Math.ceil(Date.now() / 1_000) + DELTA_TTL_DAYS * DAY_SECONDS,
      signal: this.#closing.signal,
    });
    if (outcome === 'refused') throw this.#conflict();
    try {
      await client.send(
        new PutItemCommand({
          TableName: table,
          Item: { ...itemKey(key, BELL_SORT_KEY), ...bellItem(next, fence) },
          ConditionExpression: condition.expression,
          ExpressionAttributeNames: condition.names,
          ExpressionAttributeValues: condition.values,
        }),
        { abortSignal: this.#closing.signal },
      );
    } catch (error) {
      if (isNamed(error, 'ConditionalCheckFailedException')) throw this.#conflict();
      throw error;
    }
    this.#bell = next;
    return true;
  }

  async #readBell(key: string): Promise<Bell> {
    const { client, table } = this.#options;
    const { Item } = await client.send(
      new GetItemCommand({
        TableName: table,
        Key: itemKey(key, BELL_SORT_KEY),
        ConsistentRead: true,
      }),
      { abortSignal: this.#closing.signal },
    );
    return Item === undefined ? NO_BELL : parseBell(Item);
  }

  #conflict(): Error {
    return appError('STORE_CONFLICT', { app: this.#options.app });
  }
}
