import { aws_iam as iam } from 'aws-cdk-lib';
import { describe, test } from 'vitest';
import { appKey, leaseKey, workKey } from '../../runtime/backends/aws/contract.ts';
import { escapePattern } from '../../infra/constructs/work-role.ts';
import { project, resolved, synth } from './synth.ts';

const entry = project(`
  import { App, Flow, Work } from 'stormkite';
  export class Train extends Work { run() {} }
  export class Trainer extends Work { run() {} }
  class Root extends Flow {
    a = new Train({ secrets: { KEY: 'ssm:/team/key', TOKEN: 'env:TOKEN' } });
    b = new Train({ secrets: { KEY: 'secretsmanager:other' } });
    c = new Trainer();
    run() {}
  }
  export default new App(new Root(), { info: { title: 'x' } });
`);
const made = synth({ entry, name: 'demo' });

interface Statement {
  readonly actions: string[];
  readonly resources: string[];
  readonly condition: any;
}

/** Every statement that a role has, from policies in it and attached to it. */
function statementsOf(roleId: string, { all } = made): Statement[] {
  const [id, role] =
    Object.entries(all('AWS::IAM::Role')).find(([key]) => key.includes(roleId)) ?? [];
  const attached = [
    ...Object.values(all('AWS::IAM::Policy')),
    ...Object.values(all('AWS::IAM::ManagedPolicy')),
  ]
    .filter(({ Properties }) => Properties.Roles?.some((each: any) => each.Ref === id))
    .map(({ Properties }) => Properties.PolicyDocument);
  const own = (role.Properties.Policies ?? []).map((policy: any) => policy.PolicyDocument);
  return [...own, ...attached]
    .flatMap((document) => document.Statement)
    .map(({ Action, Resource, Condition }) => ({
      actions: [Action].flat(),
      resources: [Resource].flat().map(resolved),
      condition: Condition,
    }));
}

/** What IAM decides about a request for items of one partition. */
function allows(roleId: string, action: string, table: string, key: string | null): boolean {
  return statementsOf(roleId).some(({ actions, resources, condition }) => {
    if (!actions.includes(action) || !resources.some((each) => each.includes(table))) return false;
    const patterns: string[] = condition?.['ForAllValues:StringLike']?.['dynamodb:LeadingKeys'] ?? [
      '*',
    ];
    const needsKey = condition?.Null?.['dynamodb:LeadingKeys'] === 'false';
    return key === null ? !needsKey : patterns.some((pattern) => toExpression(pattern).test(key));
  });
}

/** IAM's patterns: `*`, `?`, and `${x}` for a character that is meant. */
function toExpression(pattern: string): RegExp {
  const parts = pattern.split(/(\$\{[*?$]\}|\*|\?)/).map((part) => {
    if (part === '*') return '.*';
    if (part === '?') return '.';
    const character = /^\$\{(.)\}$/.exec(part)?.[1] ?? part;
    return character.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  });
  return new RegExp(`^${parts.join('')}$`, 's');
}

