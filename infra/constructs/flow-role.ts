/**
 * Role of the flow: the tables, the works' tasks, the machines of its groups, and the logs of its app.
 *
 * F1 It starts machines only from our launch templates, of Amazon's images, in our subnets and security group, tasks only of our
 *    families and in our cluster, and hands on only the roles that those have.
 * F2 `Resource: *` stands only where AWS knows no resources: descriptions, and the channel of ECS Exec.
 * F3 In a cluster that it shares, what carries the tag of another app is out of its reach. What carries none is not: `StopTask`
 *    takes away a task's tags, and must be possible a second time. Tasks that are not Stormkite's want a cluster of their own.
 * F4 What grows with kinds of hardware and with classes stands in policies of its own (`split-policies.ts`). As much of both as
 *    fits into what the flow is told (`INFRA_TOO_LARGE`) fits into ten policies, with the artifact's.
 */
import {
  type aws_ecs as ecs,
  aws_iam as iam,
  Stack,
  type aws_kms as kms,
  type aws_logs as logs,
} from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { acknowledgeWildcards } from './acknowledge.ts';
import { APP_TAG } from './budget.ts';
import { groupArnOf } from './group-keeper.ts';
import type { HardwarePool } from './hardware-pool.ts';
import type { InstanceRole } from './instance-role.ts';
import type { Network } from './network.ts';
import type { Tables } from './tables.ts';
import { splitPolicies } from './split-policies.ts';
import { execStatement, inline, keyStatements, taskPrincipal } from './task-trust.ts';
import type { WorkClasses } from './work-classes.ts';

const WILDCARDS =
  'Ids of tasks, machines, images and streams are not known before they exist; all are limited to the cluster, groups, launch templates and tables of this app. Descriptions and the channel of ECS Exec know no resources';

/** The ARN of a group, whose name may have 255 characters, and that of its launch template. */
const GROUP_CHARS = 440;
/** The ARN of a role, whose name may have 64 characters. */
const ROLE_CHARS = 110;

export interface FlowRoleProps {
  readonly app: string;
  readonly cluster: ecs.ICluster;
  readonly network: Network;
  readonly tables: Tables;
  readonly works: WorkClasses;
  readonly pools: readonly HardwarePool[];
  readonly instanceRole: InstanceRole;
  readonly logGroup: logs.ILogGroup;
  readonly encryptionKey: kms.IKey | undefined;
  readonly allowExec: boolean;
}

export class FlowRole extends Construct {
  readonly role: iam.Role;

  constructor(scope: Construct, id: string, props: FlowRoleProps) {
    super(scope, id);
    const { works, pools, encryptionKey, allowExec } = props;
    const policies = {
      Tables: [...this.#tables(props), ...keyStatements(this, encryptionKey)],
      Tasks: this.#tasks(props),
      Logs: [
        allow(
          ['logs:DescribeLogStreams', 'logs:FilterLogEvents', 'logs:GetLogEvents'],
          [props.logGroup.logGroupArn],
        ),
      ],
      Exec: allowExec ? [execStatement()] : [],
    };
    this.role = new iam.Role(this, 'Role', {
      description: 'The flow: runs works and the machines they need',
      assumedBy: taskPrincipal(this),
      inlinePolicies: inline(policies),
    });
    acknowledgeWildcards(this.role, Object.values(policies).flat(), WILDCARDS);
    if (pools.length > 0) this.#grantMachines(props);
    splitPolicies(this, 'Groups', {
      role: this.role,
      description: 'Starts and ends machines of a Stormkite app',
      items: pools,
      charsOf: () => GROUP_CHARS,
      statementsOf: (part) => this.#groups(part),
      wildcards: WILDCARDS,
    });
    splitPolicies(this, 'Roles', {
      role: this.role,
      description: 'Hands the roles of a Stormkite app to its works',
      items: [works.executionRole, ...Object.values(works.roles)],
      charsOf: () => ROLE_CHARS,
      statementsOf: (part) => [
        allow(
          ['iam:PassRole'],
          part.map(({ roleArn }) => roleArn),
          { StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } },
        ),
      ],
      wildcards: WILDCARDS,
    });
  }

