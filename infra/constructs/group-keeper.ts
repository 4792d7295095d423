/**
 * Does with Auto Scaling groups what CloudFormation cannot: a function behind a custom resource for each group.
 *
 * G1 Created or changed: zones are never rebalanced. The flow chooses a zone for each machine; rebalancing would start others.
 * G2 Deleted, before its group is: the group goes with all its machines, protected or not, and the answer waits until it is gone.
 *    Without it the deletion of the stack waits for ever for machines that ECS protects (aws-cdk#18179).
 * G3 What it may do does not name groups but what they are tagged with, the stack by CloudFormation itself: a group that leaves the
 *    stack has left its policies already when it is deleted.
 */
import {
  type aws_ecs as ecs,
  aws_iam as iam,
  aws_lambda as lambda,
  aws_logs as logs,
  CustomResource,
  Duration,
  RemovalPolicy,
  Stack,
} from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { acknowledgeWildcards } from './acknowledge.ts';
import { APP_TAG } from './budget.ts';
import { GROUP_KEEPER_PROGRAM } from './group-keeper-program.ts';
import type { HardwarePool } from './hardware-pool.ts';
import type { Network } from './network.ts';

const RESOURCE_TYPE = 'Custom::StormkiteGroup';

export interface GroupKeeperProps {
  readonly app: string;
  readonly cluster: ecs.Cluster;
  readonly network: Network;
  readonly pools: readonly HardwarePool[];
  readonly logRetention: logs.RetentionDays;
}

export class GroupKeeper extends Construct {
  readonly handler: lambda.Function;
  /** What must be deleted after the flow, and before the groups. */
  readonly resources: readonly CustomResource[];

  constructor(scope: Construct, id: string, props: GroupKeeperProps) {
    super(scope, id);
    const { app, cluster, network, pools, logRetention } = props;
    const logGroup = new logs.LogGroup(this, 'Logs', {
      retention: logRetention,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = new iam.Role(this, 'Role', {
      description: 'Removes the machines of deleted Stormkite hardware',
      assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
    });
    const stack = Stack.of(this);
    const statements = [
      new iam.PolicyStatement({
        actions: ['autoscaling:DeleteAutoScalingGroup', 'autoscaling:SuspendProcesses'],
        resources: [groupArnOf(this, '*')],
        conditions: {
          StringEquals: {
            [`aws:ResourceTag/${APP_TAG}`]: app,
            'aws:ResourceTag/aws:cloudformation:stack-id': stack.stackId,
          },
        },
      }),
      new iam.PolicyStatement({
        actions: ['autoscaling:DescribeAutoScalingGroups'],
        resources: ['*'],
      }),
      new iam.PolicyStatement({
        actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        resources: [logGroup.logGroupArn],
      }),
    ];
    const policy = new iam.Policy(this, 'Policy', { roles: [role], statements });
    acknowledgeWildcards(
      policy,
      statements,
      'Groups are told by their tags, see G3; DescribeAutoScalingGroups knows no resources',
    );
    this.handler = new lambda.Function(this, 'Function', {
      description:
        'Auto Scaling groups of a Stormkite app: no rebalancing; deleted with their machines',
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      handler: 'index.handler',
      code: lambda.Code.fromInline(GROUP_KEEPER_PROGRAM),
      timeout: Duration.minutes(15),
      memorySize: 256,
      role,
      logGroup,
    });
    this.resources = pools.map((pool) => {
      const resource = new CustomResource(this, pool.plan.key, {
        serviceToken: this.handler.functionArn,
        resourceType: RESOURCE_TYPE,
        properties: { Group: pool.autoScalingGroup.autoScalingGroupName },
      });
      // Providers leave the cluster when no task uses them any more, and the internet gateway goes when no machine has an address.
      resource.node.addDependency(policy, pool.capacityProvider, cluster, network.connectivity);
      return resource;
    });
  }
}

/** ARN of a group by its name. */
export function groupArnOf(scope: Construct, name: string): string {
  return Stack.of(scope).formatArn({
    service: 'autoscaling',
    resource: 'autoScalingGroup:*:autoScalingGroupName',
    resourceName: name,
  });
}