describe('the role of a work class', () => {
  test('writes and reads the items of its own class only', ({ expect }) => {
    const own = workKey('Train', 'root.a');
    const others = [
      workKey('Trainer', 'root.c'),
      appKey('demo'),
      leaseKey('demo'),
      'W#Train',
      'W#',
    ];
    expect(allows('WorksTrainTask', 'dynamodb:PutItem', 'Deltas', own)).toBe(true);
    expect(allows('WorksTrainTask', 'dynamodb:Query', 'Deltas', own)).toBe(true);
    expect(allows('WorksTrainTask', 'dynamodb:GetItem', 'State', own)).toBe(true);
    for (const key of others)
      expect(allows('WorksTrainTask', 'dynamodb:PutItem', 'Deltas', key)).toBe(false);
    expect(allows('WorksTrainTask', 'dynamodb:PutItem', 'State', own)).toBe(false);
  });

  test('reads the lease of its app and no other record of the flow', ({ expect }) => {
    expect(allows('WorksTrainTask', 'dynamodb:GetItem', 'State', leaseKey('demo'))).toBe(true);
    expect(allows('WorksTrainTask', 'dynamodb:GetItem', 'State', leaseKey('demo2'))).toBe(false);
    expect(allows('WorksTrainTask', 'dynamodb:GetItem', 'State', appKey('demo'))).toBe(false);
  });

  test('cannot scan, change or delete, nor ask without a key', ({ expect }) => {
    const actions = statementsOf('WorksTrainTask').flatMap((statement) => statement.actions);
    expect(actions.filter((action) => action.startsWith('dynamodb:')).toSorted()).toEqual([
      'dynamodb:GetItem',
      'dynamodb:GetItem',
      'dynamodb:PutItem',
      'dynamodb:Query',
      'dynamodb:Query',
    ]);
    expect(allows('WorksTrainTask', 'dynamodb:Query', 'State', null)).toBe(false);
    expect(allows('WorksTrainTask', 'dynamodb:PutItem', 'Deltas', null)).toBe(false);
  });

  test('reads the secrets of all its constructed works, each by name, and none of another class', ({
    expect,
  }) => {
    const secrets = statementsOf('WorksTrainTask').filter(({ actions }) =>
      /^(ssm|secretsmanager):/.test(actions[0] ?? ''),
    );
    expect(secrets).toEqual([
      {
        actions: ['ssm:GetParameter'],
        resources: [
          'arn:aws:ssm:eu-central-1:123456789012:parameter/stormkite/demo/TOKEN',
          'arn:aws:ssm:eu-central-1:123456789012:parameter/team/key',
        ],
        condition: undefined,
      },
      {
        actions: ['secretsmanager:GetSecretValue'],
        resources: ['arn:aws:secretsmanager:eu-central-1:123456789012:secret:other-??????'],
        condition: undefined,
      },
    ]);
    expect(
      statementsOf('WorksTrainerTask')
        .flatMap(({ actions }) => actions)
        .join(),
    ).not.toContain('ssm:');
  });

  test('reads a secret by its ARN, with or without what Secrets Manager adds to the name', ({
    expect,
  }) => {
    const arn = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:team/db';
    const byArn = synth({
      entry: project(`
        import { App, Flow, Work } from 'stormkite';
        export class Train extends Work { run() {} }
        class Root extends Flow { a = new Train({ secrets: { KEY: 'secretsmanager:${arn}' } }); run() {} }
        export default new App(new Root());
      `),
    });
    const [read, ...more] = statementsOf('WorksTrainTask', byArn).filter(({ actions }) =>
      actions.includes('secretsmanager:GetSecretValue'),
    );
    expect(more).toEqual([]);
    expect(read?.resources).toEqual([arn, `${arn}-??????`]);
  });

  test('reads the S3 folders that its constructed works mount, and lists nothing beside them', ({
    expect,
  }) => {
    const mounted = synth({
      entry: project(`
        import { App, CloudCompute, Flow, Work } from 'stormkite';
        export class Train extends Work { run() {} }
        export class Other extends Work { run() {} }
        const mount = (source) => ({ cloudCompute: new CloudCompute('gpu', { mounts: [{ source, mountPath: '/data' }] }) });
        class Root extends Flow {
          a = new Train(mount('s3://corpus/year=2026/what*'));
          b = new Train(mount('s3://models'));
          c = new Other();
          run() {}
        }
        export default new App(new Root());
      `),
    });
    const s3 = (role: string) =>
      statementsOf(role, mounted).filter(
        ({ actions, resources }) =>
          actions.join().startsWith('s3:') && !resources.join().includes('cdk-'),
      );
    expect(s3('WorksTrainTask')).toEqual([
      {
        actions: ['s3:GetObject'],
        resources: ['arn:aws:s3:::corpus/year=2026/what${*}/*'],
        condition: undefined,
      },
      {
        actions: ['s3:ListBucket'],
        resources: ['arn:aws:s3:::corpus'],
        condition: { StringLike: { 's3:prefix': 'year=2026/what${*}/*' } },
      },
      { actions: ['s3:GetObject'], resources: ['arn:aws:s3:::models/*'], condition: undefined },
      { actions: ['s3:ListBucket'], resources: ['arn:aws:s3:::models'], condition: undefined },
    ]);
    expect(s3('WorksOtherTask')).toEqual([]);
  });

  test('reads one object of the asset bucket', ({ expect }) => {
    const reads = statementsOf('WorksTrainTask').filter(({ actions }) =>
      actions[0]?.startsWith('s3:'),
    );
    expect(reads).toEqual([
      {
        actions: ['s3:GetObject'],
        resources: [
          expect.stringMatching(
            /^arn:aws:s3:::cdk-hnb659fds-assets-123456789012-eu-central-1\/[0-9a-f]{64}\.tgz$/,
          ),
        ],
        condition: undefined,
      },
    ]);
  });

  test.for(['a*b', 'a?b', '$x', '.root.x', '~0'])(
    'a class id with %s means only itself',
    (id, { expect }) => {
      const pattern = toExpression(`${escapePattern(`W#${id}#`)}*`);
      expect(pattern.test(`W#${id}#work`)).toBe(true);
      expect(pattern.test('W#aXb#work')).toBe(false);
      expect(pattern.test('W#anything#work')).toBe(false);
    },
  );

  test('can be granted more by the stack it stands in, by name of the class', ({ expect }) => {
    expect(made.construct.workRole('Train')).toBeInstanceOf(iam.Role);
    expect(() => made.construct.workRole('Nobody')).toThrow(
      expect.objectContaining({ code: 'INFRA_PROP_INVALID' }),
    );
  });
});

describe('every role', () => {
  test('can be taken by tasks of this account and region only, by machines, or by the one function', ({
    expect,
  }) => {
    for (const { Properties } of Object.values(made.all('AWS::IAM::Role'))) {
      const [statement] = Properties.AssumeRolePolicyDocument.Statement;
      const { Service: service } = statement.Principal;
      if (service !== 'ecs-tasks.amazonaws.com') continue;
      expect(statement.Condition.StringEquals).toEqual({
        'aws:SourceAccount': { Ref: 'AWS::AccountId' },
      });
      expect(resolved(statement.Condition.ArnLike['aws:SourceArn'])).toBe(
        'arn:aws:ecs:eu-central-1:123456789012:*',
      );
    }
  });

  test('has `*` only for what knows no resources, and no action with a wildcard', ({ expect }) => {
    const allowed =
      /^(autoscaling:Describe\w+|ec2:Describe\w+|ecs:DiscoverPollEndpoint|ecs:ListTasks|ssmmessages:\w+)$/;
    for (const id of Object.keys(made.all('AWS::IAM::Role'))) {
      for (const { actions, resources } of statementsOf(id)) {
        expect(actions.join()).not.toContain('*');
        if (resources.includes('*')) for (const action of actions) expect(action).toMatch(allowed);
      }
      expect(made.all('AWS::IAM::Role')[id].Properties).not.toHaveProperty('ManagedPolicyArns');
    }
  });

  test('has the boundary that was given, that of the function too', ({ expect }) => {
    const arn = 'arn:aws:iam::123456789012:policy/boundary';
    const { all } = synth((stack) => ({
      entry,
      permissionsBoundary: iam.ManagedPolicy.fromManagedPolicyArn(stack, 'Boundary', arn),
    }));
    for (const { Properties } of Object.values(all('AWS::IAM::Role')))
      expect(Properties.PermissionsBoundary).toBe(arn);
  });
});

describe('the role of the function that keeps groups', () => {
  test('reaches groups of its stack and app by their tags, also those that leave it', ({
    expect,
  }) => {
    const [remove] = statementsOf('GroupKeeperRole').filter(({ actions }) =>
      actions.includes('autoscaling:DeleteAutoScalingGroup'),
    );
    expect(remove).toEqual({
      actions: ['autoscaling:DeleteAutoScalingGroup', 'autoscaling:SuspendProcesses'],
      resources: [
        'arn:aws:autoscaling:eu-central-1:123456789012:autoScalingGroup:*:autoScalingGroupName/*',
      ],
      condition: {
        StringEquals: {
          'aws:ResourceTag/stormkite:app': 'demo',
          'aws:ResourceTag/aws:cloudformation:stack-id': { Ref: 'AWS::StackId' },
        },
      },
    });
  });
});

describe('the role of the flow', () => {
  const flow = (action: string) =>
    statementsOf('FlowRole').filter(({ actions }) => actions.includes(action));

  test('starts tasks of its works only, in its cluster, with their roles', ({ expect }) => {
    const [run, ...more] = flow('ecs:RunTask');
    expect(more).toEqual([]);
    const families = Object.entries(made.all('AWS::ECS::TaskDefinition'));
    const pattern = toExpression(run?.resources[0] ?? '');
    for (const [id, { Properties }] of families) {
      const arn = `arn:aws:ecs:eu-central-1:123456789012:task-definition/${Properties.Family}:3`;
      expect(pattern.test(arn)).toBe(!id.includes('FlowDefinition'));
    }
    expect(run?.condition).toHaveProperty(['ArnEquals', 'ecs:cluster']);
    const passed = flow('iam:PassRole').flatMap(({ resources }) => resources);
    expect(passed.every((role) => /Works|Machines/.test(role))).toBe(true);
    for (const { condition } of flow('iam:PassRole'))
      expect(condition).toHaveProperty(['StringEquals', 'iam:PassedToService']);
  });

  test('leaves alone what carries the tag of another app, in a cluster that they share', ({
    expect,
  }) => {
    for (const action of ['ecs:StopTask', 'ecs:UpdateContainerInstancesState']) {
      const [statement, ...more] = flow(action);
      expect(more).toEqual([]);
      expect(statement?.actions).toEqual([action]);
      expect(statement?.condition).toMatchObject({
        ArnEquals: { 'ecs:cluster': expect.anything() },
        StringEqualsIfExists: { 'aws:ResourceTag/stormkite:app': 'demo' },
      });
    }
    for (const { Properties } of Object.values(made.all('AWS::ECS::TaskDefinition')))
      expect(Properties.Tags).toContainEqual({ Key: 'stormkite:app', Value: 'demo' });
    for (const { Properties } of Object.values(made.all('AWS::EC2::LaunchTemplate')))
      expect(resolved(Properties.LaunchTemplateData.UserData['Fn::Base64'])).toContain(
        `\necho 'ECS_CONTAINER_INSTANCE_TAGS={"stormkite:app":"demo"}' >> /etc/ecs/ecs.config\n`,
      );
    expect(
      statementsOf('Machines').filter(({ actions }) => actions.includes('ecs:TagResource')),
    ).toEqual([
      {
        actions: ['ecs:TagResource'],
        resources: [expect.stringMatching(/container-instance\/AppCluster\w+\/\*$/)],
        condition: { StringEquals: { 'ecs:CreateAction': 'RegisterContainerInstance' } },
      },
    ]);
  });

  test('starts machines only from the launch templates, of images of Amazon, where works may be', ({
    expect,
  }) => {
    for (const action of ['ec2:RunInstances', 'ec2:CreateFleet']) {
      const statements = flow(action);
      const resources = statements.flatMap((statement) => statement.resources);
      const of = (kind: string) => resources.filter((each) => each.includes(`:${kind}/`));
      expect(of('launch-template')).toHaveLength(6);
      expect(of('launch-template').join()).not.toContain('*');
      expect(of('subnet')).toHaveLength(2);
      expect(of('security-group')).toEqual([expect.stringContaining('WorkSecurityGroup')]);
      const images = statements.find((statement) => statement.resources.join().includes('image'));
      expect(images?.condition).toEqual({ StringEquals: { 'ec2:Owner': 'amazon' } });
    }
    const machine = flow('ec2:RunInstances').find(({ resources }) =>
      resources.join().includes(':instance/*'),
    );
    const [template] = [machine?.condition.ArnLike['ec2:LaunchTemplate']].map(resolved);
    expect(template).toBe('arn:aws:ec2:eu-central-1:123456789012:launch-template/*');
    expect(flow('autoscaling:LaunchInstances').flatMap(({ resources }) => resources)).toHaveLength(
      6,
    );
  });

  test('asks for spot capacity, and for the role that EC2 wants for it, only where works do', ({
    expect,
  }) => {
    const spot = 'arn:aws:ec2:eu-central-1:123456789012:spot-instances-request/*';
    const actionsOn = (resource: string) =>
      statementsOf('FlowRole')
        .filter(({ resources }) => resources.includes(resource))
        .flatMap(({ actions }) => actions)
        .toSorted();
    expect(actionsOn(spot)).toEqual([]);
    expect(flow('iam:CreateServiceLinkedRole')).toEqual([]);
    const withSpot = synth({
      entry: project(`
        import { App, CloudCompute, Flow } from 'stormkite';
        class Root extends Flow { run() {} }
        export default new App(new Root(), { hardware: [new CloudCompute('gpu', { interruptible: true })] });
      `),
    });
    const statements = statementsOf('FlowRole', withSpot);
    expect(
      statements
        .filter(({ resources }) => resources.includes(spot))
        .flatMap(({ actions }) => actions)
        .toSorted(),
    ).toEqual(['ec2:CreateFleet', 'ec2:CreateTags', 'ec2:RunInstances']);
    expect(statements.filter(({ actions }) => actions.join().startsWith('iam:Create'))).toEqual([
      {
        actions: ['iam:CreateServiceLinkedRole'],
        resources: [
          'arn:aws:iam::*:role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot',
        ],
        condition: { StringEquals: { 'iam:AWSServiceName': 'spot.amazonaws.com' } },
      },
    ]);
  });

  test('cannot read the token, nor create or delete what the stack made', ({ expect }) => {
    const actions = statementsOf('FlowRole')
      .flatMap((statement) => statement.actions)
      .join(' ');
    expect(actions).not.toMatch(
      /secretsmanager|ssm:|CreateTable|DeleteTable|DeleteAutoScalingGroup|ecs:Register|iam:(?!PassRole)/,
    );
  });
});
