/**
 * The signals by which user code leaves a turn. They are thrown, so that they end it from whatever depth.
 */
const SUSPENSION: unique symbol = Symbol.for('stormkite.suspension') as never;
const END: unique symbol = Symbol.for('stormkite.end') as never;

/** Ends the whole turn: a non-parallel work has not finished. */
export class Suspension extends Error {
  override readonly name = 'Suspension';
  readonly [SUSPENSION] = true;
  /** Full name of the work that is waited for. */
  readonly work: string;

  constructor(work: string) {
    super(`the turn is suspended until ${work} has finished its call; let this error pass`);
    this.work = work;
  }
}

/** Ends the app: `flow.stop()` or `flow.fail()`. */
export class EndSignal extends Error {
  override readonly name = 'EndSignal';
  readonly [END] = true;
  readonly how: 'stop' | 'fail';
  readonly text: string;

  constructor(how: 'stop' | 'fail', text: string) {
    super(`the app ends (${how}); let this error pass`);
    this.how = how;
    this.text = text;
  }
}

/** Whether a caught value is the signal that suspends a turn: code that catches errors must re-throw it. */
export function isSuspension(value: unknown): value is Suspension {
  return (
    typeof value === 'object' &&
    value !== null &&
    (value as { [SUSPENSION]?: unknown })[SUSPENSION] === true
  );
}

export function isEndSignal(value: unknown): value is EndSignal {
  return (
    typeof value === 'object' && value !== null && (value as { [END]?: unknown })[END] === true
  );
}
