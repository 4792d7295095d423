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
import { identityOf, type WorkState } from './work-state.ts';

type LiveFact = WorkFact & { readonly state: 'starting' | 'running' };

/** How often a call, or a process without one, whose host was lost is sent again. */
const MAX_INTERRUPTIONS = 3;

export interface WorkEventsParts {
  readonly clock: Clock;
  readonly recorder: Recorder;
  readonly works: WorkBook;
  readonly timings: Timings;
  readonly defaultIdleTimeoutMs: (hardware: string) => number | null;
  /** Works run on other machines: what they say of their own address holds only there. */
  readonly remoteWorks: boolean;
  /** A work with `raiseException` failed. */
  readonly raise: (error: AppError) => void;
  readonly timedOut: (state: WorkState, call: string, attempt: number) => void;
  readonly idled: (state: WorkState) => void;
  /** The app is being interrupted: calls stay open, to be sent again. */
  readonly interrupted: () => boolean;
}

export class WorkEvents {
  readonly #parts: WorkEventsParts;

  constructor(parts: WorkEventsParts) {
    this.#parts = parts;
  }

  /** Applies a delta. */
  delta(state: WorkState, delta: Delta): void {
    state.mark = delta.seq;
    this.#parts.recorder.mark(state.name, delta.seq);
    // What a process still writes after its call timed out belongs to no call.
    if (!state.work || delta.epoch !== state.epoch || state.recycle) return;
    if (delta.unreadable !== undefined) {
      const { name } = state;
      const data = { name, seq: delta.seq, problem: delta.unreadable };
      return this.#giveUp(state, appError('WORK_DELTA_UNREADABLE', data, { at: name }));
    }
    if (delta.ops.length > 0) this.#applyOps(state, delta.ops);
    if (delta.event) this.#event(state, delta.event);
  }

