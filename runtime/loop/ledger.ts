/**
 * The call ledger of one work: which calls were asked for, how they stand, which waits. It lives in the work's `calls`
 * document; every change is reported as an operation.
 *
 * L1 At most one call is in flight; the others wait in `queue`, first in first out.
 * L2 An entry without `outcome` is in flight or waits.
 * L3 A hash is never forgotten: compaction drops arguments and histories only.
 */
import { appError } from '../errors/index.ts';
import type { WorkStatus } from '../protocol/events.ts';
import {
  entryOf,
  ledgerOf,
  START_ENTRY,
  statusOf,
  type CallEntry,
} from '../component/work-status.ts';
import { cloneJson, type Json, type JsonObject } from '../state/json.ts';
import type { Operation } from '../state/operation.ts';

/** Waiting calls that one work may have. */
export const QUEUE_LIMIT = 10_000;
/** Ended calls that keep their arguments and histories. */
const DETAILED_CALLS = 100;
/** Statuses kept per call: the newest. */
const STATUS_LIMIT = 50;

/** A call in flight. */
export interface ActiveCall {
  readonly hash: string;
  readonly attempt: number;
  readonly args: readonly Json[];
  readonly stage: WorkStatus['stage'];
}

/** What became of a request to run. */
export type Submission = 'sent' | 'queued' | 'in-flight' | 'cached' | 'ended' | 'paced';

export interface LedgerHooks {
  /** Hears every change, with paths relative to the `calls` document. */
  record(op: Operation): void;
  /** Hears every status that becomes that of the work. */
  status?(status: WorkStatus): void;
}

export class Ledger {
  readonly calls: JsonObject;
  readonly #hooks: LedgerHooks;
  #detailed: string[] = [];

  constructor(calls: JsonObject, hooks: LedgerHooks) {
    this.calls = calls;
    this.#hooks = hooks;
    for (const hash of Object.keys(calls)) {
      const entry = entryOf(calls, hash);
      if (entry?.outcome !== undefined && entry.args !== undefined) this.#detailed.push(hash);
    }
  }

  /** The call in flight, if any. */
  get active(): ActiveCall | null {
    const hash = ledgerOf(this.calls).latest_call_hash;
    const entry = hash === null ? undefined : entryOf(this.calls, hash);
    if (hash === null || !entry || entry.name !== 'run' || entry.outcome !== undefined) return null;
    const stage = entry.statuses.at(-1)?.stage ?? 'pending';
    return { hash, attempt: entry.attempt, args: entry.args ?? [], stage };
  }

  get waiting(): number {
    return ledgerOf(this.calls).queue?.length ?? 0;
  }

  get status(): WorkStatus {
    return statusOf(this.calls);
  }

