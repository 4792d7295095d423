/** The ECS operations about services. */
import { z } from 'zod';
import type { EmulatorContext } from '../context.ts';
import { nameOf, uuid } from '../ids.ts';
import { operationOf, toSeconds, type Operations } from '../operation.ts';
import { ServiceError } from '../service-error.ts';
import { strategyItem } from './cluster-operations.ts';
import type { Clusters } from './clusters.ts';
import type { Service, Services } from './services.ts';
import type { TaskDefinition, TaskDefinitions } from './task-definitions.ts';

const ecs = operationOf('ecs');

const cluster = z.string().optional();

const createInput = z.looseObject({
  cluster,
  serviceName: z.string().regex(/^[A-Za-z0-9_-]{1,255}$/),
  taskDefinition: z.string(),
  desiredCount: z.number().int().min(0).default(0),
  launchType: z.enum(['EC2', 'FARGATE']).optional(),
  capacityProviderStrategy: z.array(strategyItem).default([]),
  deploymentConfiguration: z.looseObject({}).optional(),
  networkConfiguration: z.looseObject({}).optional(),
});

/** What is asked for and means nothing here, given back as it came. */
const ECHOED = [
  'deploymentConfiguration',
  'networkConfiguration',
  'availabilityZoneRebalancing',
  'enableExecuteCommand',
];

export function serviceOperations(
  { arns, clock, timings }: EmulatorContext,
  clusters: Clusters,
  definitions: TaskDefinitions,
  services: Services,
): Operations {
  const definitionOf = (reference: string): TaskDefinition => {
    const found = definitions.find(reference);
    if (found === undefined)
      throw new ServiceError('ClientException', 'Unable to describe task definition.');
    return found;
  };
  const get = (clusterName: string | undefined, name: string): Service => {
    const found = services.find(clusters.get(clusterName), nameOf(name));
    if (found === undefined)
      throw new ServiceError('ServiceNotFoundException', 'Service not found.');
    return found;
  };
  const getActive = (clusterName: string | undefined, name: string): Service => {
    const found = get(clusterName, name);
    if (found.status !== 'ACTIVE')
      throw new ServiceError('ServiceNotActiveException', 'Service was not ACTIVE.');
    return found;
  };
  return {
    CreateService: ecs(createInput, (input) => {
      const within = clusters.get(input.cluster);
      if (services.find(within, input.serviceName)?.status === 'ACTIVE')
        throw new ServiceError(
          'InvalidParameterException',
          'Creation of service was not idempotent.',
        );
      const now = clock.now();
      const service: Service = {
        arn: arns.service(within.name, input.serviceName),
        name: input.serviceName,
        cluster: within,
        launchType: input.launchType ?? 'EC2',
        capacityProvider:
          input.capacityProviderStrategy[0]?.capacityProvider ??
          (input.launchType === undefined
            ? within.defaultStrategy[0]?.capacityProvider
            : undefined) ??
          null,
        createdAt: now,
        given: Object.fromEntries(
          ECHOED.flatMap((name) => (name in input ? [[name, input[name]]] : [])),
        ),
        definition: definitionOf(input.taskDefinition),
        deployment: '',
        deployedAt: now,
        desiredCount: input.desiredCount,
        status: 'ACTIVE',
        backoffMs: timings.serviceBackoffMs,
        failedTasks: 0,
      };
      services.deploy(service, service.definition);
      services.add(service);
      return { service: describe(service, services) };
    }),
    UpdateService: ecs(
      z.looseObject({
        cluster,
        service: z.string(),
        desiredCount: z.number().int().min(0).optional(),
        taskDefinition: z.string().optional(),
        forceNewDeployment: z.boolean().default(false),
      }),
      (input) => {
        const service = getActive(input.cluster, input.service);
        service.desiredCount = input.desiredCount ?? service.desiredCount;
        const definition =
          input.taskDefinition === undefined
            ? service.definition
            : definitionOf(input.taskDefinition);
        if (input.forceNewDeployment || definition !== service.definition)
          services.deploy(service, definition);
        services.reconcile(service);
        return { service: describe(service, services) };
      },
    ),
    DescribeServices: ecs(
      z.object({ cluster, services: z.array(z.string()).min(1).max(10) }),
      (input) => {
        const within = clusters.get(input.cluster);
        const found = input.services.map(
          (name) => [name, services.find(within, nameOf(name))] as const,
        );
        return {
          services: found.flatMap(([, service]) =>
            service === undefined ? [] : [describe(service, services)],
          ),
          failures: found
            .filter(([, service]) => service === undefined)
            .map(([name]) => ({
              arn: name.startsWith('arn:') ? name : arns.service(within.name, name),
              reason: 'MISSING',
            })),
        };
      },
    ),
    ListServices: ecs(z.object({ cluster }), (input) => {
      const within = clusters.get(input.cluster);
      return {
        serviceArns: services.all
          .filter((service) => service.cluster === within && service.status === 'ACTIVE')
          .map(({ arn }) => arn),
      };
    }),
    DeleteService: ecs(
      z.object({ cluster, service: z.string(), force: z.boolean().default(false) }),
      (input) => {
        const service = getActive(input.cluster, input.service);
        if (service.desiredCount > 0 && !input.force)
          throw new ServiceError(
            'InvalidParameterException',
            'The service cannot be stopped while it is scaled above 0.',
          );
        service.desiredCount = 0;
        service.status = 'DRAINING';
        services.reconcile(service);
        return { service: describe(service, services) };
      },
    ),
  };
}

function describe(service: Service, services: Services): object {
  const tasks = services.tasksOf(service);
  const running = tasks.filter(({ lastStatus }) => lastStatus === 'RUNNING');
  const pending = tasks.filter(({ lastStatus }) =>
    ['PROVISIONING', 'PENDING', 'ACTIVATING'].includes(lastStatus),
  );
  const ofCurrent = running.filter(({ wish }) => wish.startedBy === service.deployment);
  const { arn, name, cluster: within, status, desiredCount, definition, given } = service;
  return {
    serviceArn: arn,
    serviceName: name,
    clusterArn: within.arn,
    status,
    desiredCount,
    runningCount: running.length,
    pendingCount: pending.length,
    launchType: service.launchType,
    capacityProviderStrategy:
      service.capacityProvider === null
        ? undefined
        : [{ capacityProvider: service.capacityProvider, weight: 1, base: 0 }],
    taskDefinition: definition.taskDefinitionArn,
    schedulingStrategy: 'REPLICA',
    createdAt: toSeconds(service.createdAt),
    loadBalancers: [],
    serviceRegistries: [],
    events: [
      {
        id: uuid(),
        createdAt: toSeconds(service.deployedAt),
        message: `(service ${name}) has started a deployment ${service.deployment}.`,
      },
    ],
    deployments: [
      {
        id: service.deployment,
        status: 'PRIMARY',
        taskDefinition: definition.taskDefinitionArn,
        desiredCount,
        runningCount: ofCurrent.length,
        pendingCount: pending.length,
        failedTasks: service.failedTasks,
        createdAt: toSeconds(service.deployedAt),
        updatedAt: toSeconds(service.deployedAt),
        rolloutState: ofCurrent.length === desiredCount ? 'COMPLETED' : 'IN_PROGRESS',
      },
    ],
    ...given,
  };
}
