/** Cluster, groups and capacity providers of a deployment, and what one work reserves of each kind of machine. */
import { registeredMemoryMiB } from '../../../hardware/instance-sizes.ts';
import type { CapacityPool, Deployment, HardwareDeployment } from '../contract.ts';
import type { ResolvedDeploymentSpec } from './deployment-spec.ts';
import { CPU_UNITS, type InstanceTypes } from './ec2/instance-types.ts';
import { call, familyPart, type ProvisionParts } from './provision-parts.ts';

/** Part of what ECS has of an instance that a work gets, unless it is told otherwise. */
const WORK_SHARE = 0.97;

export async function makeCapacity(
  spec: ResolvedDeploymentSpec,
  prefix: string,
  parts: ProvisionParts,
): Promise<Deployment['hardware']> {
  const made: [string, HardwareDeployment][] = [];
  for (const [key, wish] of Object.entries(spec.hardware)) {
    const name = `${prefix}-${familyPart(key)}`;
    const pool: CapacityPool = {
      autoScalingGroup: name,
      capacityProvider: name,
      instanceTypes: wish.instanceTypes,
      market: wish.market,
      maxInstances: wish.maxInstances,
    };
    await makePool(pool, parts);
    made.push([key, toHardware(pool, wish, parts.instanceTypes)]);
  }
  const capacityProviders = made.flatMap(([, { pools }]) =>
    pools.map((pool) => pool.capacityProvider),
  );
  await call(parts.ecs, 'CreateCluster', { clusterName: prefix });
  await call(parts.ecs, 'PutClusterCapacityProviders', {
    cluster: prefix,
    capacityProviders: [...capacityProviders, 'FARGATE', 'FARGATE_SPOT'],
    defaultCapacityProviderStrategy: [],
  });
  return Object.fromEntries(made);
}

/** The group is what the stack makes: empty, protected from scale-in, spot or not. */
async function makePool(pool: CapacityPool, parts: ProvisionParts): Promise<void> {
  const { autoScalingGroup, capacityProvider, instanceTypes, market, maxInstances } = pool;
  const group = {
    AutoScalingGroupName: autoScalingGroup,
    MaxSize: String(maxInstances),
    MixedInstancesPolicy: {
      LaunchTemplate: { Overrides: instanceTypes.map((InstanceType) => ({ InstanceType })) },
      InstancesDistribution: {
        OnDemandPercentageAboveBaseCapacity: market === 'spot' ? '0' : '100',
      },
    },
  };
  if (parts.hasGroup(autoScalingGroup))
    await call(parts.autoScaling, 'UpdateAutoScalingGroup', group);
  else
    await call(parts.autoScaling, 'CreateAutoScalingGroup', {
      ...group,
      MinSize: '0',
      VPCZoneIdentifier: parts.subnets.map(({ id }) => id).join(','),
      NewInstancesProtectedFromScaleIn: 'true',
    });
  if (parts.hasProvider(capacityProvider)) return;
  await call(parts.ecs, 'CreateCapacityProvider', {
    name: capacityProvider,
    autoScalingGroupProvider: {
      autoScalingGroupArn: autoScalingGroup,
      managedScaling: {
        status: 'ENABLED',
        targetCapacity: 100,
        minimumScalingStepSize: 1,
        maximumScalingStepSize: 1,
        instanceWarmupPeriod: 60,
      },
      managedTerminationProtection: 'ENABLED',
      managedDraining: 'DISABLED',
    },
  });
}

/** What one work reserves of the smallest type, so that it fits beside the system and the agent. */
function toHardware(
  pool: CapacityPool,
  { shared, workCpuUnits, workMemoryMiB }: ResolvedDeploymentSpec['hardware'][string],
  instanceTypes: InstanceTypes,
): HardwareDeployment {
  const types = pool.instanceTypes.map((type) => instanceTypes.get(type));
  const memory = Math.min(...types.map(registeredMemoryMiB));
  const vcpus = Math.min(...types.map((type) => type.vcpus));
  return {
    pools: [pool],
    vcpus,
    memoryMiB: Math.min(...types.map(({ memoryMiB }) => memoryMiB)),
    gpus: Math.min(...types.map(({ gpus }) => gpus)),
    shared,
    workCpuUnits: workCpuUnits ?? (shared ? CPU_UNITS : vcpus * CPU_UNITS),
    workMemoryMiB: workMemoryMiB ?? Math.floor((memory * WORK_SHARE) / (shared ? vcpus : 1)),
  };
}
