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
import { LedgerDocument, type LedgerHooks } from './ledger-document.ts';

/** Waiting calls that one work may have. */
export const QUEUE_LIMIT = 10_000;

/** A call in flight. */
export interface ActiveCall {
  readonly hash: string;
  readonly attempt: number;
  readonly args: readonly Json[];
  readonly stage: WorkStatus['stage'];
}

/** What became of a request to run. */
export type Submission = 'sent' | 'queued' | 'in-flight' | 'cached' | 'ended' | 'paced';

export class Ledger {
  readonly calls: JsonObject;
  readonly #document: LedgerDocument;

  constructor(calls: JsonObject, hooks: LedgerHooks) {
    this.calls = calls;
    this.#document = new LedgerDocument(calls, hooks);
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
      // Somebody stopped it since: `start()` or other arguments bring it back. The end of an app stops for that app alone.
      const { stage, reason } = this.status;
      if (stage === 'stopped' && reason !== 'app_ended') return 'ended';
      if (!rerun) return 'paced';
    } else if (entry && entry.rearmed !== true) return 'ended';
    const busy = this.active !== null;
    if (busy && this.waiting >= QUEUE_LIMIT) {
      throw appError('WORK_QUEUE_FULL', { name: work, limit: QUEUE_LIMIT }, { at: work });
    }
    const again = entry !== undefined && entry.outcome !== 'succeeded';
    this.#document.put(hash, {
      name: 'run',
      args: cloneJson(args as Json[]) as Json[],
      attempt: again ? entry.attempt + 1 : 1,
      statuses: [{ stage: 'pending', timestamp: at }],
    });
    if (busy) {
      this.#document.enqueue(hash);
      return 'queued';
    }
    this.#document.setLatest(hash);
    this.#document.tell();
    return 'sent';
  }

  /** The work's process entered `run`. */
  running(hash: string, attempt: number, at: number): boolean {
    const { active } = this;
    if (active?.hash !== hash || active.attempt !== attempt || active.stage === 'running')
      return false;
    this.#document.addStatus(hash, { stage: 'running', timestamp: at });
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
    this.#document.addStatus(hash, status);
    this.#document.outcome(hash, outcome);
    if (outcome === 'succeeded') {
      this.#document.number('num_successes', (ledgerOf(this.calls).num_successes ?? 0) + 1);
      this.#document.number('num_timeouts', 0);
    } else if (status.reason === 'timeout') {
      this.#document.number('num_timeouts', (ledgerOf(this.calls).num_timeouts ?? 0) + 1);
    }
    this.#document.compact(hash);
    this.#document.next();
    return true;
  }

  /** A call that was stopped had succeeded before it noticed: its outcome stands. */
  endedAfterStop(hash: string, attempt: number): void {
    const entry = entryOf(this.calls, hash);
    if (entry?.attempt !== attempt || entry.outcome !== 'stopped') return;
    this.#document.outcome(hash, 'succeeded');
    this.#document.number('num_successes', (ledgerOf(this.calls).num_successes ?? 0) + 1);
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
    this.#document.set([active.hash, 'attempt'], active.attempt + 1);
    if (count) this.#document.set([active.hash, 'interruptions'], this.interruptions + 1);
    this.#document.addStatus(active.hash, {
      stage: 'pending',
      timestamp: at,
      reason: 'interrupted',
      message,
    });
  }

  /** The process without a call was lost with its host; it is asked for again, unless that happened too often in a row. */
  restarting(at: number, message: string, limit: number): boolean {
    const { stage } = this.status;
    if (this.active !== null || (stage !== 'pending' && stage !== 'started')) return false;
    if (this.#lostStarts >= limit) return false;
    this.#processStatus({ stage: 'pending', timestamp: at, reason: 'interrupted', message });
    return true;
  }

  /** How often in a row the process was lost before it was up. */
  get #lostStarts(): number {
    const hash = ledgerOf(this.calls).latest_call_hash;
    const statuses = (hash !== null && entryOf(this.calls, hash)?.statuses) || [];
    const up = statuses.findLastIndex(({ stage }) => stage !== 'pending');
    return statuses.slice(up + 1).filter(({ reason }) => reason === 'interrupted').length;
  }

  /** Gives the reason why the call in flight (or the process) still waits. */
  pendingReason(at: number, reason: string, message: string): void {
    const hash = ledgerOf(this.calls).latest_call_hash;
    const last = this.status;
    if (hash === null || last.stage !== 'pending') return;
    if (last.reason === reason && last.message === message) return;
    this.#document.addStatus(hash, { stage: 'pending', timestamp: at, reason, message });
  }

  /** Everything in flight or waiting is stopped; so is the work. False when it was already. */
  stop(at: number, reason: string): boolean {
    if (this.status.stage === 'stopped') return false;
    this.#stopAll({ stage: 'stopped', timestamp: at, reason });
    return true;
  }

  /** Somebody stopped the process past the flow; its call may have ended as stopped already, without a reason. */
  stoppedOutside(at: number, message: string): void {
    this.#stopAll({ stage: 'stopped', timestamp: at, reason: 'external', message });
  }

  #stopAll(stopped: WorkStatus): void {
    const { active } = this;
    for (const hash of ledgerOf(this.calls).queue ?? []) {
      this.#document.addStatus(hash, stopped);
      this.#document.outcome(hash, 'stopped');
      this.#document.compact(hash);
    }
    this.#document.clearQueue();
    this.#processStatus(stopped);
    if (active) {
      this.#document.outcome(active.hash, 'stopped');
      this.#document.compact(active.hash);
    }
  }

  /** The process was asked for without a call, or once more after a stop or a failure. */
  starting(at: number): void {
    const { stage } = this.status;
    if (stage !== 'not_started' && stage !== 'stopped' && stage !== 'failed') return;
    const hash = ledgerOf(this.calls).latest_call_hash;
    for (const [other, entry] of this.#entries()) {
      const open = entry.outcome === 'stopped' || entry.outcome === 'failed';
      if (other !== hash && open && entry.rearmed !== true)
        this.#document.set([other, 'rearmed'], true);
    }
    const latest = hash === null ? undefined : entryOf(this.calls, hash);
    if (hash !== null && latest?.name === 'run' && latest.outcome !== 'succeeded') {
      this.#document.remove([hash, 'outcome']);
      this.#document.set([hash, 'attempt'], latest.attempt + 1);
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
      this.#document.addStatus(hash, status);
      return;
    }
    this.#document.put(START_ENTRY, { name: 'start', attempt: 1, statuses: [status] });
    this.#document.setLatest(START_ENTRY);
    this.#document.tell();
  }
}
