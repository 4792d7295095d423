/** The ECS operations about clusters, capacity providers and container instances. */
import { z } from 'zod';
import type { EmulatorContext } from '../context.ts';
import { nameOf } from '../ids.ts';
import { operationOf, pageOf, type Operations } from '../operation.ts';
import { ServiceError } from '../service-error.ts';
import type { CapacityProvider, Cluster } from './cluster.ts';
import { parseClusterQuery } from './cluster-query.ts';
import type { Clusters } from './clusters.ts';
import type { Tasks } from './tasks.ts';

const ecs = operationOf('ecs');

const MAX_PAGE = 100;
const cluster = z.string().optional();
const inCluster = z.object({ cluster });

export const strategyItem = z.object({
  capacityProvider: z.string(),
  weight: z.number().int().min(0).default(0),
  base: z.number().int().min(0).default(0),
});

const enabled = z.enum(['ENABLED', 'DISABLED']);
const providerInput = z.object({
  name: z.string(),
  autoScalingGroupProvider: z.object({
    autoScalingGroupArn: z.string(),
    managedScaling: z
      .object({
        status: enabled.default('DISABLED'),
        targetCapacity: z.number().int().min(1).max(100).default(100),
        minimumScalingStepSize: z.number().int().min(1).default(1),
        maximumScalingStepSize: z.number().int().min(1).default(10_000),
        instanceWarmupPeriod: z.number().int().min(0).default(300),
      })
      .prefault({}),
    managedTerminationProtection: enabled.default('DISABLED'),
    managedDraining: enabled.default('ENABLED'),
  }),
});

