/**
 * Role of the machines that works run on: what the ECS agent does, for this cluster, and nothing else.
 *
 * I1 Containers never have it: the metadata service answers one hop only, and bridge mode is two.
 * I2 Images and logs use the tasks' execution role.
 */
import { type aws_ecs as ecs, aws_iam as iam, Stack } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { acknowledgeWildcards } from './acknowledge.ts';
import { inline } from './task-trust.ts';

export class InstanceRole extends Construct {
  readonly role: iam.Role;
  readonly profile: iam.InstanceProfile;

  constructor(scope: Construct, id: string, { cluster }: { readonly cluster: ecs.ICluster }) {
    super(scope, id);
    const containerInstances = Stack.of(this).formatArn({
      service: 'ecs',
      resource: 'container-instance',
      resourceName: `${cluster.clusterName}/*`,
    });
    const ofCluster = { ArnEquals: { 'ecs:cluster': cluster.clusterArn } };
    const statements = [
      new iam.PolicyStatement({
        actions: [
          'ecs:DeregisterContainerInstance',
          'ecs:RegisterContainerInstance',
          'ecs:SubmitAttachmentStateChanges',
          'ecs:SubmitContainerStateChange',
          'ecs:SubmitTaskStateChange',
        ],
        resources: [cluster.clusterArn],
      }),
      new iam.PolicyStatement({
        actions: ['ecs:Poll', 'ecs:StartTelemetrySession', 'ecs:UpdateContainerInstancesState'],
        resources: [containerInstances],
        conditions: ofCluster,
      }),
      // Machines register with the tag of their app, see `userDataOf` of their pools.
      new iam.PolicyStatement({
        actions: ['ecs:TagResource'],
        resources: [containerInstances],
        conditions: { StringEquals: { 'ecs:CreateAction': 'RegisterContainerInstance' } },
      }),
      // Tells the agent which address to talk to; the action knows no resources.
      new iam.PolicyStatement({ actions: ['ecs:DiscoverPollEndpoint'], resources: ['*'] }),
    ];
    this.role = new iam.Role(this, 'Role', {
      description: 'Machines of works: the ECS agent',
      assumedBy: new iam.ServicePrincipal('ec2.amazonaws.com'),
      inlinePolicies: inline({ EcsAgent: statements }),
    });
    acknowledgeWildcards(
      this.role,
      statements,
      'Machines register under ids that are not known before, in this cluster only; ecs:DiscoverPollEndpoint knows no resources',
    );
    this.profile = new iam.InstanceProfile(this, 'Profile', {
      // Its policies are complete; the CDK would add more for every group.
      role: this.role.withoutPolicyUpdates(),
    });
  }
}
