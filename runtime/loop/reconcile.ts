/**
 * What to do about one work: a pure comparison of what is wanted with what is seen (R5).
 */

export interface WorkView {
  readonly wanted: 'none' | 'up' | 'stopped';
  /** False once it was deleted, or while the app ends. */
  readonly allowed: boolean;
  readonly epoch: number;
  /** The latest launch whose process was stopped; it goes, also when the work is wanted again. */
  readonly stopEpoch: number;
  readonly seen: {
    readonly epoch: number;
    readonly state: 'starting' | 'running' | 'stopping';
    /** It was asked to end, perhaps by an earlier flow. */
    readonly asked: boolean;
  } | null;
  readonly ready: boolean;
  readonly recycle: boolean;
  readonly busy: 'launch' | 'send' | 'stop' | null;
  /** Identity of the call in flight, and of the one that the process was given. */
  readonly call: string | null;
  readonly given: string | null;
  /** The launcher refused, or the process was not reached; not before this time. */
  readonly retryAtMs: number;
  readonly nowMs: number;
}

export type Action = 'launch' | 'send' | 'stop' | 'retry-later' | 'none';

export function decide(view: WorkView): Action {
  const { seen, busy } = view;
  const wanted = view.allowed && view.wanted === 'up';
  if (seen) {
    const isStopped = seen.epoch <= view.stopEpoch;
    const superfluous = !wanted || view.recycle || isStopped || seen.epoch !== view.epoch;
    if (superfluous) return seen.state === 'stopping' || busy === 'stop' ? 'none' : 'stop';
    const due = view.call !== null && view.call !== view.given;
    if (!due || !view.ready || busy !== null || seen.state !== 'running' || seen.asked)
      return 'none';
    return isTime(view, 'send');
  }
  return !wanted || busy !== null ? 'none' : isTime(view, 'launch');
}

function isTime(view: WorkView, action: Action): Action {
  return view.nowMs >= view.retryAtMs ? action : 'retry-later';
}
