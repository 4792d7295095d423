/**
 * A role for every work class and a task definition for each way in which its works differ.
 *
 * T1 What a run reserves and which GPUs it gets is said by `RunTask`; a definition has the least that ECS takes.
 * T2 Bridge mode: works share the address of their machine, and get a port of it that ECS chooses.
 */
import { posix } from 'node:path';
import {
  Duration,
  aws_ecs as ecs,
  aws_iam as iam,
  Names,
  type aws_kms as kms,
  type aws_logs as logs,
  Stack,
  Validations,
} from 'aws-cdk-lib';
import { Construct } from 'constructs';
import {
  CONTAINER_NAME,
  PORT_VARIABLE,
  ROLE_VARIABLE,
  s3FolderOf,
  STOP_TIMEOUT_SECONDS,
  type TaskVariant,
  WORK_TIMINGS_VARIABLE,
} from '../../runtime/backends/aws/contract.ts';
import type { ClassPlan } from '../../runtime/backends/aws/deployment-plan.ts';
import { appError } from '../../runtime/errors/index.ts';
import type { PreparedApp } from '../prepared-app.ts';
import type { Artifact } from './artifact.ts';
import type { Tables } from './tables.ts';
import { taskPrincipal } from './task-trust.ts';
import { bringNode, imageByName, workContainer } from './work-image.ts';
import { WorkRole } from './work-role.ts';

/** MiB; ECS wants some reservation, the run's own takes its place. */
const LEAST_MEMORY_MIB = 128;
/** The container agent gives the stock image the driver's tools and CUDA; other images say themselves what they want. */
const NVIDIA_CAPABILITIES = { NVIDIA_DRIVER_CAPABILITIES: 'compute,utility' } as const;
const MAX_FAMILY_PREFIX = 120;
const MAX_NAME = 40;
const UNIQUE_DIGITS = 8;
/** Absolute, and not the root itself. */
const MOUNT_PATH = /^\/+[^/]/;

export interface WorkClassesProps {
  readonly prepared: PreparedApp;
  readonly tables: Tables;
  readonly artifact: Artifact;
  readonly logGroup: logs.ILogGroup;
  readonly secretsPath: string;
  readonly encryptionKey: kms.IKey | undefined;
  readonly nodeImage: string;
  readonly allowExec: boolean;
  /** Milliseconds. @default - as works have it */
  readonly flowLostMs: number | undefined;
}

export class WorkClasses extends Construct {
  /** Roles by class id. */
  readonly roles: Readonly<Record<string, iam.Role>>;
  /** Pulls images and writes logs, for all classes. */
  readonly executionRole: iam.Role;
  /** All that works may do; must be there before they start. */
  readonly permissions: readonly Construct[];
  /** Task definitions by class id and variant id. */
  readonly taskDefinitions: Readonly<
    Record<string, Readonly<Record<string, ecs.Ec2TaskDefinition>>>
  >;
  /** What the family of every task definition here, and of no other, begins with. */
  readonly familyPrefix: string;
  readonly #props: WorkClassesProps;

