/**
 * Makes in the emulator what a stack makes in an account: cluster, capacity, task definitions, log group, secrets, tables, the
 * flow's service. Made again for the same app it changes what differs, as a deployment does.
 */
import { createTables } from '../dynamo/tables.ts';
import {
  CONTAINER_NAME,
  CONTRACT_VERSION,
  DEPLOYMENT_VARIABLE,
  encodeName,
  PREFIX,
  STOP_TIMEOUT_SECONDS,
  type Deployment,
  type LogRole,
} from '../contract.ts';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { ContainerSpec, FlowSpec, ResolvedDeploymentSpec } from './deployment-spec.ts';
import type { Operations } from './operation.ts';
import type { Parameters } from './parameters.ts';
import { makeCapacity } from './provision-capacity.ts';
import { call, familyPart, type ProvisionParts } from './provision-parts.ts';

export async function provision(
  spec: ResolvedDeploymentSpec,
  parts: ProvisionParts,
): Promise<Deployment> {
  const prefix = `${PREFIX}-${familyPart(spec.app)}`;
  const tables = { state: `${prefix}-state`, deltas: `${prefix}-deltas` };
  const logGroup = `/${PREFIX}/${encodeName(spec.app)}`;
  const secretsPath = `/${PREFIX}/${encodeName(spec.app)}`;
  parts.logs.ensure(logGroup);
  putSecrets(spec, secretsPath, parts.parameters);
  if (parts.dynamodbEndpoint !== null)
    await makeTables(parts.dynamodbEndpoint, parts.region, tables);
  const hardware = await makeCapacity(spec, prefix, parts);
  const works = Object.entries(spec.works).map(async ([classId, variants]) => {
    const made = Object.entries(variants).map(async ([variantId, container]) => {
      const family = `${prefix}-${familyPart(classId)}-${familyPart(variantId)}`;
      const definition = workDefinition(family, container, logGroup, parts.parameters);
      return [variantId, await register(parts.ecs, definition)] as const;
    });
    return [classId, Object.fromEntries(await Promise.all(made))] as const;
  });
  const deployment: Deployment = {
    contract: CONTRACT_VERSION,
    app: spec.app,
    region: parts.region,
    cluster: prefix,
    tables,
    subnets: parts.subnets.map(({ id }) => id),
    taskDefinitions: Object.fromEntries(await Promise.all(works)),
    hardware,
    logGroup,
    secretsPath,
    mode: 'emulated',
  };
  if (spec.flow !== null) await makeFlow(spec.flow, deployment, prefix, parts);
  return deployment;
}

function putSecrets(spec: ResolvedDeploymentSpec, path: string, parameters: Parameters): void {
  for (const [name, value] of Object.entries(spec.environmentSecrets))
    parameters.putParameter(`${path}/${name}`, value);
  for (const [name, value] of Object.entries(spec.parameters)) parameters.putParameter(name, value);
  for (const [name, value] of Object.entries(spec.secrets)) parameters.putSecret(name, value);
}

async function makeTables(
  endpoint: string,
  region: string,
  tables: Deployment['tables'],
): Promise<void> {
  const credentials = { accessKeyId: 'emulated', secretAccessKey: 'emulated' };
  const client = new DynamoDBClient({ endpoint, region, credentials });
  try {
    await createTables(client, tables);
  } finally {
    client.destroy();
  }
}

function workDefinition(
  family: string,
  container: ContainerSpec,
  logGroup: string,
  parameters: Parameters,
): object {
  return {
    family,
    networkMode: 'bridge',
    requiresCompatibilities: ['EC2'],
    // How much a work reserves is said when it is run.
    containerDefinitions: [
      { ...containerOf(container, 'work', logGroup, parameters), memoryReservation: 128 },
    ],
  };
}

async function makeFlow(
  flow: FlowSpec,
  deployment: Deployment,
  prefix: string,
  parts: ProvisionParts,
): Promise<void> {
  const container = {
    ...flow,
    environment: { ...flow.environment, [DEPLOYMENT_VARIABLE]: JSON.stringify(deployment) },
  };
  const taskDefinition = await register(parts.ecs, {
    family: `${prefix}-flow`,
    networkMode: 'awsvpc',
    requiresCompatibilities: ['FARGATE'],
    runtimePlatform: { cpuArchitecture: 'ARM64', operatingSystemFamily: 'LINUX' },
    cpu: String(flow.cpuUnits),
    memory: String(flow.memoryMiB),
    containerDefinitions: [containerOf(container, 'flow', deployment.logGroup, parts.parameters)],
  });
  const { cluster } = deployment;
  const { desiredCount } = flow;
  if (parts.hasService(cluster, 'flow'))
    await call(parts.ecs, 'UpdateService', {
      cluster,
      service: 'flow',
      taskDefinition,
      desiredCount,
    });
  else
    await call(parts.ecs, 'CreateService', {
      cluster,
      serviceName: 'flow',
      taskDefinition,
      desiredCount,
      launchType: 'FARGATE',
      deploymentConfiguration: { minimumHealthyPercent: 0, maximumPercent: 100 },
      networkConfiguration: {
        awsvpcConfiguration: { subnets: deployment.subnets, assignPublicIp: 'ENABLED' },
      },
    });
}

function containerOf(
  { image, command, environment, secrets, port, stopTimeoutSeconds }: ContainerSpec,
  streamPrefix: LogRole,
  logGroup: string,
  parameters: Parameters,
): object {
  return {
    name: CONTAINER_NAME,
    image,
    command,
    essential: true,
    environment: Object.entries(environment).map(([name, value]) => ({ name, value })),
    secrets: Object.entries(secrets).map(([name, from]) => ({
      name,
      valueFrom: valueFrom(from, parameters),
    })),
    portMappings: [{ containerPort: port, hostPort: 0, protocol: 'tcp' }],
    stopTimeout: stopTimeoutSeconds ?? STOP_TIMEOUT_SECONDS,
    logConfiguration: {
      logDriver: 'awslogs',
      options: { 'awslogs-group': logGroup, 'awslogs-stream-prefix': streamPrefix },
    },
  };
}

function valueFrom(reference: string, parameters: Parameters): string {
  const [kind, ...rest] = reference.split(':');
  const name = rest.join(':');
  if (kind === 'ssm') return name;
  return parameters.all.secrets.find((secret) => secret.name === name)?.arn ?? name;
}

async function register(ecs: Operations, definition: object): Promise<string> {
  const answer = await call(ecs, 'RegisterTaskDefinition', definition);
  const made = Object(answer)['taskDefinition'] as { readonly taskDefinitionArn: string };
  return made.taskDefinitionArn;
}
