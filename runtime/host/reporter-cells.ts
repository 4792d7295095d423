/**
 * The memory that the main thread of a work's process shares with its reporter thread, and what they post to one another.
 */
import type { WorkNotice } from '../ports/work-channel.ts';
import type { CallMessage } from '../protocol/downlink.ts';
import type { WorkSpec } from '../protocol/work-spec.ts';
import type { Operation } from '../state/operation.ts';
import type { WorkBoot } from './work-boot.ts';

/** 1 while the main thread has changes that it has not posted. */
export const DIRTY = 0;
/** Above 0 once the work was asked to stop: the exit code that it is to have, and 1. */
export const STOP = 1;
/** 1 once the main thread knows. */
export const STOP_SEEN = 2;
/** 1 once the flow is gone. */
export const ORPHANED = 3;
/** How many posted deltas cost no memory any more. */
export const ACKED = 4;
/** How many messages of the main thread the process may end without losing. */
export const WRITTEN = 5;
/** 1 while a session of the reporter thread is attached to the main thread; an exit waits until it is not. */
export const POKING = 6;
/** 1 once the process exits: no session may be attached any more. */
export const EXITING = 7;
/** Above 0: the process must end at once, with this exit code and 1. */
export const LEAVE = 8;

const CELL_COUNT = 9;
/** Keeps the flag that every write reads off the cache line of the cells that change often. */
const CELLS_OFFSET = 128;

export interface ReporterCells {
  readonly buffer: SharedArrayBuffer;
  /** Non-zero at `[0]` asks a busy writer to flush. */
  readonly flushFlag: Int32Array;
  readonly cells: Int32Array;
}

export function createCells(): ReporterCells {
  return openCells(new SharedArrayBuffer(CELLS_OFFSET + CELL_COUNT * Int32Array.BYTES_PER_ELEMENT));
}

export function openCells(buffer: SharedArrayBuffer): ReporterCells {
  return {
    buffer,
    flushFlag: new Int32Array(buffer, 0, 1),
    cells: new Int32Array(buffer, CELLS_OFFSET, CELL_COUNT),
  };
}

/** What the reporter thread is started with. */
export interface ReporterStart {
  readonly boot: WorkBoot;
  readonly pid: number;
  readonly buffer: SharedArrayBuffer;
}

/**
 * From the main thread. A text is a delta: its frame from `,"ops":` on (see `protocol/frame-tail.ts`).
 */
export type ToReporter =
  | string
  | { readonly type: 'say'; readonly message: WorkNotice }
  /** Probe this address while a call runs, and tell `_url` when it answers. */
  | { readonly type: 'announce'; readonly host: string; readonly port: number }
  | { readonly type: 'calling'; readonly active: boolean };

/** From the reporter thread. */
export type ToMain =
  | { readonly type: 'assign'; readonly spec: WorkSpec }
  | {
      readonly type: 'call';
      readonly message: CallMessage;
      /** How many posted deltas the flow had applied when it made the call. */
      readonly applied: number;
    }
  | { readonly type: 'flowDelta'; readonly ops: readonly Operation[] }
  | { readonly type: 'stop' }
  /** The process must end at once; see {@link LEAVE}. */
  | { readonly type: 'leave' }
  /** The thread reported this `_url` itself. */
  | { readonly type: 'url'; readonly url: string };

/** Name of the global function that the reporter thread calls on the main thread. */
export const POKE_NAME = 'stormkite.poke';
