/** EC2 instance types that the emulator has: their sizes, and prices of Linux on demand in us-east-1 as of November 2026. */
import { appError } from '../../../../errors/index.ts';
import { instanceSizeOf, type InstanceSize } from '../../../../hardware/instance-sizes.ts';

/** Quota that an instance type's vCPUs count against. */
export const quotaFamilies = ['standard', 'g', 'p'] as const;
export type QuotaFamily = (typeof quotaFamilies)[number];

export interface InstanceType extends InstanceSize {
  readonly name: string;
  /** On demand. */
  readonly dollarsPerHour: number;
  readonly family: QuotaFamily;
}

/** Dollars per hour. */
const PRICES: Readonly<Record<string, number>> = {
  't3.medium': 0.0416,
  't3.large': 0.0832,
  't4g.medium': 0.0336,
  'm7i-flex.large': 0.0958,
  'c5.large': 0.085,
  'c6i.large': 0.085,
  'c5.xlarge': 0.17,
  'm5.large': 0.096,
  'm6i.large': 0.096,
  'm6i.2xlarge': 0.384,
  'm7i.large': 0.1008,
  'm7i.2xlarge': 0.4032,
  'g4dn.xlarge': 0.526,
  'g4dn.2xlarge': 0.752,
  'g4dn.12xlarge': 3.912,
  'g5.xlarge': 1.006,
  'g5.2xlarge': 1.212,
  'g5.12xlarge': 5.672,
  'g6.xlarge': 0.8048,
  'g6.2xlarge': 0.9776,
  'g6.12xlarge': 4.6016,
  'g6e.xlarge': 1.861,
  'p3.2xlarge': 3.06,
  'p3.8xlarge': 12.24,
  'p3.16xlarge': 24.48,
  'p4d.24xlarge': 21.957642,
  'p5.48xlarge': 55.04,
};

/** ECS counts a vCPU as so many units. */
export const CPU_UNITS = 1_024;

export class InstanceTypes {
  readonly #prices: Readonly<Record<string, number>>;

  /** @param prices dollars per hour of more types, or other prices of those that are known. */
  constructor(prices: Readonly<Record<string, number>> = {}) {
    this.#prices = { ...PRICES, ...prices };
  }

  /** @throws `EMULATOR_INSTANCE_TYPE_UNKNOWN` for a type without a size or a price. */
  get(name: string): InstanceType {
    const size = instanceSizeOf(name);
    const price = Object.hasOwn(this.#prices, name) ? this.#prices[name] : undefined;
    if (size !== null && price !== undefined)
      return { ...size, name, dollarsPerHour: price, family: familyOf(name) };
    throw appError('EMULATOR_INSTANCE_TYPE_UNKNOWN', {
      instanceType: name,
      known: Object.keys(this.#prices).join(', '),
    });
  }
}

function familyOf(name: string): QuotaFamily {
  if (name.startsWith('g')) return 'g';
  return name.startsWith('p') ? 'p' : 'standard';
}
