/**
 * What the process of a work on AWS needs before it has a work. The container's entry point makes it of what `RunTask` told.
 */
import { z } from 'zod';
import { appError } from '../../../errors/index.ts';
import { WORK_BOOT_VARIABLE } from '../../../protocol/work-env.ts';
import { workTaskSchema } from '../contract.ts';
import { workTimingsSchema } from './work-timings.ts';

const awsBootSchema = z.object({
  kind: z.literal('aws'),
  task: workTaskSchema,
  region: z.string(),
  /** The bundled app file. */
  bundlePath: z.string(),
  projectRoot: z.string(),
  /** Those that are left out have their defaults. */
  timings: workTimingsSchema.prefault({}),
});

export type AwsBoot = z.output<typeof awsBootSchema>;

/** Text of {@link WORK_BOOT_VARIABLE}. */
export function formatAwsBoot(boot: z.input<typeof awsBootSchema>): string {
  return JSON.stringify(boot);
}

/** @throws `PROTOCOL_MESSAGE_INVALID` */
export function parseAwsBoot(text: string): AwsBoot {
  const { data, error } = awsBootSchema.safeParse(JSON.parse(text));
  if (data) return data;
  const problem = z.prettifyError(error);
  throw appError('PROTOCOL_MESSAGE_INVALID', { message: WORK_BOOT_VARIABLE, problem });
}
