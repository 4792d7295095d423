/**
 * The line of a work on AWS: its deltas go into `Deltas`, what it is told comes from `State`. Runs on the reporter thread.
 *
 * A1 Nothing is lost while the process lives, however long the tables cannot be reached (`delta-writer.ts`, `delta-queue.ts`).
 * A2 The process leaves at once when another launch of its work writes or is spoken to: two never both count.
 * A3 When its flow is lost the work is asked to end; what it ends with then, or what is written here in its name when it does not
 *    end, says so (`flow_lost`). A flow that comes back sends the interrupted call again.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { GetItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  appError,
  background,
  isAppError,
  renderError,
  type AppError,
} from '../../../errors/index.ts';
import type { WorkChannel, WorkChannelListener, WorkNotice } from '../../../ports/work-channel.ts';
import type { WorkEvent } from '../../../protocol/delta.ts';
import type { Downlink } from '../../../protocol/downlink.ts';
import { splitTail } from '../../../protocol/frame-tail.ts';
import type { WorkSpec } from '../../../protocol/work-spec.ts';
import type { Operation } from '../../../state/operation.ts';
import { leaseKey, WORK_EXIT_CODES } from '../contract.ts';
import { itemKey } from '../dynamo/chunks.ts';
import { startExitCodeOf } from '../start-failure.ts';
import type { AwsBoot } from './aws-boot.ts';
import { BellPoller } from './bell-poller.ts';
import { DeltaQueue, type Entry } from './delta-queue.ts';
import type { ExitNotice } from './delta-record.ts';
import { DeltaWriter } from './delta-writer.ts';
import { FlowWatch } from './flow-watch.ts';
import { readInput } from './read-input.ts';

type EndEvent = Extract<WorkEvent, { type: 'end' }>;
type RunningEvent = Extract<WorkEvent, { type: 'running' }>;

/** Milliseconds until a problem that lasts is told again. */
const TELL_AGAIN_MS = 600_000;

/** What a work does, for its log. */
export type WorkNote = {
  readonly call?: string;
  readonly attempt?: number;
} & (
  | { readonly event: 'running' | 'stopping' }
  | { readonly event: 'end'; readonly outcome: EndEvent['outcome']; readonly reason?: string }
);

/** Where a channel tells what happens; neither ever waits. */
export interface WorkVoice {
  /** Takes lines for the work's standard error. */
  readonly print: (line: string) => void;
  readonly note: (note: WorkNote) => void;
}

const NO_ENTRY: Entry = { ops: '', event: null, notice: null, posts: 0 };

export class DynamoWorkChannel implements WorkChannel {
  readonly #boot: AwsBoot;
  readonly #client: DynamoDBClient;
  readonly #listener: WorkChannelListener;
  readonly #voice: WorkVoice;
  readonly #queue: DeltaQueue;
  readonly #writer: DeltaWriter;
  readonly #poller: BellPoller;
  readonly #watch: FlowWatch;
  #given = 0;
  /** The call that user code is in. */
  #running: RunningEvent | null = null;
  #lost: AppError | null = null;
  readonly #closing = new AbortController();
  /** When which problem was told. */
  readonly #told = new Map<string, number>();

