/**
 * The flow: one small Fargate task on ARM that a service keeps running.
 *
 * S1 Never two on purpose: a deployment ends the old task before it starts the new one (0/100), and rebalancing of zones, which
 *    does it the other way round, is off. The lease covers what remains.
 * S2 What the flow must know of its deployment stands in its task definition, so that a rollback brings both back.
 */
import {
  aws_ecs as ecs,
  aws_iam as iam,
  aws_secretsmanager as secrets,
  Duration,
  RemovalPolicy,
  Stack,
  Validations,
  type aws_kms as kms,
  type aws_logs as logs,
} from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { bootstrapCommand } from '../../runtime/backends/aws/bootstrap.ts';
import {
  CONTAINER_NAME,
  CONTAINER_PORT,
  CONTRACT_VERSION,
  DEPLOYMENT_VARIABLE,
  HOSTS_VARIABLE,
  PORT_VARIABLE,
  PRICES_VARIABLE,
  ROLE_VARIABLE,
  TOKEN_VARIABLE,
  type Deployment,
} from '../../runtime/backends/aws/contract.ts';
import { appError } from '../../runtime/errors/index.ts';
import { hardwareClasses, isHardwareName } from '../../runtime/hardware/catalogue.ts';
import type { PreparedApp } from '../prepared-app.ts';
import type { Artifact } from './artifact.ts';
import { asInterface } from './cdk-types.ts';
import type { HardwarePool } from './hardware-pool.ts';
import type { Network } from './network.ts';
import type { Tables } from './tables.ts';
import { taskPrincipal } from './task-trust.ts';
import type { WorkClasses } from './work-classes.ts';
import { imageByName } from './work-image.ts';

/** Fargate's smallest task, enough to coordinate. */
const CPU_UNITS = 256;
const MEMORY_MIB = 512;
/** Fargate's most. The works run on; the flow commits and hands the lease back. */
const STOP_SECONDS = 120;
/** While another flow holds the lease, requests wait. */
const START_PERIOD_SECONDS = 300;
const TOKEN_CHARACTERS = 48;
/** A task definition may have 64 KB; the bootstrap, names and the rest are in it too. */
const MAX_DEPLOYMENT_BYTES = 40 * 1024;
/** What a value that only AWS knows has at most, in bytes; task definitions' ARNs are the longest. */
const TOKEN_BYTES = 200;

export interface FlowServiceProps {
  readonly prepared: PreparedApp;
  readonly cluster: ecs.ICluster;
  readonly network: Network;
  readonly tables: Tables;
  readonly artifact: Artifact;
  readonly works: WorkClasses;
  readonly pools: readonly HardwarePool[];
  readonly logGroup: logs.ILogGroup;
  readonly secretsPath: string;
  readonly encryptionKey: kms.IKey | undefined;
  readonly nodeImage: string;
  readonly taskRole: iam.Role;
  readonly allowExec: boolean;
  /** Names by which something in front of it is called, see `HOSTS_VARIABLE`. */
  readonly hosts: string | undefined;
  /** JSON of a price list, see `PRICES_VARIABLE`. */
  readonly prices: string | undefined;
  /** How long a load balancer's opinion does not count. */
  readonly gracePeriod: Duration | undefined;
}

export class FlowService extends Construct {
  readonly service: ecs.FargateService;
  readonly taskDefinition: ecs.FargateTaskDefinition;
  /** Bearer token of the API. */
  readonly token: secrets.Secret;
  /** What the flow is told; values that only AWS knows are tokens. */
  readonly deployment: Deployment;
  readonly #prepared: PreparedApp;

