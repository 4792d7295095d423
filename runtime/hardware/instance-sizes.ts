/** Sizes of EC2 instance types, as their names tell ("Amazon EC2 instance types", naming conventions and specifications). */
import { gpusOfInstanceType } from './catalogue.ts';

export interface InstanceSize {
  readonly vcpus: number;
  readonly memoryMiB: number;
  readonly gpus: number;
}

const MIB_PER_GIB = 1_024;

/** vCPUs by size; `<n>xlarge` has four for each. */
const SMALL_VCPUS: Readonly<Record<string, number>> = { medium: 1, large: 2 };
const VCPUS_PER_XLARGE = 4;

/** GiB for each vCPU by family; the first that fits. */
const GIB_PER_VCPU: readonly (readonly [RegExp, number])[] = [
  [/^(c\d|inf1)/, 2],
  [/^(g6e|gr\d|r\d|z1d|i[34]|x2)/, 8],
  [/^(m\d|g4dn|g4ad|g5|g6|trn1)/, 4],
  [/^x1/, 15.25],
];

/** What no rule tells: vCPUs and GiB. */
const EXCEPTIONS: Readonly<Record<string, readonly [number, number]>> = {
  't3.micro': [2, 1],
  't3.small': [2, 2],
  't3.medium': [2, 4],
  't3.large': [2, 8],
  't3.xlarge': [4, 16],
  't3.2xlarge': [8, 32],
  't4g.small': [2, 2],
  't4g.medium': [2, 4],
  't4g.large': [2, 8],
  'p3.2xlarge': [8, 61],
  'p3.8xlarge': [32, 244],
  'p3.16xlarge': [64, 488],
  'p3dn.24xlarge': [96, 768],
  'p4d.24xlarge': [96, 1_152],
  'p4de.24xlarge': [96, 1_152],
  'p5.4xlarge': [16, 256],
  'p5.48xlarge': [192, 2_048],
  'p5e.48xlarge': [192, 2_048],
  'p5en.48xlarge': [192, 2_048],
};

/** The size of an instance type; `null` when its name tells none. */
export function instanceSizeOf(instanceType: string): InstanceSize | null {
  const gpus = gpusOfInstanceType(instanceType);
  const exception = Object.hasOwn(EXCEPTIONS, instanceType) ? EXCEPTIONS[instanceType] : undefined;
  if (exception !== undefined)
    return { vcpus: exception[0], memoryMiB: exception[1] * MIB_PER_GIB, gpus };
  const [family = '', size = ''] = instanceType.split('.');
  const ratio = GIB_PER_VCPU.find(([pattern]) => pattern.test(family))?.[1];
  const vcpus = vcpusOf(size);
  return ratio === undefined || vcpus === null
    ? null
    : { vcpus, memoryMiB: vcpus * ratio * MIB_PER_GIB, gpus };
}

function vcpusOf(size: string): number | null {
  const small = SMALL_VCPUS[size];
  if (small !== undefined) return small;
  const [, times] = /^(\d*)xlarge$/.exec(size) ?? [];
  return times === undefined ? null : VCPUS_PER_XLARGE * Number(times === '' ? 1 : times);
}

/** Of a machine's memory, what its system, Docker and the ECS agent keep (`ECS_RESERVED_MEMORY` and what AMIs report). */
const SYSTEM_SHARE = 0.06;

/** MiB that ECS has for tasks on a machine. */
export function registeredMemoryMiB({ memoryMiB }: InstanceSize): number {
  return Math.floor(memoryMiB * (1 - SYSTEM_SHARE));
}
