/** What the main thread and the thread that watches turns share. */

/** Odd while a turn is under way. */
export const TURN = 0;
/** The number of the turn that the main thread answered about. */
export const ANSWER = 1;
/** 1 while the thread sleeps until a turn begins. */
export const ASLEEP = 2;
export const CELLS = 3;

/** Name of the symbol under which the main thread's function is found. */
export const RELEASE_NAME = 'stormkite.releaseSignals';

export interface TurnWatchStart {
  readonly cells: Int32Array;
  /** Milliseconds. */
  readonly limitMs: number;
}
