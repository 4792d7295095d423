/**
 * What AWS charges, as a dated list of one region: shipped for us-east-1, read from AWS for every other one.
 *
 * P1 A price that is not in the list is `null`, never 0.
 */
import { z } from 'zod';
import { priceSnapshot } from './price-snapshot.ts';

/** Hours by which AWS divides a monthly price. */
export const HOURS_PER_MONTH = 730;

const dollars = z.number().nonnegative();
const fargate = z.object({ vcpuHour: dollars, gibHour: dollars });

/** Schema of {@link PriceList}, also of `~/.stormkite/prices.json`. */
export const priceListSchema = z.object({
  version: z.literal(1),
  region: z.string(),
  /** Day on which the prices were read, as `2026-11-21`. */
  date: z.iso.date(),
  /** Where they come from, for people. */
  source: z.string(),
  /** Dollars an hour by instance type. */
  onDemand: z.record(z.string(), dollars),
  /** The same for spot capacity, where it was asked for; it moves. */
  spot: z.record(z.string(), dollars),
  fargate: z.object({ arm64: fargate, x86: fargate }),
  /** Dollars for a GiB of gp3 volume in a month. */
  gp3GibMonth: dollars,
  /** Dollars for a public IPv4 address in an hour. */
  publicIpv4Hour: dollars,
});

export type PriceList = z.infer<typeof priceListSchema>;
export type Market = 'on-demand' | 'spot';

/** What is priced of a machine. */
export interface PricedMachine {
  readonly type: string;
  readonly market: Market;
  /** GiB of its volume. */
  readonly diskGiB: number;
  readonly hasPublicIp: boolean;
  /** What its spot capacity costs, where that was asked. */
  readonly spotPerHour?: number | null;
}

/**
 * Dollars an hour of a machine with its volume and address; `null` when its type has no price.
 *
 * Spot capacity whose price nobody knows counts as on demand: never less than what is paid.
 */
export function machinePerHour(prices: PriceList, machine: PricedMachine): number | null {
  const compute = computePerHour(prices, machine);
  if (compute === null) return null;
  const disk = (machine.diskGiB * prices.gp3GibMonth) / HOURS_PER_MONTH;
  return compute + disk + (machine.hasPublicIp ? prices.publicIpv4Hour : 0);
}

function computePerHour(
  { onDemand, spot }: PriceList,
  { type, market, spotPerHour }: PricedMachine,
): number | null {
  const full = own(onDemand, type);
  return market === 'spot' ? (spotPerHour ?? own(spot, type) ?? full) : full;
}

function own(table: Readonly<Record<string, number>>, type: string): number | null {
  return Object.hasOwn(table, type) ? (table[type] ?? null) : null;
}

/** Dollars an hour of a Fargate task with a public address. */
export function fargatePerHour(
  { fargate: { arm64 }, publicIpv4Hour }: PriceList,
  { vcpus, memoryGiB }: { readonly vcpus: number; readonly memoryGiB: number },
): number {
  return vcpus * arm64.vcpuHour + memoryGiB * arm64.gibHour + publicIpv4Hour;
}

/** Prices that stand in until there are better ones: the region's own, else those that are shipped. */
export function pricesFor(region: string, known: PriceList | null): PriceList {
  return known !== null && known.region === region ? known : priceSnapshot;
}
