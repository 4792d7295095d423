import { z } from 'zod';

/** Every wait of a work's end of the line, in milliseconds; shrunk in tests. */
export const workTimingsSchema = z.object({
  /** How long the input item may be missing: `RunTask` comes after it was written, reads are consistent. */
  inputMs: z.number().default(60_000),
  /** Deltas of a burst after the first one are put together for so long. */
  coalesceMs: z.number().default(100),
  /** First wait after a request that failed, and the most it grows to; each is drawn from the upper half. */
  retryMs: z.number().default(50),
  retryMaxMs: z.number().default(5_000),
  /** A put that failed for so long is an outage: deltas are held, then spilled, and their credit is given back. */
  outageMs: z.number().default(2_000),
  /** Between two looks at the bell after something happened, and how long that is kept up. */
  pollMs: z.number().default(250),
  activeMs: z.number().default(5_000),
  /** The most that the wait between two looks grows to while nothing happens. */
  idlePollMs: z.number().default(2_000),
  /** Between two looks at the flow's lease. */
  leasePollMs: z.number().default(60_000),
  /** A lease that was read and did not move for so long has lapsed: the work ends itself. */
  flowLostMs: z.number().default(15 * 60_000),
  /** Nothing at all could be read for so long: the work ends itself. */
  isolatedMs: z.number().default(60 * 60_000),
  /** How long user code may take to end after that. */
  flowLostGraceMs: z.number().default(20_000),
  /** How long the process waits at its end until everything is durable; below the task's stop timeout. */
  exitFlushMs: z.number().default(20_000),
});

export type WorkTimings = z.output<typeof workTimingsSchema>;

export const defaultWorkTimings: WorkTimings = workTimingsSchema.parse({});
