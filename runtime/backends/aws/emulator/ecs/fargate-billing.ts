import { priceSnapshot } from '../../../../hardware/price-snapshot.ts';
import type { EmulatorContext } from '../context.ts';
import type { Task } from './task.ts';

const UNITS = 1_024;
/** Fargate Spot costs about so much of the usual price. */
const SPOT_SHARE = 0.3;

/** Bills a Fargate task from the pull of its image on; who ends the task ends the bill. */
export function beginFargateBilling(task: Task, { billing, clock }: EmulatorContext): void {
  const platform: unknown = task.wish.definition['runtimePlatform'];
  const isArm = Object(platform)['cpuArchitecture'] === 'ARM64';
  const price = priceSnapshot.fargate[isArm ? 'arm64' : 'x86'];
  const vcpus = task.demand.cpuUnits / UNITS;
  const gib = task.demand.memoryMiB / UNITS;
  const isSpot = task.wish.capacityProvider === 'FARGATE_SPOT';
  billing.start({
    id: task.arn,
    kind: 'fargate',
    type: `${vcpus} vCPU, ${gib} GB${isArm ? ', ARM' : ''}`,
    market: isSpot ? 'spot' : 'on-demand',
    dollarsPerHour: (vcpus * price.vcpuHour + gib * price.gibHour) * (isSpot ? SPOT_SHARE : 1),
    launchedAt: clock.now(),
  });
}
