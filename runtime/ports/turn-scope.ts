/**
 * Whose code runs: while the `async run()` of a flow waits, code that is no part of the turn may run too, such as a timer's.
 */
export interface TurnScope {
  /** Runs code as part of a turn, and with it all that it starts, over every `await`. */
  enter<T>(turn: object, code: () => T): T;
  /** Whether the code that asks was entered with this turn, or started by such code. */
  isInside(turn: object): boolean;
}
