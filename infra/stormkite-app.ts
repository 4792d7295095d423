import {
  aws_ecs as ecs,
  type aws_ec2 as ec2,
  aws_iam as iam,
  aws_logs as logs,
  type aws_secretsmanager as secrets,
  CfnOutput,
  Duration,
  RemovalPolicy,
  Stack,
  Tags,
  Validations,
  type aws_dynamodb as dynamodb,
  type aws_elasticloadbalancingv2 as elb,
  type aws_kms as kms,
} from 'aws-cdk-lib';
import { Construct } from 'constructs';
import {
  CONTAINER_PORT,
  outputKeyOf,
  secretsPathOf,
  STOCK_IMAGE,
  type Deployment,
  type StackOutput,
} from '../runtime/backends/aws/contract.ts';
import { appError } from '../runtime/errors/index.ts';
import { asInterface } from './constructs/cdk-types.ts';
import { Artifact } from './constructs/artifact.ts';
import { APP_TAG, Budget } from './constructs/budget.ts';
import { FlowRole } from './constructs/flow-role.ts';
import { FlowService, healthPathOf } from './constructs/flow-service.ts';
import { GroupKeeper } from './constructs/group-keeper.ts';
import { HardwarePool } from './constructs/hardware-pool.ts';
import { InstanceRole } from './constructs/instance-role.ts';
import { Network } from './constructs/network.ts';
import { Tables } from './constructs/tables.ts';
import { admit, LoadBalancer, resolveCidrs } from './constructs/ui.ts';
import { WorkClasses } from './constructs/work-classes.ts';
import { checkReachable } from './constructs/work-image.ts';
import { prepareApp, type PreparedApp } from './prepared-app.ts';
import { readPrices } from './price-file.ts';
import {
  NETWORK_KINDS,
  UI_KINDS,
  type StormkiteAppProps,
  type UiKind,
} from './stormkite-app-props.ts';

/** Works must outlive the replacement of their flow. */
const LEAST_FLOW_LOST_MS = 300_000;
const DEFAULT_MAX_INSTANCES = 20;
/** Auto Scaling takes more; a wrong number costs. */
const LARGEST_MAX_INSTANCES = 1_000;
/** The flow may wait for the lease of the one before it. */
const GRACE_SECONDS = 420;

/**
 * A Stormkite app in an AWS account: its flow as a Fargate service, its works as ECS tasks on machines that exist while they are
 * needed, its state in DynamoDB.
 *
 * The app file is inspected and packed while the stack is made, in a process of its own. Docker is needed only for works whose
 * `BuildConfig` names a Dockerfile.
 *
 * @example
 * ```ts
 * import { App, Stack } from 'aws-cdk-lib';
 * import { StormkiteApp } from 'stormkite/infra';
 *
 * const stack = new Stack(new App(), 'training');
 * new StormkiteApp(stack, 'App', { entry: 'app.ts', maxInstances: { gpu: 2 } });
 * ```
 */
export class StormkiteApp extends Construct {
  /** Name of the app, as in `stormkite ps`. */
  readonly appName: string;
  readonly vpc: ec2.IVpc;
  readonly cluster: ecs.Cluster;
  readonly service: ecs.FargateService;
  readonly stateTable: dynamodb.Table;
  readonly deltasTable: dynamodb.Table;
  readonly logGroup: logs.LogGroup;
  /** Token of the API. */
  readonly token: secrets.Secret;
  readonly flowRole: iam.Role;
  /** Of the flow's task; add rules to let more connect. */
  readonly flowSecurityGroup: ec2.SecurityGroup;
  /** Of the machines that works run on. */
  readonly workSecurityGroup: ec2.SecurityGroup;
  /** With `ui: 'alb'`. */
  readonly loadBalancer: elb.ApplicationLoadBalancer | undefined;
  /** What the flow is told of all this. @internal */
  readonly deployment: Deployment;
  readonly #roles: Readonly<Record<string, iam.Role>>;