  /**
   * Asks for a run. `rerun` tells whether a succeeded call may be repeated now; `null` means that its result is cached.
   *
   * @throws `WORK_QUEUE_FULL`
   */
  submit(
    hash: string,
    args: readonly Json[],
    work: string,
    at: number,
    rerun: boolean | null,
  ): Submission {
    const entry = entryOf(this.calls, hash);
    if (entry && entry.outcome === undefined) return 'in-flight';
    if (entry?.outcome === 'succeeded') {
      if (rerun === null) return 'cached';
      if (!rerun) return 'paced';
    } else if (entry && entry.rearmed !== true) return 'ended';
    const busy = this.active !== null;
    if (busy && this.waiting >= QUEUE_LIMIT) {
      throw appError('WORK_QUEUE_FULL', { name: work, limit: QUEUE_LIMIT }, { at: work });
    }
    const again = entry !== undefined && entry.outcome !== 'succeeded';
    this.#put(hash, {
      name: 'run',
      args: cloneJson(args as Json[]) as Json[],
      attempt: again ? entry.attempt + 1 : 1,
      statuses: [{ stage: 'pending', timestamp: at }],
    });
    if (busy) {
      this.#enqueue(hash);
      return 'queued';
    }
    this.#setLatest(hash);
    this.#hooks.status?.(this.status);
    return 'sent';
  }

  /** The work's process entered `run`. */
  running(hash: string, attempt: number, at: number): boolean {
    const { active } = this;
    if (active?.hash !== hash || active.attempt !== attempt || active.stage === 'running')
      return false;
    this.#status(hash, { stage: 'running', timestamp: at });
    return true;
  }

  /** A call is over; the next waiting one takes its place. False when it is not the one in flight. */
  end(
    hash: string,
    attempt: number,
    outcome: NonNullable<CallEntry['outcome']>,
    status: WorkStatus,
  ): boolean {
    const { active } = this;
    if (active?.hash !== hash || active.attempt !== attempt) return false;
    this.#status(hash, status);
    this.#outcome(hash, outcome);
    if (outcome === 'succeeded') {
      this.#number('num_successes', (ledgerOf(this.calls).num_successes ?? 0) + 1);
      this.#number('num_timeouts', 0);
    } else if (status.reason === 'timeout') {
      this.#number('num_timeouts', (ledgerOf(this.calls).num_timeouts ?? 0) + 1);
    }
    this.#compact(hash);
    this.#next();
    return true;
  }

  /** A call that was stopped had succeeded before it noticed: its outcome stands. */
  endedAfterStop(hash: string, attempt: number): void {
    const entry = entryOf(this.calls, hash);
    if (entry?.attempt !== attempt || entry.outcome !== 'stopped') return;
    this.#outcome(hash, 'succeeded');
    this.#number('num_successes', (ledgerOf(this.calls).num_successes ?? 0) + 1);
  }

  /** How often the host of the call in flight was lost. */
  get interruptions(): number {
    const { active } = this;
    return (active && entryOf(this.calls, active.hash)?.interruptions) ?? 0;
  }

  /** The host of the call in flight was lost: same call, next attempt. */
  resend(at: number, message: string, count: boolean): void {
    const { active } = this;
    if (!active) return;
    this.#set([active.hash, 'attempt'], active.attempt + 1);
    if (count) this.#set([active.hash, 'interruptions'], this.interruptions + 1);
    this.#status(active.hash, { stage: 'pending', timestamp: at, reason: 'interrupted', message });
  }

  /** The process without a call was lost with its host; it is asked for again. */
  restarting(at: number, message: string): boolean {
    const { stage } = this.status;
    if (this.active !== null || (stage !== 'pending' && stage !== 'started')) return false;
    this.#processStatus({ stage: 'pending', timestamp: at, reason: 'interrupted', message });
    return true;
  }

  /** Gives the reason why the call in flight (or the process) still waits. */
  pendingReason(at: number, reason: string, message: string): void {
    const hash = ledgerOf(this.calls).latest_call_hash;
    const last = this.status;
    if (hash === null || last.stage !== 'pending') return;
    if (last.reason === reason && last.message === message) return;
    this.#status(hash, { stage: 'pending', timestamp: at, reason, message });
  }

  /** Everything in flight or waiting is stopped; so is the work. False when it was already. */
  stop(at: number, reason: string): boolean {
    if (this.status.stage === 'stopped') return false;
    const stopped: WorkStatus = { stage: 'stopped', timestamp: at, reason };
    const { active } = this;
    for (const hash of ledgerOf(this.calls).queue ?? []) {
      this.#status(hash, stopped);
      this.#outcome(hash, 'stopped');
      this.#compact(hash);
    }
    this.#clearQueue();
    this.#processStatus(stopped);
    if (active) {
      this.#outcome(active.hash, 'stopped');
      this.#compact(active.hash);
    }
    return true;
  }

  /** The process was asked for without a call, or once more after a stop or a failure. */
  starting(at: number): void {
    const { stage } = this.status;
    if (stage !== 'not_started' && stage !== 'stopped' && stage !== 'failed') return;
    const hash = ledgerOf(this.calls).latest_call_hash;
    for (const [other, entry] of this.#entries()) {
      const open = entry.outcome === 'stopped' || entry.outcome === 'failed';
      if (other !== hash && open && entry.rearmed !== true) this.#set([other, 'rearmed'], true);
    }
    const latest = hash === null ? undefined : entryOf(this.calls, hash);
    if (hash !== null && latest?.name === 'run' && latest.outcome !== 'succeeded') {
      this.#remove([hash, 'outcome']);
      this.#set([hash, 'attempt'], latest.attempt + 1);
    }
    this.#processStatus({ stage: 'pending', timestamp: at });
  }

  /** The process is up; told only while no call is in flight. */
  started(at: number): boolean {
    if (this.active !== null || this.status.stage !== 'pending') return false;
    this.#processStatus({ stage: 'started', timestamp: at });
    return true;
  }

  /**
   * The process ended by itself while no call was in flight. Gives what it was doing: it had not been called yet, or was done.
   * The outcome of the latest call stays.
   */
  processFailed(status: WorkStatus): 'started' | 'done' | null {
    const { stage } = this.status;
    if (
      this.active !== null ||
      stage === 'failed' ||
      stage === 'stopped' ||
      stage === 'not_started'
    )
      return null;
    this.#processStatus(status);
    return stage === 'succeeded' ? 'done' : 'started';
  }

  *#entries(): Generator<[string, CallEntry]> {
    for (const hash of Object.keys(this.calls)) {
      const entry = entryOf(this.calls, hash);
      if (entry && 'statuses' in entry) yield [hash, entry];
    }
  }

  #processStatus(status: WorkStatus): void {
    const hash = ledgerOf(this.calls).latest_call_hash;
    if (hash !== null) {
      this.#status(hash, status);
      return;
    }
    this.#put(START_ENTRY, { name: 'start', attempt: 1, statuses: [status] });
    this.#setLatest(START_ENTRY);
    this.#hooks.status?.(status);
  }

  #next(): void {
    const { queue } = ledgerOf(this.calls);
    const [hash] = queue ?? [];
    if (!queue || hash === undefined) return;
    queue.shift();
    this.#record({ op: 'remove', path: '/queue/0' });
    this.#setLatest(hash);
    this.#hooks.status?.(this.status);
  }

  #enqueue(hash: string): void {
    const ledger = ledgerOf(this.calls);
    if (!ledger.queue) this.#set(['queue'], []);
    ledger.queue?.push(hash);
    this.#record({ op: 'add', path: '/queue/-', value: hash });
  }

  #clearQueue(): void {
    if (this.waiting > 0) this.#set(['queue'], []);
  }

  #setLatest(hash: string): void {
    if (ledgerOf(this.calls).latest_call_hash !== hash) this.#set(['latest_call_hash'], hash);
  }

  #number(key: 'num_successes' | 'num_timeouts', value: number): void {
    if ((ledgerOf(this.calls)[key] ?? 0) !== value) this.#set([key], value);
  }

  #outcome(hash: string, outcome: NonNullable<CallEntry['outcome']>): void {
    this.#set([hash, 'outcome'], outcome);
  }

  #status(hash: string, status: WorkStatus): void {
    const entry = entryOf(this.calls, hash);
    if (!entry) return;
    entry.statuses.push(status);
    if (entry.statuses.length > STATUS_LIMIT) {
      this.#set([hash, 'statuses'], entry.statuses.slice(-STATUS_LIMIT) as unknown as Json);
    } else {
      const path = `/${hash}/statuses/-`;
      this.#record({ op: 'add', path, value: { ...status } as unknown as Json });
    }
    if (hash === ledgerOf(this.calls).latest_call_hash) this.#hooks.status?.(status);
  }

  /** Ended calls beyond the newest {@link DETAILED_CALLS} keep their hash, outcome and last status. */
  #compact(ended: string): void {
    const place = this.#detailed.indexOf(ended);
    if (place >= 0) this.#detailed.splice(place, 1);
    this.#detailed.push(ended);
    if (this.#detailed.length <= DETAILED_CALLS) return;
    const old = this.#detailed.slice(0, -DETAILED_CALLS);
    this.#detailed = this.#detailed.slice(-DETAILED_CALLS);
    for (const hash of old) {
      const entry = entryOf(this.calls, hash);
      if (entry?.outcome === undefined) continue;
      const { name, attempt, outcome, rearmed } = entry;
      const statuses = entry.statuses.slice(-1);
      this.#put(hash, { name, attempt, statuses, outcome, ...(rearmed ? { rearmed } : {}) });
    }
  }

  #record(op: Operation): void {
    this.#hooks.record(op);
  }

  #put(hash: string, entry: CallEntry): void {
    this.#set([hash], entry as unknown as Json);
  }

  #set(path: readonly [string, ...string[]], value: Json): void {
    const [first, second] = path;
    const holder = second === undefined ? this.calls : (this.calls[first] as JsonObject);
    holder[second ?? first] = value;
    this.#record({ op: 'add', path: `/${path.join('/')}`, value: cloneJson(value) });
  }

  #remove(path: readonly [string, string]): void {
    const holder = this.calls[path[0]] as JsonObject;
    if (!Object.hasOwn(holder, path[1])) return;
    delete holder[path[1]];
    this.#record({ op: 'remove', path: `/${path.join('/')}` });
  }
}
