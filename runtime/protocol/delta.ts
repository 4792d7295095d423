/**
 * A delta: what one work reports to the flow, in order.
 *
 * D1 `seq` is continuous per work, over all its processes (R1).
 * D2 `epoch` names the launch that wrote it; a flow applies only the current one (R1).
 * D3 An `end` event travels in the same sequence as the changes before it (R6, R7).
 */
import { appError, isAppError, type WireError } from '../errors/index.ts';
import { parseOperations, type Operation } from '../state/operation.ts';

/** How a call ended; see `product.md` §4.6. */
export type CallOutcome = 'succeeded' | 'failed' | 'stopped';

/** Something other than a change of fields that happened in the work's process. */
export type WorkEvent =
  /** The process is up and `onStart` is done. */
  | { readonly type: 'ready' }
  /** The user's `run` was entered. */
  | { readonly type: 'running'; readonly call: string; readonly attempt: number }
  /** The user's `run` is over: the end record of the call. */
  | {
      readonly type: 'end';
      readonly call: string;
      readonly attempt: number;
      readonly outcome: CallOutcome;
      readonly reason?: string;
      readonly message?: string;
      readonly error?: WireError;
      /** True when the work's own `onException` took care of the error. */
      readonly handled?: boolean;
    };

/** One report of a work. Paths of `ops` are relative to the work's document (`/vars/loss`). */
export interface Delta {
  /** Full name of the work (`root.train`). */
  readonly work: string;
  readonly epoch: number;
  readonly seq: number;
  readonly ops: readonly Operation[];
  readonly event?: WorkEvent;
  /** Why a record that is there cannot be read; only stores and channels say so, no work does. Then it has no `ops`. */
  readonly unreadable?: string;
}

/**
 * Stands for a record that cannot be read: the sequence goes on, and the work's call fails.
 *
 * @throws what may be read another time, and what is no damage of the record
 */
export function unreadableDelta(
  { work, epoch, seq }: Pick<Delta, 'work' | 'epoch' | 'seq'>,
  error: unknown,
): Delta {
  if (!isAppError(error) || error.retryable) throw error;
  return { work, epoch, seq, ops: [], unreadable: `${error.code}: ${error.message}` };
}

const OUTCOMES = new Set<unknown>(['succeeded', 'failed', 'stopped']);

/**
 * Checks a delta that came from another process.
 *
 * @throws `PROTOCOL_MESSAGE_INVALID`, `STATE_PATCH_INVALID`, `STATE_KEY_FORBIDDEN`
 */
export function parseDelta(value: unknown): Delta {
  if (!isRecord(value)) throw invalid('it is not an object');
  const { work, epoch, seq, ops, event } = value;
  if (typeof work !== 'string' || work === '') throw invalid('work is not a name');
  if (!isCount(epoch)) throw invalid('epoch is not a whole number');
  if (!isCount(seq)) throw invalid('seq is not a whole number');
  const parsed = parseOperations(ops);
  return event === undefined
    ? { work, epoch, seq, ops: parsed }
    : { work, epoch, seq, ops: parsed, event: parseEvent(event) };
}

function parseEvent(value: unknown): WorkEvent {
  if (!isRecord(value)) throw invalid('event is not an object');
  if (value['type'] === 'ready') return { type: 'ready' };
  const { type, call, attempt } = value;
  if (typeof call !== 'string' || !isCount(attempt)) throw invalid('event names no call');
  if (type === 'running') return { type, call, attempt };
  if (type !== 'end' || !OUTCOMES.has(value['outcome'])) throw invalid('event type is unknown');
  return {
    type,
    call,
    attempt,
    outcome: value['outcome'] as CallOutcome,
    ...(typeof value['reason'] === 'string' ? { reason: value['reason'] } : {}),
    ...(typeof value['message'] === 'string' ? { message: value['message'] } : {}),
    ...(isRecord(value['error']) ? { error: value['error'] as unknown as WireError } : {}),
    ...(value['handled'] === true ? { handled: true } : {}),
  };
}

function invalid(problem: string): Error {
  return appError('PROTOCOL_MESSAGE_INVALID', { message: 'delta', problem });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