  /**
   * @throws what cannot be loaded or packed (`HOST_…`, `APP_…`, `STATE_…`); `INFRA_…` for properties that do not fit, and for what
   * works want and AWS does not have
   */
  constructor(scope: Construct, id: string, props: StormkiteAppProps) {
    super(scope, id);
    const ui = choice('ui', props.ui ?? 'tunnel', UI_KINDS);
    const kind = choice('network', props.network ?? 'public', NETWORK_KINDS);
    const cidrs = resolveCidrs(ui, props);
    const { encryptionKey, logRetention = logs.RetentionDays.ONE_WEEK } = props;
    const prepared = prepareApp(props.entry, props.name);
    this.appName = prepared.app;
    const allowExec = ui !== 'none';
    const secretsPath = secretsPathOf(prepared.app);

    const network = new Network(this, 'Network', {
      kind,
      vpc: props.vpc ?? props.cluster?.vpc,
      subnets: props.subnets,
    });
    const nodeImage = props.nodeImage ?? STOCK_IMAGE;
    if (network.isIsolated) checkReachable(prepared.plan, nodeImage);
    this.vpc = network.vpc;
    this.cluster = this.#clusterOf(props.cluster, network);
    const tables = new Tables(this, 'Tables', { encryptionKey, keep: props.keepState ?? false });
    this.logGroup = this.#makeLogGroup(encryptionKey, logRetention);
    const artifact = new Artifact(this, 'Artifact', prepared.artifact);
    const shared = {
      tables,
      artifact,
      logGroup: this.logGroup,
      secretsPath,
      encryptionKey,
      nodeImage,
      allowExec,
    };
    const works = new WorkClasses(this, 'Works', {
      ...shared,
      prepared,
      flowLostMs: flowLostMsOf(props.flowLostAfter),
    });
    this.#roles = rolesByName(prepared, works.roles);

    const cluster = asInterface<ecs.ICluster>(this.cluster);
    const instanceRole = new InstanceRole(this, 'Machines', { cluster });
    const limits = maxInstancesOf(props.maxInstances, prepared);
    const pools = prepared.plan.hardware.map(
      (plan) =>
        new HardwarePool(this, `Hardware-${plan.key}`, {
          app: prepared.app,
          plan,
          maxInstances: limits(plan.key),
          cluster: this.cluster,
          network,
          instanceRole,
        }),
    );
    const keeper = new GroupKeeper(this, 'GroupKeeper', {
      app: prepared.app,
      cluster: this.cluster,
      network,
      pools,
      logRetention,
    });
    const flowRole = new FlowRole(this, 'FlowRole', {
      ...shared,
      app: prepared.app,
      cluster,
      network,
      works,
      pools,
      instanceRole,
    });
    const readArtifact = artifact.grantRead([flowRole.role, ...Object.values(works.roles)]);

    const balancer =
      ui === 'alb'
        ? new LoadBalancer(this, 'LoadBalancer', {
            ...props,
            network,
            cidrs,
            healthPath: healthPathOf(prepared),
          })
        : undefined;
    if (ui === 'direct') admit(network.flowSecurityGroup, cidrs, CONTAINER_PORT);
    const flow = new FlowService(this, 'Flow', {
      ...shared,
      prepared,
      cluster,
      network,
      works,
      pools,
      taskRole: flowRole.role,
      prices: props.prices === undefined ? undefined : readPrices(props.prices, prepared),
      hosts: balancer?.host ?? (ui === 'direct' ? '*' : undefined),
      gracePeriod: balancer === undefined ? undefined : Duration.seconds(GRACE_SECONDS),
    });
    // Made before the flow and deleted after it.
    flow.service.node.addDependency(
      readArtifact,
      flowRole,
      ...keeper.resources,
      ...works.permissions,
    );
    balancer?.targetGroup.addTarget(flow.service);
    if (props.budget !== undefined) new Budget(this, 'Budget', prepared.app, props.budget);

    this.service = flow.service;
    this.token = flow.token;
    this.deployment = flow.deployment;
    this.stateTable = tables.state;
    this.deltasTable = tables.deltas;
    this.flowRole = flowRole.role;
    this.flowSecurityGroup = network.flowSecurityGroup;
    this.workSecurityGroup = network.workSecurityGroup;
    this.loadBalancer = balancer?.loadBalancer;
    Tags.of(this).add(APP_TAG, prepared.app);
    if (props.permissionsBoundary !== undefined)
      iam.PermissionsBoundary.of(this).apply(props.permissionsBoundary);
    this.#tell(ui, secretsPath, balancer?.host);
  }

  /**
   * Role of the works of a class, to grant them what they read and write beside Stormkite's own:
   * `bucket.grantRead(app.workRole('Train'))`.
   *
   * @param workClass - its name, or its id as `stormkite inspect` prints it where several have the same name
   * @throws `INFRA_PROP_INVALID` when there is no such class
   */
  workRole(workClass: string): iam.Role {
    const role = Object.hasOwn(this.#roles, workClass) ? this.#roles[workClass] : undefined;
    if (role !== undefined) return role;
    throw appError('INFRA_PROP_INVALID', {
      prop: 'workRole',
      value: JSON.stringify(workClass),
      allowed: `one of ${Object.keys(this.#roles).join(', ')}`,
    });
  }

  #clusterOf(given: ecs.Cluster | undefined, { vpc }: Network): ecs.Cluster {
    if (given !== undefined) {
      // An imported one is no ecs.Cluster, whatever its type says.
      if (!ecs.Cluster.isCluster(given) || Stack.of(given) !== Stack.of(this))
        throw appError('INFRA_CLUSTER_ELSEWHERE', { cluster: given.node.path });
      return given;
    }
    const cluster = new ecs.Cluster(this, 'Cluster', {
      vpc,
      containerInsightsV2: ecs.ContainerInsights.DISABLED,
    });
    Validations.of(cluster).acknowledge({
      id: 'AwsSolutions-ECS4',
      reason:
        'Container Insights costs by metric and task; the app shows what runs. Give a cluster of your own to have it',
    });
    return cluster;
  }

