import { z } from 'zod';
import { readTaskVariable } from './task-environment.ts';

/** JSON of the waits that differ from their defaults; for tests and emulation. */
export const FLOW_TIMINGS_VARIABLE = 'STORMKITE_FLOW_TIMINGS';

/** Port of an emulated flow's API; ECS would give it an address of its own. */
export const FLOW_PORT_VARIABLE = 'STORMKITE_FLOW_PORT';

const some = z.record(z.string(), z.number()).optional();
const schema = z.object({ loop: some, store: some, channel: some, launcher: some });

/** Waits of a flow's parts, by the names in their own files. */
export type FlowTimings = z.infer<typeof schema>;

/** @throws `HOST_TASK_ENVIRONMENT` */
export function readFlowTimings(env: NodeJS.ProcessEnv): FlowTimings {
  return env[FLOW_TIMINGS_VARIABLE] === undefined
    ? {}
    : readTaskVariable(env, FLOW_TIMINGS_VARIABLE, schema);
}
