/** Applies what works and launchers report to the loop's view of a work. */
import { appError, fromWire, type AppError } from '../errors/index.ts';
import { toFieldPaths } from '../component/flow-delta.ts';
import { OPTIONS } from '../component/work-symbols.ts';
import type { Clock } from '../ports/clock.ts';
import type { LaunchResult, WorkFact } from '../ports/launcher.ts';
import type { WorkStatus } from '../protocol/events.ts';
import type { Delta, WorkEvent } from '../protocol/delta.ts';
import type { Operation } from '../state/operation.ts';
import type { Recorder } from './recorder.ts';
import type { Timings } from './timings.ts';
import type { WorkBook } from './work-book.ts';
import type { WorkState } from './work-state.ts';

type LiveFact = WorkFact & { readonly state: 'starting' | 'running' };

/** How often a call whose host was lost is sent again. */
const MAX_INTERRUPTIONS = 3;

export interface WorkEventsParts {
  readonly clock: Clock;
  readonly recorder: Recorder;
  readonly works: WorkBook;
  readonly timings: Timings;
  readonly defaultIdleTimeoutMs: number | null;
  /** A work with `raiseException` failed. */
  readonly raise: (error: AppError) => void;
  readonly timedOut: (state: WorkState, call: string, attempt: number) => void;
  readonly idled: (state: WorkState) => void;
  /** A turn is wanted, but not before so many milliseconds. */
  readonly turnWithin: (ms: number) => void;
  readonly deltaApplied: (work: string, ops: readonly Operation[]) => void;
  /** The app is being interrupted: calls stay open, to be sent again. */
  readonly interrupted: () => boolean;
}

export class WorkEvents {
  readonly #parts: WorkEventsParts;

  constructor(parts: WorkEventsParts) {
    this.#parts = parts;
  }

  /** Applies a delta; true when a turn should follow. */
  delta(state: WorkState, delta: Delta): boolean {
    state.mark = delta.seq;
    this.#parts.recorder.mark(state.name, delta.seq);
    if (!state.work || delta.epoch !== state.epoch) return false;
    if (delta.ops.length > 0) this.#applyOps(state, delta.ops);
    if (delta.event) this.#event(state, delta.event);
    return true;
  }

