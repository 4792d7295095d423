/** Time, so that tests can own it. */
export interface Clock {
  /** Epoch milliseconds; may jump. For timestamps only. */
  now(): number;
  /** Milliseconds that never go back. For lengths of time. */
  monotonic(): number;
  /** Calls once after `ms` milliseconds, unless cancelled. A timer never keeps the process alive by itself. */
  after(ms: number, call: () => void): ClockTimer;
  /** Calls once as soon as what is running now is over, in order of the requests. */
  soon(call: () => void): void;
}

export interface ClockTimer {
  cancel(): void;
}