  constructor(scope: Construct, id: string, props: WorkClassesProps) {
    super(scope, id);
    this.#props = props;
    const { prepared, tables, secretsPath, encryptionKey, allowExec } = props;
    this.familyPrefix = `${Names.uniqueResourceName(this, { maxLength: MAX_FAMILY_PREFIX, separator: '-', allowedSpecialCharacters: '-' })}-`;
    this.executionRole = new iam.Role(this, 'ExecutionRole', {
      description: 'Starts works: pulls images, writes logs',
      assumedBy: taskPrincipal(this),
    });
    Validations.of(this.executionRole).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason:
        'ecr:GetAuthorizationToken knows no resources; it is there only for images in Amazon ECR',
    });
    const roles: Record<string, iam.Role> = {};
    const permissions: Construct[] = [this.executionRole];
    const definitions: Record<string, Record<string, ecs.Ec2TaskDefinition>> = {};
    for (const plan of prepared.plan.classes) {
      const place = new Construct(this, plan.id);
      const workRole = new WorkRole(place, 'Task', {
        app: prepared.app,
        plan,
        tables,
        secretsPath,
        encryptionKey,
        allowExec,
      });
      const { role } = workRole;
      permissions.push(workRole);
      roles[plan.id] = role;
      definitions[plan.id] = Object.fromEntries(
        Object.entries(plan.variants).map(([variantId, variant]) => [
          variantId,
          this.#define(place, plan, variantId, variant, role),
        ]),
      );
    }
    this.roles = roles;
    this.permissions = permissions;
    this.taskDefinitions = definitions;
  }

  #define(
    place: Construct,
    plan: ClassPlan,
    variantId: string,
    variant: TaskVariant,
    taskRole: iam.Role,
  ): ecs.Ec2TaskDefinition {
    const { prepared, artifact, logGroup, nodeImage, flowLostMs } = this.#props;
    checkMounts(plan.name, variant.mounts);
    const node = new Construct(place, variantId);
    const definition = new ecs.Ec2TaskDefinition(node, 'Definition', {
      family: this.familyPrefix + familyPart(node, plan.id, variantId),
      networkMode: ecs.NetworkMode.BRIDGE,
      taskRole,
      executionRole: this.executionRole,
    });
    const { projectRoot } = prepared;
    const made = workContainer(node, plan.name, variant, { nodeImage, projectRoot });
    const { image, command, entryPoint, bringsNode } = made;
    const logging = ecs.LogDriver.awsLogs({ streamPrefix: 'work', logGroup });
    const container = definition.addContainer(CONTAINER_NAME, {
      image,
      command,
      ...(entryPoint === undefined ? {} : { entryPoint }),
      environment: {
        ...artifact.environment,
        [ROLE_VARIABLE]: 'work',
        [PORT_VARIABLE]: String(variant.port),
        AWS_REGION: Stack.of(this).region,
        ...(flowLostMs === undefined
          ? {}
          : { [WORK_TIMINGS_VARIABLE]: JSON.stringify({ flowLostMs }) }),
        ...(bringsNode ? {} : NVIDIA_CAPABILITIES),
      },
      logging,
      memoryReservationMiB: LEAST_MEMORY_MIB,
      portMappings: [{ containerPort: variant.port, hostPort: 0 }],
      stopTimeout: Duration.seconds(STOP_TIMEOUT_SECONDS),
      linuxParameters: new ecs.LinuxParameters(node, 'Linux', {
        initProcessEnabled: true,
        ...(variant.shmSize > 0 ? { sharedMemorySize: Math.ceil(variant.shmSize) } : {}),
      }),
    });
    if (bringsNode) bringNode(definition, container, imageByName(node, nodeImage), logging);
    Validations.of(definition).acknowledge({
      id: 'AwsSolutions-ECS2',
      reason:
        'Names and places only; secrets are read by the task itself with the role of its class',
    });
    return definition;
  }
}

/** @throws `INFRA_MOUNTS_UNSUPPORTED` */
function checkMounts(className: string, mounts: TaskVariant['mounts']): void {
  const paths = mounts.map(({ mountPath }) => posix.resolve('/', mountPath));
  for (const [index, { source, mountPath }] of mounts.entries()) {
    const isOwn = MOUNT_PATH.test(mountPath) && paths.indexOf(paths[index] ?? '') === index;
    if (!isOwn || s3FolderOf(source) === null)
      throw appError('INFRA_MOUNTS_UNSUPPORTED', { class: className, source, mountPath });
  }
}

/** Of the class and the variant, for people; different for different ones, whatever their characters. */
function familyPart({ node }: Construct, ...names: readonly string[]): string {
  const plain = names.map((name) => name.replaceAll(/[^A-Za-z0-9_-]/g, '').slice(0, MAX_NAME));
  return [...plain, node.addr.slice(-UNIQUE_DIGITS)].join('-');
}