  #tables({ tables: { state, deltas } }: FlowRoleProps): iam.PolicyStatement[] {
    return [
      allow(
        [
          'dynamodb:BatchWriteItem',
          'dynamodb:DeleteItem',
          'dynamodb:GetItem',
          'dynamodb:PutItem',
          'dynamodb:Query',
          'dynamodb:UpdateItem',
        ],
        [state.tableArn],
      ),
      allow(
        ['dynamodb:BatchWriteItem', 'dynamodb:DescribeTable', 'dynamodb:GetItem', 'dynamodb:Query'],
        [deltas.tableArn],
      ),
      allow(
        ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'],
        [`${deltas.tableArn}/stream/*`],
      ),
    ];
  }

  #tasks({ app, cluster, works }: FlowRoleProps): iam.PolicyStatement[] {
    const ofCluster = { ArnEquals: { 'ecs:cluster': cluster.clusterArn } };
    const notOfOthers = {
      ...ofCluster,
      StringEqualsIfExists: { [`aws:ResourceTag/${APP_TAG}`]: app },
    };
    const tasks = this.#ecsArn('task', `${cluster.clusterName}/*`);
    const machines = this.#ecsArn('container-instance', `${cluster.clusterName}/*`);
    return [
      allow(
        ['ecs:RunTask'],
        [this.#ecsArn('task-definition', `${works.familyPrefix}*:*`)],
        ofCluster,
      ),
      allow(['ecs:DescribeTasks'], [tasks], ofCluster),
      allow(['ecs:StopTask'], [tasks], notOfOthers),
      allow(['ecs:TagResource'], [tasks], { StringEquals: { 'ecs:CreateAction': 'RunTask' } }),
      allow(['ecs:ListContainerInstances'], [cluster.clusterArn]),
      // Without a container instance in the request, ListTasks knows the cluster by its condition only.
      allow(['ecs:ListTasks'], ['*'], ofCluster),
      allow(['ecs:DescribeContainerInstances'], [machines], ofCluster),
      allow(['ecs:UpdateContainerInstancesState'], [machines], notOfOthers),
    ];
  }

  /** What every machine needs, whatever its kind. `LaunchInstances` calls EC2, as an instant fleet, with the rights of its caller. */
  #grantMachines({ pools, network, instanceRole }: FlowRoleProps): void {
    const { partition, region } = Stack.of(this);
    const made = ['instance', 'volume', 'network-interface'].map((kind) => this.#ec2Arn(kind));
    const fleet = this.#ec2Arn('fleet');
    const image = `arn:${partition}:ec2:${region}::image/*`;
    const machine = [
      ...network.subnets.subnetIds.map((subnet) => this.#ec2Arn('subnet', subnet)),
      ...made,
      this.#ec2Arn('security-group', network.workSecurityGroup.securityGroupId),
    ];
    const request = this.#ec2Arn('spot-instances-request');
    const spot = pools.some(({ plan }) => plan.market === 'spot') ? [request] : [];
    const statements = [
      allow(['ec2:CreateFleet'], [...machine, ...spot, fleet]),
      // Of which templates, the policies of the groups say.
      allow(['ec2:RunInstances'], machine, {
        ArnLike: { 'ec2:LaunchTemplate': this.#ec2Arn('launch-template') },
      }),
      allow(['ec2:CreateFleet', 'ec2:RunInstances'], [image], {
        StringEquals: { 'ec2:Owner': 'amazon' },
      }),
      allow(['ec2:CreateTags'], [...made, ...spot, fleet], {
        StringEquals: { 'ec2:CreateAction': ['CreateFleet', 'RunInstances'] },
      }),
      allow(['iam:PassRole'], [instanceRole.role.roleArn], {
        StringEquals: { 'iam:PassedToService': ['ec2.amazonaws.com', 'ec2.amazonaws.com.cn'] },
      }),
      allow(
        [
          'autoscaling:DescribeAutoScalingGroups',
          'autoscaling:DescribeScalingActivities',
          'ec2:DescribeInstances',
          'ec2:DescribeLaunchTemplateVersions',
          'ec2:DescribeSpotPriceHistory',
        ],
        ['*'],
        { StringEquals: { 'aws:RequestedRegion': region } },
      ),
      ...(spot.length === 0 ? [] : this.#spot(request)),
    ];
    const policy = new iam.ManagedPolicy(this, 'Machines', {
      description: 'What all machines of a Stormkite app have in common',
      statements,
      roles: [this.role],
    });
    acknowledgeWildcards(policy, statements, WILDCARDS);
  }

  #spot(request: string): iam.PolicyStatement[] {
    const service = 'spot.amazonaws.com';
    return [
      allow(['ec2:RunInstances'], [request]),
      // EC2 makes it for who first asks for a spot instance in an account, and refuses who may not.
      allow(
        ['iam:CreateServiceLinkedRole'],
        [
          `arn:${Stack.of(this).partition}:iam::*:role/aws-service-role/${service}/AWSServiceRoleForEC2Spot`,
        ],
        { StringEquals: { 'iam:AWSServiceName': service } },
      ),
    ];
  }

  #groups(pools: readonly HardwarePool[]): iam.PolicyStatement[] {
    return [
      allow(
        [
          'autoscaling:LaunchInstances',
          'autoscaling:SetInstanceProtection',
          'autoscaling:TerminateInstanceInAutoScalingGroup',
        ],
        pools.map(({ autoScalingGroup }) =>
          groupArnOf(this, autoScalingGroup.autoScalingGroupName),
        ),
      ),
      allow(
        ['ec2:CreateFleet', 'ec2:RunInstances'],
        pools.map(({ launchTemplate }) =>
          this.#ec2Arn('launch-template', launchTemplate.launchTemplateId ?? ''),
        ),
      ),
    ];
  }

  #ec2Arn(resource: string, resourceName = '*'): string {
    return Stack.of(this).formatArn({ service: 'ec2', resource, resourceName });
  }

  #ecsArn(resource: string, resourceName: string): string {
    return Stack.of(this).formatArn({ service: 'ecs', resource, resourceName });
  }
}

function allow(
  actions: string[],
  resources: string[],
  conditions?: Record<string, Record<string, unknown>>,
): iam.PolicyStatement {
  return new iam.PolicyStatement({
    actions,
    resources,
    ...(conditions === undefined ? {} : { conditions }),
  });
}
