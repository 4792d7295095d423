/** What the roles of all tasks have in common. */
import { aws_iam as iam, Stack, type aws_kms as kms } from 'aws-cdk-lib';
import type { Construct } from 'constructs';

/** Who may take them: ECS, for tasks of this account and region (no confused deputy). */
export function taskPrincipal(scope: Construct): iam.ServicePrincipal {
  const { account, partition, region } = Stack.of(scope);
  return new iam.ServicePrincipal('ecs-tasks.amazonaws.com', {
    conditions: {
      StringEquals: { 'aws:SourceAccount': account },
      ArnLike: { 'aws:SourceArn': `arn:${partition}:ecs:${region}:${account}:*` },
    },
  });
}

/** What the agent beside a container needs so that `exec` and tunnels reach it; the actions know no resources. */
export function execStatement(): iam.PolicyStatement {
  return new iam.PolicyStatement({
    actions: [
      'ssmmessages:CreateControlChannel',
      'ssmmessages:CreateDataChannel',
      'ssmmessages:OpenControlChannel',
      'ssmmessages:OpenDataChannel',
    ],
    resources: ['*'],
  });
}

/** Use of a customer's key through the services that keep an app's data, and in no other way. */
export function keyStatements(scope: Construct, key: kms.IKey | undefined): iam.PolicyStatement[] {
  if (key === undefined) return [];
  const { region } = Stack.of(scope);
  const services = ['dynamodb', 'secretsmanager', 'ssm'];
  return [
    new iam.PolicyStatement({
      actions: [
        'kms:CreateGrant',
        'kms:Decrypt',
        'kms:DescribeKey',
        'kms:Encrypt',
        'kms:GenerateDataKey',
        'kms:ReEncryptFrom',
        'kms:ReEncryptTo',
      ],
      resources: [key.keyArn],
      conditions: {
        StringEquals: {
          'kms:ViaService': services.map((service) => `${service}.${region}.amazonaws.com`),
        },
      },
    }),
  ];
}

/** Policies inside of a role, without those that would be empty. */
export function inline(
  policies: Readonly<Record<string, iam.PolicyStatement[]>>,
): Record<string, iam.PolicyDocument> {
  return Object.fromEntries(
    Object.entries(policies)
      .filter(([, statements]) => statements.length > 0)
      .map(([name, statements]) => [name, new iam.PolicyDocument({ statements })]),
  );
}
