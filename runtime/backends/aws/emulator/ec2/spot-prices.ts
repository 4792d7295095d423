import type { InstanceType } from './instance-types.ts';

/** Spot prices move; the emulator's are always this part of the price on demand. */
const SPOT_SHARE = 0.4;

export function spotDollarsPerHour({ dollarsPerHour }: InstanceType): number {
  return dollarsPerHour * SPOT_SHARE;
}
