/**
 * Role of the flow: the tables, the works' tasks, the machines of its groups, and the logs of its app.
 *
 * F1 It starts machines only as our launch templates describe them, tasks only of our families and in our cluster, and hands on
 *    only the roles that those have.
 * F2 `Resource: *` stands only where AWS knows no resources: descriptions, and the channel of ECS Exec.
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
import { groupArnOf } from './group-keeper.ts';
import type { HardwarePool } from './hardware-pool.ts';
import type { InstanceRole } from './instance-role.ts';
import type { Network } from './network.ts';
import type { Tables } from './tables.ts';
import { execStatement, inline, keyStatements, taskPrincipal } from './task-trust.ts';
import type { WorkClasses } from './work-classes.ts';

export interface FlowRoleProps {
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
      Machines: pools.length === 0 ? [] : this.#machines(props),
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
    // With many classes this outgrows a policy inside of a role; the CDK then splits it.
    this.role.addToPolicy(
      allow(
        ['iam:PassRole'],
        [works.executionRole, ...Object.values(works.roles)].map(({ roleArn }) => roleArn),
        { StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } },
      ),
    );
    acknowledgeWildcards(
      this.role,
      Object.values(policies).flat(),
      'Ids of tasks, machines, images and streams are not known before they exist; all are limited to the cluster, groups, launch templates and tables of this app. Descriptions and the channel of ECS Exec know no resources',
    );
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

  #tasks({ cluster, works }: FlowRoleProps): iam.PolicyStatement[] {
    const ofCluster = { ArnEquals: { 'ecs:cluster': cluster.clusterArn } };
    const tasks = this.#ecsArn('task', `${cluster.clusterName}/*`);
    const machines = this.#ecsArn('container-instance', `${cluster.clusterName}/*`);
    return [
      allow(
        ['ecs:RunTask'],
        [this.#ecsArn('task-definition', `${works.familyPrefix}*:*`)],
        ofCluster,
      ),
      allow(['ecs:DescribeTasks', 'ecs:StopTask'], [tasks], ofCluster),
      allow(['ecs:TagResource'], [tasks], { StringEquals: { 'ecs:CreateAction': 'RunTask' } }),
      allow(['ecs:ListContainerInstances'], [cluster.clusterArn]),
      // Without a container instance in the request, ListTasks knows the cluster by its condition only.
      allow(['ecs:ListTasks'], ['*'], ofCluster),
      allow(
        ['ecs:DescribeContainerInstances', 'ecs:UpdateContainerInstancesState'],
        [machines],
        ofCluster,
      ),
    ];
  }

  #machines({ pools, network, instanceRole }: FlowRoleProps): iam.PolicyStatement[] {
    const stack = Stack.of(this);
    const { partition, region } = stack;
    const templates = pools.map(({ launchTemplate }) =>
      stack.formatArn({
        service: 'ec2',
        resource: 'launch-template',
        resourceName: launchTemplate.launchTemplateId ?? '',
      }),
    );
    const ec2Arn = (resource: string, resourceName: string): string =>
      stack.formatArn({ service: 'ec2', resource, resourceName });
    const subnets = network.subnets.subnetIds.map((subnet) => ec2Arn('subnet', subnet));
    const made = ['instance', 'volume', 'network-interface'].map((kind) => ec2Arn(kind, '*'));
    const machine = [
      ...templates,
      ...subnets,
      ...made,
      ec2Arn('security-group', network.workSecurityGroup.securityGroupId),
      `arn:${partition}:ec2:${region}::image/*`,
    ];
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
      // LaunchInstances calls EC2 with the rights of its caller; a fleet always has a launch template.
      allow(['ec2:CreateFleet'], [...machine, ec2Arn('fleet', '*')]),
      allow(['ec2:RunInstances'], machine, { ArnLike: { 'ec2:LaunchTemplate': templates } }),
      allow(['ec2:CreateTags'], [...made, ec2Arn('fleet', '*')], {
        StringEquals: { 'ec2:CreateAction': ['CreateFleet', 'RunInstances'] },
      }),
      allow(['iam:PassRole'], [instanceRole.role.roleArn], {
        StringEquals: { 'iam:PassedToService': ['ec2.amazonaws.com'] },
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
    ];
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