  #makeLogGroup(encryptionKey: kms.IKey | undefined, retention: logs.RetentionDays): logs.LogGroup {
    const { region, account, partition } = Stack.of(this);
    encryptionKey?.grantEncryptDecrypt(
      new iam.ServicePrincipal(`logs.${region}.amazonaws.com`, {
        conditions: {
          ArnLike: {
            'kms:EncryptionContext:aws:logs:arn': `arn:${partition}:logs:${region}:${account}:*`,
          },
        },
      }),
    );
    return new logs.LogGroup(this, 'Logs', {
      retention,
      removalPolicy: RemovalPolicy.DESTROY,
      ...(encryptionKey === undefined ? {} : { encryptionKey }),
    });
  }

  #tell(ui: UiKind, secretsPath: string, host: string | undefined): void {
    const values: Readonly<Partial<Record<StackOutput, string>>> = {
      app: this.appName,
      region: Stack.of(this).region,
      cluster: this.cluster.clusterName,
      service: this.service.serviceName,
      stateTable: this.stateTable.tableName,
      deltasTable: this.deltasTable.tableName,
      logGroup: this.logGroup.logGroupName,
      token: this.token.secretArn,
      secretsPath,
      ui,
      ...(host === undefined ? {} : { url: `https://${host}` }),
    };
    for (const [name, value] of Object.entries(values)) {
      const key = outputKeyOf(this.appName, name as StackOutput);
      new CfnOutput(this, key, { value }).overrideLogicalId(key);
    }
  }
}

function choice<T extends string>(prop: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((each) => each === value);
  if (found !== undefined) return found;
  throw appError('INFRA_PROP_INVALID', {
    prop,
    value: JSON.stringify(value),
    allowed: `one of ${allowed.join(', ')}`,
  });
}

/** @throws `INFRA_PROP_INVALID` */
function flowLostMsOf(given: Duration | undefined): number | undefined {
  const ms = given?.toMilliseconds();
  if (ms === undefined || ms >= LEAST_FLOW_LOST_MS) return ms;
  throw appError('INFRA_PROP_INVALID', {
    prop: 'flowLostAfter',
    value: `${ms} ms`,
    allowed: 'five minutes or more: replacing the flow takes a few',
  });
}

/** By id, and by class name where that is one class only. */
function rolesByName(
  { plan }: PreparedApp,
  byId: Readonly<Record<string, iam.Role>>,
): Record<string, iam.Role> {
  const found: Record<string, iam.Role> = {};
  for (const { id, name } of plan.classes) {
    const role = byId[id];
    const isOnly = plan.classes.filter((each) => each.name === name).length === 1;
    if (role !== undefined && isOnly) found[name] = role;
  }
  return { ...found, ...byId };
}

/** @throws `INFRA_PROP_INVALID` */
function maxInstancesOf(
  given: StormkiteAppProps['maxInstances'],
  { plan }: PreparedApp,
): (key: string) => number {
  const keys = plan.hardware.map(({ key }) => key);
  const invalid = (prop: string, value: unknown, allowed: string): Error =>
    appError('INFRA_PROP_INVALID', { prop, value: JSON.stringify(value), allowed });
  const checked = (prop: string, value: number): number => {
    if (Number.isInteger(value) && value >= 1 && value <= LARGEST_MAX_INSTANCES) return value;
    throw invalid(prop, value, `a whole number from 1 to ${LARGEST_MAX_INSTANCES}`);
  };
  if (typeof given === 'number') {
    const max = checked('maxInstances', given);
    return () => max;
  }
  const byKey = Object.entries(given ?? {});
  const unknown = byKey.find(([key]) => !keys.includes(key));
  if (unknown !== undefined)
    throw invalid('maxInstances', unknown[0], `hardware of the app: ${keys.join(', ')}`);
  const limits = new Map(byKey.map(([key, max]) => [key, checked(`maxInstances.${key}`, max)]));
  return (key) => limits.get(key) ?? DEFAULT_MAX_INSTANCES;
}