  #applyOps(state: WorkState, reported: readonly Operation[]): void {
    const overlay = state.replica.hasOverlay;
    const ops = this.#parts.remoteWorks ? state.takeOwnUrl(reported) : reported;
    state.unfold(ops);
    state.recordVars(state.replica.applyDelta(toFieldPaths(ops)));
    if (overlay) state.store();
  }

  #event(state: WorkState, event: WorkEvent): void {
    const { clock, works } = this.#parts;
    works.touch(state);
    if (event.type === 'ready') {
      state.becomeReady();
      state.ledger.started(clock.now());
      this.#watchIdle(state);
      return;
    }
    if (event.type === 'running') {
      state.foldArrived();
      if (state.ledger.running(event.call, event.attempt, clock.now()))
        this.#watchTimeout(state, event);
      return;
    }
    this.#ended(state, event);
  }

  #ended(state: WorkState, event: Extract<WorkEvent, { type: 'end' }>): void {
    const { clock } = this.#parts;
    // A stop of the flow has closed the call. Whatever else asked the process to end tells with its end what becomes of the call.
    if (event.outcome === 'stopped') return;
    const isFailure = event.outcome === 'failed' && event.handled !== true;
    if (isFailure && this.#isLeftOpen(state)) return;
    state.callTimer?.cancel();
    state.callTimer = null;
    const status: WorkStatus = {
      stage: event.outcome,
      timestamp: clock.now(),
      ...(event.reason === undefined ? {} : { reason: event.reason }),
      ...(event.message === undefined ? {} : { message: event.message }),
    };
    const ended = state.endCall(event.call, event.attempt, event.outcome, status);
    if (!ended && event.outcome === 'succeeded')
      state.ledger.endedAfterStop(event.call, event.attempt);
    this.#watchIdle(state);
    if (ended && isFailure)
      this.#raise(state, status, event.error ? fromWire(event.error) : undefined);
  }

  /** A failure that would end the app cannot while its works are being ended: the call is made again when the app goes on. */
  #isLeftOpen(state: WorkState): boolean {
    return this.#parts.interrupted() && state.work?.[OPTIONS].raiseException === true;
  }

  /** Applies a fact of the launcher. */
  fact(state: WorkState, fact: WorkFact): void {
    this.#parts.works.touch(state);
    if (isLive(fact)) {
      // One of an older launch beside the one that is seen: its launcher ends it.
      if (fact.epoch <= state.goneEpoch || fact.epoch < (state.seen?.epoch ?? 0)) return;
      if (state.seen?.epoch !== fact.epoch) state.seenSince = this.#parts.clock.now();
      state.see(fact);
      if (fact.pending) {
        const { reason, message } = fact.pending;
        state.ledger.pendingReason(this.#parts.clock.now(), reason, message);
      }
      if (fact.address) state.locate(fact.address);
      return;
    }
    if (fact.epoch <= state.goneEpoch || (state.seen && state.seen.epoch !== fact.epoch)) return;
    const { recycle } = state;
    const asked = state.isEnding || fact.asked === true;
    state.forgetProcess(fact.epoch);
    state.clearAddresses();
    if (fact.epoch !== state.epoch || this.#parts.interrupted()) return;
    if (state.wanted === 'up') {
      if (asked) this.#takeUpAgain(state, fact.message);
      else this.#died(state, fact);
    }
    // A stop that was asked for before the work was wanted again takes nothing of that back.
    if (asked && !recycle) return;
    if (state.wanted === 'up' && !this.#hasUse(state)) state.want('none');
  }

  /** A flow that is no longer there asked the process to end under its call: it paused the app. */
  #takeUpAgain(state: WorkState, why: string): void {
    if (state.ledger.active?.stage !== 'running') return;
    state.ledger.resend(this.#parts.clock.now(), why, false);
  }

  /** A process found by a flow that came back: what was given to it is not given again, and its times run on. */
  adopted(state: WorkState): void {
    const { active } = state.ledger;
    if (state.seen?.epoch !== state.epoch) return;
    if (active === null && state.ready) this.#watchIdle(state);
    if (active?.stage !== 'running') return;
    const call = { call: active.hash, attempt: active.attempt };
    state.given = identityOf(call);
    this.#watchTimeout(state, call, this.#parts.clock.now() - state.ledger.status.timestamp);
  }

  /** Whether a process has anything to do: a call, or being there because it was asked for without one. */
  #hasUse(state: WorkState): boolean {
    return state.ledger.active !== null || state.ledger.status.stage === 'pending';
  }

  /** The process ended by itself. */
  #died(state: WorkState, fact: Exclude<WorkFact, LiveFact>): void {
    const { clock } = this.#parts;
    const reason = fact.state === 'lost' ? 'interrupted' : fact.reason;
    if (reason === 'stopped') {
      // Whoever did that wants it to stay so: `start()` or other arguments bring it back.
      state.ledger.stoppedOutside(clock.now(), fact.message);
      state.want('stopped');
      return;
    }
    const status: WorkStatus = {
      stage: 'failed',
      timestamp: clock.now(),
      reason,
      message: fact.message,
    };
    const { active } = state.ledger;
    if (active) {
      if (reason === 'interrupted' && state.ledger.interruptions < MAX_INTERRUPTIONS) {
        state.ledger.resend(clock.now(), fact.message, true);
        return;
      }
      if (state.endCall(active.hash, active.attempt, 'failed', status)) this.#raise(state, status);
      return;
    }
    if (
      reason === 'interrupted' &&
      state.ledger.restarting(clock.now(), fact.message, MAX_INTERRUPTIONS)
    )
      return;
    // The death of a process that had done its work is told, yet nothing of the app failed with it.
    if (state.ledger.processFailed(status) === 'started') this.#raise(state, status);
  }

  /** What became of a launch. */
  launched(state: WorkState, epoch: number, result: LaunchResult): void {
    const { clock, timings, works } = this.#parts;
    works.touch(state);
    if (result.ok) {
      state.retryWaitMs = 0;
      // Its end may have been heard of before its beginning.
      if (epoch > state.goneEpoch)
        state.seen ??= { epoch, pid: null, state: 'starting', asked: false };
      return;
    }
    if (epoch !== state.epoch || state.wanted !== 'up') return;
    if (result.retryAfterMs !== undefined) {
      state.retryWaitMs = Math.min(
        Math.max(result.retryAfterMs, state.retryWaitMs * 2, timings.launchRetryMs),
        timings.launchRetryMaxMs,
      );
      // What is known to be of no use before a time is not tried before it.
      const waitMs = Math.max(state.retryWaitMs, result.retryAfterMs);
      state.retryAtMs = clock.monotonic() + waitMs;
      state.ledger.pendingReason(clock.now(), result.reason, result.message);
      return;
    }
    const status: WorkStatus = {
      stage: 'failed',
      timestamp: clock.now(),
      reason: result.reason,
      message: result.message,
    };
    if (this.#isLeftOpen(state)) return;
    const { active } = state.ledger;
    if (active) state.endCall(active.hash, active.attempt, 'failed', status);
    else state.ledger.processFailed(status);
    if (state.ledger.active === null) state.want('none');
    if (state.work?.[OPTIONS].raiseException === true) {
      const { name } = state;
      this.#parts.raise(
        appError(
          'WORK_LAUNCH_FAILED',
          { name, reason: result.reason, message: result.message },
          { at: name },
        ),
      );
    }
  }

  /** A call took longer than its `timeout`. */
  timeout(state: WorkState, call: string, attempt: number): void {
    const { clock, works } = this.#parts;
    const limitMs = state.work?.[OPTIONS].timeoutMs ?? 0;
    const status: WorkStatus = {
      stage: 'failed',
      timestamp: clock.now(),
      reason: 'timeout',
      message: `the call took longer than ${limitMs} ms`,
    };
    if (this.#isLeftOpen(state)) return;
    if (!state.endCall(call, attempt, 'failed', status)) return;
    // User code cannot be taken out of a call: its process goes, and comes back for the next call.
    state.recycleProcess();
    works.touch(state);
    this.#raise(state, status);
  }

  /** A delta of a work is missing, so nothing after it may be applied (R1). The next process takes up the sequence where the gap is. */
  gap(state: WorkState, seq: number): void {
    const { timings, works } = this.#parts;
    const { name } = state;
    if (works.get(name) !== state) return;
    const waitedMs = timings.gapLimitMs;
    this.#giveUp(state, appError('WORK_STATE_GAP', { name, seq, waitedMs }, { at: name }));
  }

  /** Something of what a process did cannot be had: it goes, nothing more that it does is taken. */
  #giveUp(state: WorkState, error: AppError): void {
    const { clock, works } = this.#parts;
    const status: WorkStatus = {
      stage: 'failed',
      timestamp: clock.now(),
      reason: 'state_gap',
      message: error.message,
    };
    if (this.#isLeftOpen(state)) return;
    state.callTimer?.cancel();
    const { active } = state.ledger;
    const failed = active
      ? state.endCall(active.hash, active.attempt, 'failed', status)
      : state.ledger.processFailed(status) === 'started';
    state.recycleProcess();
    works.touch(state);
    if (failed) this.#raise(state, status, error);
  }

  /** A work without calls gives its process up; its next call brings it back. */
  idle(state: WorkState): void {
    if (state.ledger.active !== null || state.wanted !== 'up') return;
    state.want('none');
    this.#parts.works.touch(state);
  }

  #raise(state: WorkState, status: WorkStatus, cause?: Error): void {
    if (state.work?.[OPTIONS].raiseException !== true) return;
    const { name } = state;
    const { reason = 'failed', message = '' } = status;
    const text = cause ? cause.message : message;
    const options = cause ? { at: name, cause } : { at: name };
    this.#parts.raise(appError('WORK_FAILED', { name, reason, message: text }, options));
  }

  #watchTimeout(
    state: WorkState,
    { call, attempt }: { call: string; attempt: number },
    spentMs = 0,
  ): void {
    const timeoutMs = state.work?.[OPTIONS].timeoutMs ?? null;
    state.idleTimer?.cancel();
    if (timeoutMs === null) return;
    state.callTimer?.cancel();
    const timedOut = (): void => this.#parts.timedOut(state, call, attempt);
    state.callTimer = this.#parts.clock.after(Math.max(0, timeoutMs - spentMs), timedOut);
  }

  #watchIdle(state: WorkState): void {
    const explicit = state.work?.[OPTIONS].cloudCompute.idleTimeoutMs;
    const hardware = state.work?.cloudCompute.name ?? '';
    const idleMs = explicit === undefined ? this.#parts.defaultIdleTimeoutMs(hardware) : explicit;
    state.idleTimer?.cancel();
    if (idleMs === null || state.ledger.active !== null) return;
    state.idleTimer = this.#parts.clock.after(idleMs, () => this.#parts.idled(state));
  }
}

function isLive(fact: WorkFact): fact is LiveFact {
  return fact.state === 'starting' || fact.state === 'running';
}
