/** Every wait of the local backend, in milliseconds unless named otherwise; shrunk in tests. */
export interface LocalTimings {
  /** How long a process may take until it connects; then it is killed. */
  readonly startTimeoutMs: number;
  /** How long a process may hold one of the places for those that boot. */
  readonly bootTimeoutMs: number;
  /** Part of a stop's grace after which SIGTERM is sent. */
  readonly termShare: number;
  /** How long user code may go on after its flow is gone. */
  readonly orphanGraceMs: number;
  /** How long the last output and deltas of a process that exited are waited for. */
  readonly drainMs: number;
  /** When a launch that found no free GPU is to be tried again. */
  readonly capacityRetryMs: number;
  /** Grace of processes that are left when the backend is closed. */
  readonly closeGraceMs: number;
}

export const defaultLocalTimings: LocalTimings = {
  startTimeoutMs: 30_000,
  bootTimeoutMs: 30_000,
  termShare: 0.5,
  orphanGraceMs: 1_000,
  drainMs: 500,
  capacityRetryMs: 1_000,
  closeGraceMs: 2_000,
};