  constructor(scope: Construct, id: string, props: FlowServiceProps) {
    super(scope, id);
    const { prepared, cluster, network, artifact, logGroup, encryptionKey, taskRole } = props;
    this.#prepared = prepared;
    this.token = new secrets.Secret(this, 'Token', {
      description: `Token of the Stormkite app ${prepared.app}`,
      generateSecretString: { excludePunctuation: true, passwordLength: TOKEN_CHARACTERS },
      removalPolicy: RemovalPolicy.DESTROY,
      ...(encryptionKey === undefined ? {} : { encryptionKey }),
    });
    Validations.of(this.token).acknowledge({
      id: 'AwsSolutions-SMG4',
      reason:
        'A new token takes a new task; replace the value and redeploy the service to rotate it',
    });
    this.deployment = this.#describe(props);
    const executionRole = new iam.Role(this, 'ExecutionRole', {
      description: 'Starts the flow: pulls its image, reads its token, writes logs',
      assumedBy: taskPrincipal(this),
    });
    this.taskDefinition = new ecs.FargateTaskDefinition(this, 'Definition', {
      ...sizeOf(prepared.flowHardware),
      runtimePlatform: {
        cpuArchitecture: ecs.CpuArchitecture.ARM64,
        operatingSystemFamily: ecs.OperatingSystemFamily.LINUX,
      },
      // Its policies are complete; the CDK would add access to all logs for ECS Exec.
      taskRole: taskRole.withoutPolicyUpdates(),
      executionRole,
    });
    this.taskDefinition.addContainer(CONTAINER_NAME, {
      image: imageByName(this, props.nodeImage),
      command: bootstrapCommand(),
      environment: {
        ...artifact.environment,
        [ROLE_VARIABLE]: 'flow',
        [PORT_VARIABLE]: String(CONTAINER_PORT),
        AWS_REGION: Stack.of(this).region,
        [DEPLOYMENT_VARIABLE]: this.#toText(this.deployment, props.prices ?? ''),
        ...(props.prices === undefined ? {} : { [PRICES_VARIABLE]: props.prices }),
        ...(props.hosts === undefined ? {} : { [HOSTS_VARIABLE]: props.hosts }),
      },
      secrets: {
        [TOKEN_VARIABLE]: ecs.Secret.fromSecretsManager(asInterface<secrets.ISecret>(this.token)),
      },
      logging: ecs.LogDriver.awsLogs({ streamPrefix: 'flow', logGroup }),
      portMappings: [{ containerPort: CONTAINER_PORT }],
      stopTimeout: Duration.seconds(STOP_SECONDS),
      linuxParameters: new ecs.LinuxParameters(this, 'Linux', { initProcessEnabled: true }),
      healthCheck: {
        command: ['CMD', 'node', '-e', healthProgram(healthPathOf(prepared))],
        interval: Duration.seconds(30),
        timeout: Duration.seconds(10),
        retries: 5,
        startPeriod: Duration.seconds(START_PERIOD_SECONDS),
      },
    });
    encryptionKey?.grantDecrypt(executionRole);
    Validations.of(this.taskDefinition).acknowledge({
      id: 'AwsSolutions-ECS2',
      reason: 'Names and places only; the token is injected from Secrets Manager',
    });
    Validations.of(executionRole).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason:
        'ecr:GetAuthorizationToken knows no resources; it is there only for an image in Amazon ECR',
    });
    this.service = new ecs.FargateService(this, 'Service', {
      cluster,
      taskDefinition: this.taskDefinition,
      desiredCount: 1,
      minHealthyPercent: 0,
      maxHealthyPercent: 100,
      availabilityZoneRebalancing: ecs.AvailabilityZoneRebalancing.DISABLED,
      circuitBreaker: { enable: true, rollback: true },
      assignPublicIp: network.isPublic,
      vpcSubnets: { subnets: network.subnets.subnets },
      securityGroups: [network.flowSecurityGroup],
      enableExecuteCommand: props.allowExec,
      propagateTags: ecs.PropagatedTagSource.SERVICE,
      enableECSManagedTags: true,
      ...(props.gracePeriod === undefined ? {} : { healthCheckGracePeriod: props.gracePeriod }),
    });
    // The capacity providers must belong to the cluster before the flow uses them.
    this.service.node.addDependency(cluster, taskRole, executionRole, network.connectivity);
  }

  #describe(props: FlowServiceProps): Deployment {
    const { prepared, cluster, network, tables, works, pools } = props;
    const { logGroup, secretsPath, allowExec } = props;
    return {
      contract: CONTRACT_VERSION,
      app: prepared.app,
      region: Stack.of(this).region,
      cluster: cluster.clusterName,
      tables: { state: tables.state.tableName, deltas: tables.deltas.tableName },
      subnets: network.subnets.subnetIds,
      taskDefinitions: mapValues(works.taskDefinitions, (variants) =>
        mapValues(variants, (definition) => definition.taskDefinitionArn),
      ),
      hardware: Object.fromEntries(pools.map(({ plan, deployment }) => [plan.key, deployment])),
      logGroup: logGroup.logGroupName,
      secretsPath,
      allowExec,
      mode: 'aws',
    };
  }

  /** @throws `INFRA_TOO_LARGE` */
  #toText(deployment: Deployment, prices: string): string {
    const { plan } = this.#prepared;
    const text = JSON.stringify(deployment).replaceAll(
      /\$\{Token\[[^\]]+\]\}/g,
      'x'.repeat(TOKEN_BYTES),
    );
    const bytes = Buffer.byteLength(text + prices);
    if (bytes > MAX_DEPLOYMENT_BYTES) {
      const classes = plan.classes.length;
      throw appError('INFRA_TOO_LARGE', { bytes, limit: MAX_DEPLOYMENT_BYTES, classes });
    }
    return Stack.of(this).toJsonString(deployment);
  }
}

function mapValues<T, U>(
  record: Readonly<Record<string, T>>,
  change: (value: T) => U,
): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}

/** Path that answers as soon as the flow serves. */
export function healthPathOf({ rootPath }: PreparedApp): string {
  const inner = rootPath.replaceAll(/^\/+|\/+$/g, '');
  return `${inner === '' ? '' : `/${inner}`}/api/v1/healthz`;
}

function healthProgram(path: string): string {
  return `fetch('http://127.0.0.1:${CONTAINER_PORT}${path}').then((a) => process.exit(a.ok ? 0 : 1), () => process.exit(1))`;
}

/** @throws `INFRA_FLOW_HARDWARE` */
function sizeOf(hardware: string | null): {
  readonly cpu: number;
  readonly memoryLimitMiB: number;
} {
  if (hardware === null) return { cpu: CPU_UNITS, memoryLimitMiB: MEMORY_MIB };
  const known = isHardwareName(hardware) ? hardwareClasses[hardware] : null;
  if (known === null || known.gpus > 0) {
    const allowed = Object.entries(hardwareClasses).filter(([, { gpus }]) => gpus === 0);
    throw appError('INFRA_FLOW_HARDWARE', {
      hardware,
      allowed: allowed.map(([name]) => name).join(', '),
    });
  }
  return { cpu: known.vcpus * 1_024, memoryLimitMiB: known.memoryGiB * 1_024 };
}
