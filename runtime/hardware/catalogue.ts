/** A named class of hardware. Sizes are those of the first instance type. */
export interface HardwareClass {
  readonly vcpus: number;
  readonly memoryGiB: number;
  readonly gpus: number;
  /** EC2 instance types in the order in which they are tried. */
  readonly instanceTypes: readonly string[];
  /** True when several works share one machine. */
  readonly shared: boolean;
}

/** The named classes of `CloudCompute`. */
export const hardwareClasses = {
  default: {
    vcpus: 1,
    memoryGiB: 4,
    gpus: 0,
    instanceTypes: ['t3.large', 'm7i-flex.large'],
    shared: true,
  },
  'cpu-small': {
    vcpus: 2,
    memoryGiB: 8,
    gpus: 0,
    instanceTypes: ['m7i.large', 'm6i.large'],
    shared: false,
  },
  'cpu-medium': {
    vcpus: 8,
    memoryGiB: 32,
    gpus: 0,
    instanceTypes: ['m7i.2xlarge', 'm6i.2xlarge'],
    shared: false,
  },
  gpu: { vcpus: 4, memoryGiB: 16, gpus: 1, instanceTypes: ['g4dn.xlarge'], shared: false },
  'gpu-fast': {
    vcpus: 8,
    memoryGiB: 32,
    gpus: 1,
    instanceTypes: ['g5.2xlarge', 'g6.2xlarge'],
    shared: false,
  },
  'gpu-fast-multi': {
    vcpus: 48,
    memoryGiB: 192,
    gpus: 4,
    instanceTypes: ['g5.12xlarge', 'g6.12xlarge'],
    shared: false,
  },
} as const satisfies Readonly<Record<string, HardwareClass>>;

export type HardwareName = keyof typeof hardwareClasses;

/** Whether a name is one of the named classes. */
export function isHardwareName(name: string): name is HardwareName {
  return Object.hasOwn(hardwareClasses, name);
}

/** Families of EC2 instance types with NVIDIA GPUs: `g` and `gr`, `p`. */
const GPU_FAMILY = /^(gr?|p)\d/;
/** GPUs by size, where it is more than one. */
const GPUS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  g: { '12xlarge': 4, '24xlarge': 4, '48xlarge': 8, metal: 8 },
  p: { '8xlarge': 4, '16xlarge': 8, '24xlarge': 8, '48xlarge': 8 },
};

/** GPUs of an instance type, as its family and size tell. */
export function gpusOfInstanceType(instanceType: string): number {
  const [family = '', size = ''] = instanceType.split('.');
  if (!GPU_FAMILY.test(family)) return 0;
  return GPUS[family.charAt(0)]?.[size] ?? 1;
}
