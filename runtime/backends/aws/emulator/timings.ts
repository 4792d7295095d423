/** How long things take in the emulator, in milliseconds. */
export interface EmulatorTimings {
  /** From the launch of an instance until it is a registered container instance. */
  readonly bootMs: number;
  /** The same for instances with GPUs, whose image is larger. */
  readonly gpuBootMs: number;
  /** From the request to end an instance until its processes are killed. */
  readonly shutDownMs: number;
  /** From a lost host until EC2 and ECS take note. */
  readonly hostLossMs: number;
  /** Between a spot instance's warning and its end. */
  readonly spotNoticeMs: number;
  /** A task waits at least as long for capacity. */
  readonly provisionMs: number;
  /** Pulling an image. */
  readonly pullMs: number;
  /** From the exit of a task's containers until it is STOPPED. */
  readonly deprovisionMs: number;
  /** From `RunTask` until the other operations see the task. */
  readonly visibleMs: number;
  /** How long a stopped task can still be described. */
  readonly stoppedVisibleMs: number;
  /** How often capacity providers compare what is needed with what there is. */
  readonly metricMs: number;
  /** How long a provider must have had too much before it ends an instance. */
  readonly scaleInMs: number;
  /** After which an Auto Scaling group looks again for what it could not launch. */
  readonly groupRetryMs: number;
  /** First pause before a service replaces a task that ended; doubled each time, up to the longest. */
  readonly serviceBackoffMs: number;
  readonly serviceMaxBackoffMs: number;
}

/** What was seen or is documented of AWS itself (`docs/emulator.md` says which). */
export const awsTimings: EmulatorTimings = {
  bootMs: 90_000,
  gpuBootMs: 180_000,
  shutDownMs: 10_000,
  hostLossMs: 120_000,
  spotNoticeMs: 120_000,
  provisionMs: 1_000,
  pullMs: 5_000,
  deprovisionMs: 2_000,
  visibleMs: 2_000,
  stoppedVisibleMs: 3_600_000,
  metricMs: 60_000,
  scaleInMs: 900_000,
  groupRetryMs: 60_000,
  serviceBackoffMs: 10_000,
  serviceMaxBackoffMs: 300_000,
};

/** What a developer waits for: start-up is short, what AWS holds for long is held as long. */
export const defaultTimings: EmulatorTimings = {
  ...awsTimings,
  bootMs: 1_500,
  gpuBootMs: 2_500,
  shutDownMs: 500,
  hostLossMs: 2_000,
  provisionMs: 100,
  pullMs: 50,
  deprovisionMs: 20,
  visibleMs: 100,
  groupRetryMs: 5_000,
  serviceBackoffMs: 500,
  serviceMaxBackoffMs: 30_000,
};

/** Timings multiplied by a factor: 0.01 makes a minute 600 ms. */
export function scaleTimings(timings: EmulatorTimings, factor: number): EmulatorTimings {
  const entries = Object.entries(timings).map(([name, ms]: [string, number]) => [
    name,
    ms * factor,
  ]);
  return { ...timings, ...Object.fromEntries(entries) };
}
