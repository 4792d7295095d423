/** The launcher's rows as the ledger sees them. Pure. */
import { machinePerHour, type PriceList } from '../../../hardware/prices.ts';
import type { Deployment, HardwareDeployment } from '../contract.ts';
import { isDedicated, SHARED, NOBODY, type MachineRow, type RunRow } from '../launcher/rows.ts';
import type { MachineBill } from './cost-ledger.ts';

/** GiB of a volume that the deployment does not tell: the smallest that the AMI takes. */
const DEFAULT_DISK_GIB = 30;
const CPU_UNITS_PER_VCPU = 1_024;

export interface BillingView {
  readonly deployment: Deployment;
  readonly prices: PriceList;
  /** Dollars an hour of spot machines, as asked; by instance. */
  readonly spotPerHour: ReadonlyMap<string, number>;
  /** Those that have not ended. */
  readonly runs: Iterable<RunRow>;
  readonly isOnlyOne: (row: MachineRow) => boolean;
}

/** A machine and what it costs; `unpriced` when its type has no price, so that it counts as nothing. */
export function toBill(
  row: MachineRow,
  view: BillingView,
): { readonly bill: MachineBill; readonly unpriced: boolean } {
  const { deployment, prices, spotPerHour, runs, isOnlyOne } = view;
  const hardware = deployment.hardware[row.hardware];
  const perHour = machinePerHour(prices, {
    type: typeOf(row, hardware),
    market: row.market,
    diskGiB: hardware?.diskGiB ?? DEFAULT_DISK_GIB,
    hasPublicIp: row.publicIp !== '',
    spotPerHour: spotPerHour.get(row.instanceId) ?? null,
  });
  const { instanceId: id, launchedAt, terminatedAt, releasedAt, owner } = row;
  const bill: MachineBill = {
    id,
    launchedAt,
    endedAt: terminatedAt,
    perHour: perHour ?? 0,
    exclusive: owner !== SHARED && owner !== NOBODY,
    shares: sharesOf(row, hardware, runs),
    fromZero: isOnlyOne(row),
    released: releasedAt !== null && terminatedAt !== null && releasedAt < terminatedAt,
    failed: row.failed === true,
  };
  return { bill, unpriced: perHour === null };
}

/** The type, also while only its group is known. */
export function typeOf(row: MachineRow, hardware: HardwareDeployment | undefined): string {
  if (row.type !== '') return row.type;
  const pool = hardware?.pools.find((each) => each.autoScalingGroup === row.autoScalingGroup);
  return pool?.instanceTypes[0] ?? '';
}

function sharesOf(
  row: MachineRow,
  hardware: HardwareDeployment | undefined,
  runs: Iterable<RunRow>,
): Record<string, number> {
  if (isDedicated(row.owner)) return { [row.owner.slice(row.owner.indexOf(':') + 1)]: 1 };
  const shares: Record<string, number> = {};
  for (const run of runs) {
    if (run.instanceId !== row.instanceId || run.end !== null || hardware === undefined) continue;
    shares[run.work] = (shares[run.work] ?? 0) + shareOf(run, hardware);
  }
  return shares;
}

/** The scarcest of what a run reserves: nobody else can use what is left of the rest. */
function shareOf(run: RunRow, { vcpus, memoryMiB, gpus }: HardwareDeployment): number {
  return Math.min(
    1,
    Math.max(
      run.cpuUnits / (vcpus * CPU_UNITS_PER_VCPU),
      run.memoryMiB / memoryMiB,
      gpus === 0 ? 0 : run.gpus / gpus,
    ),
  );
}
