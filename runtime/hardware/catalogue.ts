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

/** GPUs of an instance type, as far as its family tells: GPU families start with g, p, trn or inf. */
export function gpusOfInstanceType(instanceType: string): number {
  return /^(g\d|p\d)/.test(instanceType) ? 1 : 0;
}
