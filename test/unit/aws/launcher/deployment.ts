import { CONTRACT_VERSION, type Deployment } from '../../../../runtime/backends/aws/contract.ts';
import type { WorkSpec } from '../../../../runtime/protocol/work-spec.ts';

/** A deployment with one work class on shared, CPU and GPU machines. */
export function deploymentOf(changes: Partial<Deployment> = {}): Deployment {
  return {
    contract: CONTRACT_VERSION,
    app: 'demo',
    region: 'us-east-1',
    cluster: 'stormkite-demo',
    tables: { state: 'state', deltas: 'deltas' },
    subnets: ['subnet-a', 'subnet-b'],
    taskDefinitions: { Train: { default: 'demo-Train:1' } },
    hardware: {
      default: kind('default', ['t3.large'], {
        shared: true,
        vcpus: 4,
        memoryMiB: 16_384,
        workMemoryMiB: 3_500,
      }),
      gpu: kind('gpu', ['g4dn.xlarge'], { vcpus: 4, memoryMiB: 16_384, gpus: 1 }),
      'gpu-spot': kind('gpu-spot', ['g4dn.xlarge'], { vcpus: 4, memoryMiB: 16_384, gpus: 1 }),
    },
    logGroup: '/stormkite/demo',
    secretsPath: '/stormkite/demo/secrets',
    mode: 'emulated',
    ...changes,
  } as Deployment;
}

function kind(
  name: string,
  types: string[],
  more: Partial<Deployment['hardware'][string]>,
): Deployment['hardware'][string] {
  const pools = types.map((type) => ({
    autoScalingGroup: `asg-${name}-${type}`,
    capacityProvider: `cp-${name}-${type}`,
    instanceTypes: [type],
    market: name.endsWith('-spot') ? ('spot' as const) : ('on-demand' as const),
    maxInstances: 4,
  }));
  const shared = more.shared ?? false;
  const vcpus = more.vcpus ?? 2;
  const memoryMiB = more.memoryMiB ?? 8_192;
  return {
    pools,
    vcpus,
    memoryMiB,
    gpus: 0,
    shared,
    workCpuUnits: shared ? 1_024 : vcpus * 1_024,
    workMemoryMiB: Math.floor((shared ? memoryMiB / 2 : memoryMiB) * 0.8),
    ...more,
  };
}

/** A work of the class that {@link deploymentOf} knows. */
export function specOf(work: string, changes: Partial<WorkSpec> = {}): WorkSpec {
  return {
    app: 'demo',
    work,
    epoch: 1,
    seq: 0,
    vars: {},
    definitions: [],
    tree: [],
    env: {},
    secrets: {},
    hardware: {
      name: 'gpu',
      gpus: 1,
      interruptible: false,
      diskSize: 0,
      shmSize: 0,
      mounts: [],
    },
    ref: { by: 'export', name: 'Train' },
    build: { requirements: [], image: null, dockerfile: null, buildCommands: [] },
    port: null,
    colocationGroupId: null,
    ...changes,
  };
}
