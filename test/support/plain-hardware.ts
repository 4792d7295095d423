import type { WorkSpec } from '../../runtime/protocol/work-spec.ts';

/** The parts of a spec that a work without wishes has. */
export const plainHardware = {
  hardware: { name: 'default', gpus: 0, interruptible: false, diskSize: 0, shmSize: 0, mounts: [] },
  build: { requirements: [], image: null, dockerfile: null, buildCommands: [] },
  port: null,
  colocationGroupId: null,
} satisfies Partial<WorkSpec>;