  #applyOps(state: WorkState, ops: readonly Operation[]): void {
    const overlay = state.replica.hasOverlay;
    const changed = state.replica.applyDelta(toFieldPaths(ops));
    state.recordVars(changed);
    if (overlay) state.store();
    this.#parts.deltaApplied(state.name, changed);
  }

  #event(state: WorkState, event: WorkEvent): void {
    const { clock, works } = this.#parts;
    works.touch(state);
    if (event.type === 'ready') {
      state.ready = true;
      state.ledger.started(clock.now());
      this.#watchIdle(state);
      return;
    }
    if (event.type === 'running') {
      if (state.ledger.running(event.call, event.attempt, clock.now())) this.#watchTimeout(state, event);
      return;
    }
    this.#ended(state, event);
  }

  #ended(state: WorkState, event: Extract<WorkEvent, { type: 'end' }>): void {
    const { clock } = this.#parts;
    state.callTimer?.cancel();
    state.callTimer = null;
    if (event.outcome === 'stopped' && this.#parts.interrupted()) return;
    const status: WorkStatus = {
      stage: event.outcome,
      timestamp: clock.now(),
      ...(event.reason === undefined ? {} : { reason: event.reason }),
      ...(event.message === undefined ? {} : { message: event.message }),
    };
    const ended = state.ledger.end(event.call, event.attempt, event.outcome, status);
    if (!ended && event.outcome === 'succeeded') state.ledger.endedAfterStop(event.call, event.attempt);
    this.#watchIdle(state);
    if (ended && event.outcome === 'failed' && event.handled !== true) {
      this.#raise(state, status, event.error ? fromWire(event.error) : undefined);
    }
  }

  /** Applies a fact of the launcher; true when a turn should follow. */
  fact(state: WorkState, fact: WorkFact): boolean {
    this.#parts.works.touch(state);
    if (isLive(fact)) {
      state.see(fact);
      return false;
    }
    if (state.seen && state.seen.epoch !== fact.epoch) return false;
    const asked = state.seen?.state === 'stopping';
    const recycled = state.recycle;
    state.forgetProcess();
    state.setVar('_url', '');
    if (fact.epoch !== state.epoch || this.#parts.interrupted()) return false;
    if (asked && !recycled) return true;
    if (!recycled && state.wanted === 'up') this.#died(state, fact);
    if (state.wanted === 'up' && state.ledger.active === null) state.want('none');
    return true;
  }

  /** The process ended by itself. */
  #died(state: WorkState, fact: Exclude<WorkFact, LiveFact>): void {
    const { clock } = this.#parts;
    const reason = fact.state === 'lost' ? 'interrupted' : fact.reason;
    const status: WorkStatus = {
      stage: 'failed',
      timestamp: clock.now(),
      reason,
      message: fact.message,
    };
    const { active } = state.ledger;
    if (active && reason === 'interrupted') {
      const times = state.ledger.resend(clock.now(), fact.message, true);
      if (times <= MAX_INTERRUPTIONS) return;
    }
    const call = state.ledger.active;
    const failed = call
      ? state.ledger.end(call.hash, call.attempt, 'failed', status)
      : state.ledger.processFailed(status);
    if (failed) this.#raise(state, status);
  }

  /** What became of a launch. */
  launched(state: WorkState, epoch: number, result: LaunchResult): boolean {
    const { clock, timings, works } = this.#parts;
    works.touch(state);
    if (epoch !== state.epoch) return false;
    if (result.ok) {
      state.retryWaitMs = 0;
      state.seen ??= { epoch, pid: null, state: 'starting' };
      return false;
    }
    if (result.retryAfterMs !== undefined) {
      state.retryWaitMs = Math.min(
        Math.max(result.retryAfterMs, state.retryWaitMs * 2, timings.launchRetryMs),
        timings.launchRetryMaxMs,
      );
      state.retryAtMs = clock.monotonic() + state.retryWaitMs;
      state.ledger.pendingReason(clock.now(), result.reason, result.message);
      return true;
    }
    const status: WorkStatus = {
      stage: 'failed',
      timestamp: clock.now(),
      reason: result.reason,
      message: result.message,
    };
    const { active } = state.ledger;
    if (active) state.ledger.end(active.hash, active.attempt, 'failed', status);
    else state.ledger.processFailed(status);
    if (state.ledger.active === null) state.want('none');
    if (state.work?.[OPTIONS].raiseException === true) {
      const { name } = state;
      this.#parts.raise(
        appError('WORK_LAUNCH_FAILED', { name, reason: result.reason, message: result.message }, { at: name }),
      );
    }
    return true;
  }

  /** A call took longer than its `timeout`. */
  timeout(state: WorkState, call: string, attempt: number): boolean {
    const { clock, works } = this.#parts;
    const limitMs = state.work?.[OPTIONS].timeoutMs ?? 0;
    const status: WorkStatus = {
      stage: 'failed',
      timestamp: clock.now(),
      reason: 'timeout',
      message: `the call took longer than ${limitMs} ms`,
    };
    if (!state.ledger.end(call, attempt, 'failed', status)) return false;
    // User code cannot be taken out of a call: its process goes, and comes back for the next call.
    state.recycle = true;
    works.touch(state);
    this.#raise(state, status);
    return true;
  }

  /** A work without calls gives its process up; its next call brings it back. */
  idle(state: WorkState): boolean {
    if (state.ledger.active !== null || state.wanted !== 'up') return false;
    state.want('none');
    this.#parts.works.touch(state);
    return true;
  }

  #raise(state: WorkState, status: WorkStatus, cause?: Error): void {
    if (state.work?.[OPTIONS].raiseException !== true) return;
    const { name } = state;
    const { reason = 'failed', message = '' } = status;
    const text = cause ? cause.message : message;
    const options = cause ? { at: name, cause } : { at: name };
    this.#parts.raise(appError('WORK_FAILED', { name, reason, message: text }, options));
  }

  #watchTimeout(state: WorkState, { call, attempt }: { call: string; attempt: number }): void {
    const timeoutMs = state.work?.[OPTIONS].timeoutMs ?? null;
    state.idleTimer?.cancel();
    if (timeoutMs === null) return;
    state.callTimer?.cancel();
    state.callTimer = this.#parts.clock.after(timeoutMs, () => this.#parts.timedOut(state, call, attempt));
  }

  #watchIdle(state: WorkState): void {
    const explicit = state.work?.[OPTIONS].cloudCompute.idleTimeoutMs;
    const idleMs = explicit === undefined ? this.#parts.defaultIdleTimeoutMs : explicit;
    state.idleTimer?.cancel();
    if (idleMs === null || state.ledger.active !== null) return;
    state.idleTimer = this.#parts.clock.after(idleMs, () => this.#parts.idled(state));
  }
}

function isLive(fact: WorkFact): fact is LiveFact {
  return fact.state === 'starting' || fact.state === 'running';
}