export function clusterOperations(
  { arns }: EmulatorContext,
  clusters: Clusters,
  tasks: Tasks,
): Operations {
  const running = (each: Cluster, status: string): number =>
    tasks.all.filter(({ wish, lastStatus }) => wish.cluster === each && lastStatus === status)
      .length;
  const describe = (each: Cluster): object => ({
    clusterArn: each.arn,
    clusterName: each.name,
    status: each.status,
    registeredContainerInstancesCount: each.instances.length,
    runningTasksCount: running(each, 'RUNNING'),
    pendingTasksCount: running(each, 'PENDING'),
    statistics: [],
    tags: [],
    settings: [{ name: 'containerInsights', value: 'disabled' }],
    capacityProviders: each.capacityProviders,
    defaultCapacityProviderStrategy: each.defaultStrategy,
  });
  return {
    CreateCluster: ecs(
      z.object({
        clusterName: z.string().optional(),
        capacityProviders: z.array(z.string()).optional(),
        defaultCapacityProviderStrategy: z.array(strategyItem).optional(),
      }),
      (input) => {
        clusters.checkProviders(input.capacityProviders ?? []);
        const created = clusters.create(input.clusterName);
        created.capacityProviders = input.capacityProviders ?? created.capacityProviders;
        created.defaultStrategy = input.defaultCapacityProviderStrategy ?? created.defaultStrategy;
        return { cluster: describe(created) };
      },
    ),
    DescribeClusters: ecs(
      z.object({ clusters: z.array(z.string()).default(['default']) }),
      (input) => {
        const found = input.clusters.flatMap((name) => clusters.find(name) ?? []);
        const failures = input.clusters
          .filter((name) => clusters.find(name) === undefined)
          .map((name) => ({
            arn: name.startsWith('arn:') ? name : arns.cluster(name),
            reason: 'MISSING',
          }));
        return { clusters: found.map(describe), failures };
      },
    ),
    DeleteCluster: ecs(z.object({ cluster: z.string() }), (input) => {
      const found = clusters.get(input.cluster);
      if (
        tasks.all.some(({ wish, lastStatus }) => wish.cluster === found && lastStatus !== 'STOPPED')
      )
        throw new ServiceError(
          'ClusterContainsTasksException',
          'The Cluster cannot be deleted while Tasks are active.',
        );
      if (found.instances.length > 0)
        throw new ServiceError(
          'ClusterContainsContainerInstancesException',
          'The Cluster cannot be deleted while Container Instances are active or draining.',
        );
      found.status = 'INACTIVE';
      return { cluster: describe(found) };
    }),
    PutClusterCapacityProviders: ecs(
      z.object({
        cluster: z.string(),
        capacityProviders: z.array(z.string()),
        defaultCapacityProviderStrategy: z.array(strategyItem).default([]),
      }),
      (input) => {
        clusters.checkProviders(input.capacityProviders);
        const found = clusters.get(input.cluster);
        found.capacityProviders = input.capacityProviders.map(nameOf);
        found.defaultStrategy = input.defaultCapacityProviderStrategy;
        return { cluster: describe(found) };
      },
    ),
    CreateCapacityProvider: ecs(providerInput, (input) => {
      const provider = toProvider(input, arns.capacityProvider(input.name));
      clusters.addProvider(provider);
      return { capacityProvider: toWire(provider) };
    }),
    DescribeCapacityProviders: ecs(
      z.object({ capacityProviders: z.array(z.string()).optional() }),
      ({ capacityProviders: names }) => ({
        capacityProviders: (
          names?.flatMap((name) => clusters.provider(name) ?? []) ?? clusters.providers
        ).map(toWire),
        failures: (names ?? [])
          .filter((name) => clusters.provider(name) === undefined)
          .map((name) => ({ arn: name, reason: 'MISSING' })),
      }),
    ),
    DeleteCapacityProvider: ecs(z.object({ capacityProvider: z.string() }), (input) => {
      const provider = clusters.provider(input.capacityProvider);
      if (provider === undefined)
        throw new ServiceError(
          'InvalidParameterException',
          'The specified capacity provider was not found.',
        );
      clusters.removeProvider(provider);
      return { capacityProvider: { ...toWire(provider), status: 'INACTIVE' } };
    }),
    ListContainerInstances: ecs(
      inCluster.extend({
        filter: z.string().optional(),
        status: z.string().optional(),
        maxResults: z.number().int().min(1).max(MAX_PAGE).default(MAX_PAGE),
        nextToken: z.string().optional(),
      }),
      (input) => {
        const matches = input.filter === undefined ? () => true : parseClusterQuery(input.filter);
        const found = clusters
          .get(input.cluster)
          .instances.filter(
            (each) => (input.status ?? each.status) === each.status && matches(each),
          );
        const { page, nextToken } = pageOf(found, input.nextToken, input.maxResults);
        return { containerInstanceArns: page.map(({ arn }) => arn), nextToken };
      },
    ),
    DescribeContainerInstances: ecs(
      inCluster.extend({ containerInstances: z.array(z.string()).min(1).max(MAX_PAGE) }),
      (input) => {
        const { found, missing } = lookUp(
          clusters,
          clusters.get(input.cluster),
          input.containerInstances,
        );
        return {
          containerInstances: found.map((each) => each.describe()),
          failures: missing.map((id) => ({ arn: id, reason: 'MISSING' })),
        };
      },
    ),
    UpdateContainerInstancesState: ecs(
      inCluster.extend({
        containerInstances: z.array(z.string()).min(1).max(10),
        status: z.enum(['ACTIVE', 'DRAINING']),
      }),
      (input) => {
        const { found, missing } = lookUp(
          clusters,
          clusters.get(input.cluster),
          input.containerInstances,
        );
        for (const each of found) each.status = input.status;
        if (input.status === 'ACTIVE') tasks.placeWaiting();
        return {
          containerInstances: found.map((each) => each.describe()),
          failures: missing.map((id) => ({ arn: id, reason: 'MISSING' })),
        };
      },
    ),
  };
}

function lookUp(clusters: Clusters, within: Cluster, ids: readonly string[]) {
  return {
    found: ids.flatMap((id) => clusters.containerInstance(within, id) ?? []),
    missing: ids.filter((id) => clusters.containerInstance(within, id) === undefined),
  };
}

function toProvider(
  { name, autoScalingGroupProvider: given }: z.output<typeof providerInput>,
  arn: string,
): CapacityProvider {
  return {
    arn,
    name,
    group: nameOf(given.autoScalingGroupArn),
    managedScaling: given.managedScaling,
    managedTerminationProtection: given.managedTerminationProtection,
    managedDraining: given.managedDraining,
  };
}

function toWire(provider: CapacityProvider): object {
  const { arn, name, group, managedScaling, managedTerminationProtection, managedDraining } =
    provider;
  return {
    capacityProviderArn: arn,
    name,
    status: 'ACTIVE',
    updateStatus: 'CREATE_COMPLETE',
    type: 'EC2_AUTOSCALING',
    autoScalingGroupProvider: {
      autoScalingGroupArn: group,
      managedScaling,
      managedTerminationProtection,
      managedDraining,
    },
    tags: [],
  };
}