  constructor(
    boot: AwsBoot,
    client: DynamoDBClient,
    listener: WorkChannelListener,
    voice: WorkVoice,
    queue: DeltaQueue = new DeltaQueue(),
  ) {
    this.#boot = boot;
    this.#client = client;
    this.#listener = listener;
    this.#voice = voice;
    this.#queue = queue;
    const { task, timings } = boot;
    const { key, epoch, tables } = task;
    const shared = { client, key, epoch, timings };
    const fenced = (by: number): void => this.#fenced(by);
    this.#writer = new DeltaWriter({
      ...shared,
      table: tables.deltas,
      queue: this.#queue,
      acknowledged: (posts) => listener.acknowledged(posts),
      drained: () => this.#drained(),
      fenced,
      failing: (error) => this.#failing('deltas cannot be written', error),
    });
    this.#poller = new BellPoller({
      ...shared,
      table: tables.state,
      heard: (message) => this.#hear(message),
      fenced,
      failing: (error) => this.#failing('the flow cannot be heard', error),
    });
    this.#watch = new FlowWatch({
      timings,
      read: (signal) => this.#readLease(signal),
      lost: (why, forMs) => this.#flowLost(why, forMs),
      failing: (error) => this.#failing("the flow's lease cannot be read", error),
    });
  }

  /** Reads what this launch is to do, and begins. */
  start(): void {
    background(this.#begin(), 'reading the input of a work');
  }

  post(tail: string): void {
    const { ops, event } = splitTail(tail);
    this.#push({ ...NO_ENTRY, ops, event: event === null ? null : this.#note(event), posts: 1 });
  }

  report(ops: readonly Operation[]): void {
    this.#push({ ...NO_ENTRY, ops: ops.map((op) => JSON.stringify(op)).join(',') });
  }

  say(message: WorkNotice): void {
    if (message.type !== 'failed') return;
    const { reason, message: text } = message;
    this.#notice({ reason, message: text });
  }

  given(count: number): void {
    this.#given = count;
    if (this.#writer.isDrained || this.#left) this.#listener.written(count);
  }

  /** Ends every wait and request; what is not in the table yet is dropped. */
  close(): void {
    this.#closing.abort();
    this.#watch.close();
    this.#poller.close();
    this.#writer.close();
  }

  async #begin(): Promise<void> {
    const { task, timings } = this.#boot;
    const place = { client: this.#client, task, timings, signal: this.#closing.signal };
    const failing = (error: unknown): void => this.#failing('its input cannot be read', error);
    try {
      const spec = await readInput({ ...place, failing });
      if (spec !== null && !this.#left) this.#assign(spec);
    } catch (error) {
      if (!isAppError(error)) throw error;
      this.#leave(error, startExitCodeOf(error));
    }
  }

  #assign(spec: WorkSpec): void {
    this.#listener.assigned(spec);
    this.#writer.start(spec.seq);
    this.#poller.start();
    this.#watch.start();
  }

  get #left(): boolean {
    return this.#closing.signal.aborted;
  }

  #push(entry: Entry): void {
    if (this.#left) return;
    this.#queue.push(entry);
    this.#writer.queued(entry.posts);
  }

  #notice(notice: ExitNotice): void {
    this.#push({ ...NO_ENTRY, notice: JSON.stringify(notice) });
  }

  /** Follows the work's events; gives what is to be written of this one. */
  #note(text: string): string {
    this.#poller.touch();
    const event = JSON.parse(text) as WorkEvent;
    if (event.type === 'running') {
      this.#running = event;
      this.#voice.note({ event: 'running', ...callOf(event) });
    }
    if (event.type !== 'end') return text;
    this.#running = null;
    const lost = event.outcome === 'stopped' ? this.#lost : null;
    const end = lost === null ? event : lostEnd(event, lost);
    const { outcome, reason } = end;
    const why = reason === undefined ? {} : { reason };
    this.#voice.note({ event: 'end', ...callOf(end), outcome, ...why });
    return lost === null ? text : JSON.stringify(end);
  }

  #hear(message: Downlink): void {
    if (message.type === 'call') this.#listener.call(message, this.#writer.postsUpTo(message.mark));
    else if (message.type === 'flowDelta') this.#listener.flowDelta(message.ops);
    else this.#askToStop(0);
  }

  #askToStop(exitCode: number): void {
    this.#voice.note({ event: 'stopping', ...callOf(this.#running) });
    this.#listener.stop(exitCode);
  }

  #drained(): void {
    this.#listener.written(this.#given);
  }

  async #readLease(signal: AbortSignal): Promise<string> {
    const { app, tables } = this.#boot.task;
    const key = leaseKey(app);
    const { Item } = await this.#client.send(
      new GetItemCommand({ TableName: tables.state, Key: itemKey(key, key) }),
      { abortSignal: signal },
    );
    // A renewal moves `beat`, a new holder `token`; whatever else is in the item says nothing of a flow that lives.
    return `${Item?.['token']?.N ?? ''} ${Item?.['beat']?.N ?? ''}`;
  }

  #flowLost(why: 'lease' | 'unreachable', forMs: number): void {
    const { work } = this.#boot.task;
    this.#lost = appError('AWS_FLOW_LOST', { work, forMs, why }, { at: work });
    this.#voice.print(renderError(this.#lost));
    this.#notice({ reason: 'interrupted', message: this.#lost.message });
    this.#askToStop(WORK_EXIT_CODES.flowLost);
    background(this.#insist(this.#lost), 'ending a work whose flow is lost');
  }

  /** The work had its time to end by itself. */
  async #insist(lost: AppError): Promise<void> {
    const { flowLostGraceMs, exitFlushMs } = this.#boot.timings;
    await delay(flowLostGraceMs);
    if (this.#running !== null) {
      const { call, attempt } = this.#running;
      const end: EndEvent = { type: 'end', call, attempt, outcome: 'stopped' };
      this.#push({ ...NO_ENTRY, event: JSON.stringify(lostEnd(end, lost)) });
    }
    const deadline = performance.now() + exitFlushMs;
    const { retryMs } = this.#boot.timings;
    while (!this.#writer.isDrained && performance.now() < deadline) await delay(retryMs);
    this.#leave(null, WORK_EXIT_CODES.flowLost);
  }

  #fenced(by: number): void {
    const { work, epoch } = this.#boot.task;
    const error = appError('AWS_WORK_FENCED', { work, epoch, by }, { at: work });
    this.#leave(error, WORK_EXIT_CODES.fenced);
  }

  #leave(error: AppError | null, exitCode: number): void {
    if (this.#left) return;
    if (error) this.#voice.print(renderError(error));
    this.close();
    this.#listener.written(this.#given);
    this.#listener.leave(exitCode);
  }

  #failing(what: string, error: unknown): void {
    const name = error instanceof Error ? error.name : 'Error';
    const problem = `${what}: ${name}`;
    const toldAt = this.#told.get(problem) ?? Number.NEGATIVE_INFINITY;
    if (performance.now() - toldAt < TELL_AGAIN_MS) return;
    this.#told.set(problem, performance.now());
    const detail = error instanceof Error && error.message !== '' ? `: ${error.message}` : '';
    this.#voice.print(`stormkite: ${problem}${detail}; trying again`);
  }
}

function callOf(event: RunningEvent | EndEvent | null): { call?: string; attempt?: number } {
  return event === null ? {} : { call: event.call, attempt: event.attempt };
}

function lostEnd(event: EndEvent, lost: AppError): EndEvent {
  return { ...event, reason: 'flow_lost', message: lost.message };
}
