import type { Json } from '../state/json.ts';
import type { Operation } from '../state/operation.ts';

/** A call on its way to a work: run the user's `run` once with these arguments. */
export interface CallMessage {
  readonly type: 'call';
  /** Identity of the call: the hash of its arguments. With `attempt` it is idempotent (R5). */
  readonly call: string;
  readonly attempt: number;
  readonly args: readonly Json[];
  /** The flow's own writes to the work's fields, folded into both sides by this call (`product.md` §4.1). */
  readonly fold: readonly Operation[];
  /** The last `seq` of the work that the flow had applied when it folded. */
  readonly mark: number;
}

/** Flow-side writes for a work class that overrides `applyFlowDelta`; paths like `/vars/limit`. */
export interface FlowDeltaMessage {
  readonly type: 'flowDelta';
  readonly ops: readonly Operation[];
}

/** Asks the work to end: `signal` is aborted, `onExit` runs, the process ends. */
export interface StopMessage {
  readonly type: 'stop';
}

/** What the flow sends to a running work. */
export type Downlink = CallMessage | FlowDeltaMessage | StopMessage;
