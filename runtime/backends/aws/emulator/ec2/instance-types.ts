/** EC2 instance types that the emulator has: those whose size and price Stormkite knows (`runtime/hardware`). */
import { appError } from '../../../../errors/index.ts';
import { instanceSizeOf, type InstanceSize } from '../../../../hardware/instance-sizes.ts';
import { priceSnapshot } from '../../../../hardware/price-snapshot.ts';

/** Quota that an instance type's vCPUs count against. */
export const quotaFamilies = ['standard', 'g', 'p'] as const;
export type QuotaFamily = (typeof quotaFamilies)[number];

export interface InstanceType extends InstanceSize {
  readonly name: string;
  /** On demand. */
  readonly dollarsPerHour: number;
  readonly family: QuotaFamily;
}

/** ECS counts a vCPU as so many units. */
export const CPU_UNITS = 1_024;

export class InstanceTypes {
  readonly #prices: Readonly<Record<string, number>>;

  /** @param prices dollars per hour of more types, or other prices of those that are known. */
  constructor(prices: Readonly<Record<string, number>> = {}) {
    this.#prices = { ...priceSnapshot.onDemand, ...prices };
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
