/** Every wait of the launcher, in milliseconds unless named otherwise; shrunk in tests. */
export interface LauncherTimings {
  /** How often tasks and machines are looked at while something runs or changes. */
  readonly pollMs: number;
  /** How often all that is paid for is compared with what is wanted. */
  readonly reconcileMs: number;
  /** How long that goes on after the last paid call: a late answer of AWS is still noticed. */
  readonly quietMs: number;
  /** A task that ECS does not know yet is taken for starting this long. */
  readonly missingMs: number;
  /** From `RunTask` until the task runs; then it is stopped. */
  readonly startTimeoutMs: number;
  /** From the start of an instance until it is registered; then another one is tried. */
  readonly bootTimeoutMs: number;
  /** First wait when no instance can be had, or the machine has no room; doubled up to `capacityRetryMaxMs`. */
  readonly capacityRetryMs: number;
  readonly capacityRetryMaxMs: number;
  /** When a call whose outcome is unknown, or that was refused for now, is repeated. */
  readonly callRetryMs: number;
  /** How long an unanswered `RunTask` may be repeated with its token; after that its task is only looked for. */
  readonly tokenMs: number;
  /** How long a machine without a task is held for a next one. */
  readonly idleMachineMs: number;
  /** A work that is pending longer is explained by the group's scaling activities too. */
  readonly explainAfterMs: number;
  /** Part of a stop's grace that the work is given to end by itself before SIGTERM. */
  readonly askShare: number;
  /** A task that does not stop is asked to again. */
  readonly stopAgainMs: number;
  /** A task that still seems to run on a machine that is gone is taken for lost. */
  readonly hostLostMs: number;
  /** How long `release` is waited for; the machine is released in any case. */
  readonly releaseWaitMs: number;
}

export const defaultLauncherTimings: LauncherTimings = {
  pollMs: 4_000,
  reconcileMs: 30_000,
  quietMs: 120_000,
  missingMs: 60_000,
  startTimeoutMs: 600_000,
  bootTimeoutMs: 480_000,
  capacityRetryMs: 30_000,
  capacityRetryMaxMs: 300_000,
  callRetryMs: 2_000,
  tokenMs: 600_000,
  idleMachineMs: 60_000,
  explainAfterMs: 60_000,
  askShare: 0.5,
  stopAgainMs: 30_000,
  hostLostMs: 30_000,
  releaseWaitMs: 90_000,
};
