import {
  App,
  aws_certificatemanager as acm,
  aws_ec2 as ec2,
  aws_ecs as ecs,
  aws_logs as logs,
  aws_route53 as route53,
  Duration,
  Stack,
} from 'aws-cdk-lib';
import { describe, test } from 'vitest';
import { StormkiteApp, type StormkiteAppProps } from '../../infra/index.ts';
import { COUNTER, deploymentOf, environmentOf, project, synth } from './synth.ts';

type Props = Partial<StormkiteAppProps> | ((stack: Stack) => Partial<StormkiteAppProps>);

/** An app whose one work is made with these options. */
const appWith = (options: string, app = ''): string =>
  project(`
    import { App, BuildConfig, CloudCompute, Flow, Work } from 'stormkite';
    export class Train extends Work { run() {} }
    class Root extends Flow { train = new Train(${options}); run() {} }
    export default new App(new Root(), { hardware: [new CloudCompute('default')] ${app} });
  `);
const mounting = (source: string, ...paths: readonly string[]): string => {
  const mounts = JSON.stringify(paths.map((mountPath) => ({ source, mountPath })));
  return appWith(`{ cloudCompute: new CloudCompute('default', { mounts: ${mounts} }) }`);
};
const ECR_NODE = '123456789012.dkr.ecr.eu-central-1.amazonaws.com/node:22';
const images = {
  both: appWith(`{ cloudBuildConfig: new BuildConfig({ image: 'a', dockerfile: 'Dockerfile' }) }`),
  missing: appWith(`{ cloudBuildConfig: new BuildConfig({ dockerfile: 'Dockerfile' }) }`),
  named: appWith(
    `{ cloudBuildConfig: new BuildConfig({ image: 'python:3.12', buildCommands: ['pip install numpy'] }), cloudCompute: new CloudCompute('default', { shmSize: 64 }) }`,
  ),
};

describe('properties that do not fit', () => {
  test.for<[string, Props, string]>([
    ['an unknown ui', { ui: 'open' as never }, 'INFRA_PROP_INVALID'],
    ['no number of machines', { maxInstances: 0 }, 'INFRA_PROP_INVALID'],
    [
      'works that end before their flow is replaced',
      { flowLostAfter: Duration.minutes(1) },
      'INFRA_PROP_INVALID',
    ],
    [
      'machines that the app does not have',
      { maxInstances: { 'gpu-spot': 1 } },
      'INFRA_PROP_INVALID',
    ],
    ['a range that is none', { ui: 'direct', allowedCidrs: ['203.0.113.7'] }, 'INFRA_PROP_INVALID'],
    [
      'a budget of nothing',
      { budget: { dollarsPerMonth: 0, email: 'a@example.com' } },
      'INFRA_PROP_INVALID',
    ],
    ['a price list that is not there', { prices: 'nowhere.json' }, 'INFRA_PROP_INVALID'],
    ['direct without addresses', { ui: 'direct' }, 'INFRA_UI_INCOMPLETE'],
    ['plain HTTP for everybody', { ui: 'direct', allowedCidrs: ['0.0.0.0/0'] }, 'INFRA_UI_OPEN'],
    [
      'plain HTTP for half of everybody',
      { ui: 'direct', allowedCidrs: ['128.0.0.0/1'] },
      'INFRA_UI_OPEN',
    ],
    ['plain HTTP for everybody by IPv6', { ui: 'direct', allowedCidrs: ['::/0'] }, 'INFRA_UI_OPEN'],
    [
      'a load balancer without a certificate',
      { ui: 'alb', allowedCidrs: ['203.0.113.0/24'], domainName: 'app.example.com' },
      'INFRA_UI_INCOMPLETE',
    ],
    ['a load balancer for nobody', { ui: 'alb' }, 'INFRA_UI_INCOMPLETE'],
    [
      'a load balancer with a certificate that its own name cannot have',
      (stack) => ({
        ui: 'alb',
        allowedCidrs: ['203.0.113.0/24'],
        certificate: certificateOf(stack),
      }),
      'INFRA_UI_INCOMPLETE',
    ],
    [
      'a private network that must pull from the internet',
      { network: 'private' },
      'INFRA_NODE_IMAGE_UNREACHABLE',
    ],
    [
      "a private network that must pull another registry's Node image",
      { network: 'private', nodeImage: 'docker.io/library/node:22' },
      'INFRA_NODE_IMAGE_UNREACHABLE',
    ],
    [
      'a private network that must pull the image of a work from the internet',
      { network: 'private', nodeImage: ECR_NODE, entry: images.named },
      'INFRA_IMAGE_UNREACHABLE',
    ],
    [
      'a private network whose works install packages from the internet',
      {
        network: 'private',
        nodeImage: ECR_NODE,
        entry: appWith(`{ cloudBuildConfig: new BuildConfig({ requirements: ['left-pad'] }) }`),
      },
      'INFRA_REQUIREMENTS_UNREACHABLE',
    ],
    [
      'a network without public subnets',
      (stack) => ({ vpc: isolated(stack) }),
      'INFRA_SUBNETS_MISSING',
    ],
    ['an image and a Dockerfile', { entry: images.both }, 'INFRA_IMAGE_AMBIGUOUS'],
    ['a Dockerfile that is not there', { entry: images.missing }, 'INFRA_DOCKERFILE_MISSING'],
    [
      'a mount of no S3 folder',
      { entry: mounting('gs://data', '/data') },
      'INFRA_MOUNTS_UNSUPPORTED',
    ],
    [
      'a mount at a relative path',
      { entry: mounting('s3://data/', 'data') },
      'INFRA_MOUNTS_UNSUPPORTED',
    ],
    ['a mount over everything', { entry: mounting('s3://data/', '/') }, 'INFRA_MOUNTS_UNSUPPORTED'],
    [
      'two mounts at one path',
      { entry: mounting('s3://data/', '/data', '/other/../data/') },
      'INFRA_MOUNTS_UNSUPPORTED',
    ],
    [
      'a flow on a GPU',
      { entry: appWith('', `, flowCloudCompute: new CloudCompute('gpu')`) },
      'INFRA_FLOW_HARDWARE',
    ],
    [
      'GPUs beside Graviton',
      { entry: appWith(`{ cloudCompute: new CloudCompute({ instanceType: 'g5g.xlarge' }) }`) },
      'INFRA_HARDWARE_UNSUPPORTED',
    ],
    [
      'accelerators without an image',
      { entry: appWith(`{ cloudCompute: new CloudCompute({ instanceType: 'trn1.2xlarge' }) }`) },
      'INFRA_HARDWARE_UNSUPPORTED',
    ],
    ['an app that is not there', { entry: 'nowhere.ts' }, 'HOST_APP_FILE_MISSING'],
    ['a name that cannot be one', { name: 'a b' }, 'CLI_APP_NAME_INVALID'],
  ])('%s is refused while the stack is made', ([, props, code], { expect }) => {
    expect(() => synth(props)).toThrow(expect.objectContaining({ code }));
  });

  test("an imported cluster is refused: its capacity providers are not this stack's to list", ({
    expect,
  }) => {
    const imported = (stack: Stack) => ({
      cluster: ecs.Cluster.fromClusterAttributes(stack, 'Shared', {
        clusterName: 'shared',
        vpc: ec2.Vpc.fromVpcAttributes(stack, 'Vpc', {
          vpcId: 'vpc-1',
          availabilityZones: ['eu-central-1a'],
          publicSubnetIds: ['subnet-1'],
        }),
      }) as ecs.Cluster,
    });
    expect(() => synth(imported)).toThrow(
      expect.objectContaining({ code: 'INFRA_CLUSTER_ELSEWHERE' }),
    );
  });

  test('a cluster of another stack is refused', ({ expect }) => {
    const app = new App();
    const vpc = new ec2.Vpc(new Stack(app, 'net'), 'Vpc');
    const cluster = new ecs.Cluster(new Stack(app, 'shared'), 'Cluster', {
      vpc: vpc as ec2.IVpc,
    });
    const stack = new Stack(app, 'mine');
    expect(() => new StormkiteApp(stack, 'App', { entry: COUNTER, cluster })).toThrow(
      expect.objectContaining({ code: 'INFRA_CLUSTER_ELSEWHERE' }),
    );
  });

  test('a process that cannot prepare the app is told of', ({ expect }) => {
    const before = process.env['NODE_OPTIONS'];
    process.env['NODE_OPTIONS'] = '--no-such-option';
    try {
      expect(() => synth({ name: 'unprepared' })).toThrow(
        expect.objectContaining({ code: 'INFRA_PREPARE_FAILED' }),
      );
    } finally {
      if (before === undefined) delete process.env['NODE_OPTIONS'];
      else process.env['NODE_OPTIONS'] = before;
    }
  });

  test('an app file that ends its process is named', ({ expect }) => {
    const entry = project('process.exit(0);');
    expect(() => synth({ entry })).toThrow(expect.objectContaining({ code: 'CLI_INSPECT_FAILED' }));
  });
});

describe('a stack of somebody else', () => {
  test('takes the app into its own network, cluster and names, and makes no other', ({
    expect,
  }) => {
    const { template, all, stack } = synth((own) => {
      const vpc = new ec2.Vpc(own, 'Own', { natGateways: 1, maxAzs: 2 });
      return {
        cluster: new ecs.Cluster(own, 'OwnCluster', { vpc: vpc as ec2.IVpc }),
        network: 'private',
      };
    });
    template.resourceCountIs('AWS::EC2::VPC', 1);
    template.resourceCountIs('AWS::ECS::Cluster', 1);
    template.resourceCountIs('AWS::EC2::VPCEndpoint', 0);
    const [service] = Object.values(all('AWS::ECS::Service'));
    const network = service.Properties.NetworkConfiguration.AwsvpcConfiguration;
    expect(network.AssignPublicIp).toBe('DISABLED');
    expect(network.Subnets.map(({ Ref }: any) => Ref)).toEqual([
      expect.stringContaining('PrivateSubnet1'),
      expect.stringContaining('PrivateSubnet2'),
    ]);
    for (const { Properties } of Object.values(all('AWS::EC2::LaunchTemplate')))
      expect(Properties.LaunchTemplateData.NetworkInterfaces[0].AssociatePublicIpAddress).toBe(
        false,
      );
    expect(stack.node.tryFindChild('App')).toBeInstanceOf(StormkiteApp);
  });

  test('takes an imported network, and two apps', ({ expect }) => {
    const stack = new Stack(new App(), 'two');
    const vpc = ec2.Vpc.fromVpcAttributes(stack, 'Vpc', {
      vpcId: 'vpc-1',
      availabilityZones: ['eu-central-1a', 'eu-central-1b'],
      publicSubnetIds: ['subnet-1', 'subnet-2'],
    });
    const first = new StormkiteApp(stack, 'One', { entry: COUNTER, name: 'one', vpc });
    const second = new StormkiteApp(stack, 'Two', { entry: COUNTER, name: 'two', vpc });
    expect(first.deployment.subnets).toEqual(['subnet-1', 'subnet-2']);
    expect(second.deployment.secretsPath).toBe('/stormkite/two');
  });
});

describe('properties', () => {
  test('a private network has endpoints for what the hosts call, and no public address', ({
    expect,
  }) => {
    const { all, template } = synth({
      network: 'private',
      nodeImage: ECR_NODE,
      entry: appWith(`{ cloudBuildConfig: new BuildConfig({ image: '${ECR_NODE}' }) }`),
    });
    const names = Object.values(all('AWS::EC2::VPCEndpoint'))
      .filter(({ Properties }) => Properties.VpcEndpointType === 'Interface')
      .map(({ Properties }) =>
        JSON.stringify(Properties.ServiceName).replace(/.*\.([a-z0-9.-]+)".*/, '$1'),
      );
    expect(names).toHaveLength(12);
    for (const service of ['ecs-agent', 'dynamodb-streams', 'ssmmessages', 'dkr'])
      expect(names).toContain(service);
    template.resourceCountIs('AWS::EC2::InternetGateway', 0);
  });

  test('a load balancer answers on HTTPS only, to the addresses that were named', ({ expect }) => {
    const { all, resource, template } = synth((stack) => ({
      ui: 'alb',
      allowedCidrs: ['203.0.113.0/24'],
      domainName: 'app.example.com',
      hostedZone: route53.HostedZone.fromHostedZoneAttributes(stack, 'Zone', {
        hostedZoneId: 'Z1',
        zoneName: 'example.com',
      }),
    }));
    const [listener, ...more] = Object.values(all('AWS::ElasticLoadBalancingV2::Listener'));
    expect(more).toEqual([]);
    expect(listener.Properties).toMatchObject({ Port: 443, Protocol: 'HTTPS' });
    expect(
      resource('AWS::EC2::SecurityGroup', 'LoadBalancer').Properties.SecurityGroupIngress,
    ).toEqual([expect.objectContaining({ CidrIp: '203.0.113.0/24', FromPort: 443, ToPort: 443 })]);
    const open = JSON.stringify(
      [all('AWS::EC2::SecurityGroup'), all('AWS::EC2::SecurityGroupIngress')].map((groups) =>
        Object.values(groups).map(({ Properties }) => [
          Properties.SecurityGroupIngress,
          Properties.CidrIp,
        ]),
      ),
    );
    expect(open).not.toContain('0.0.0.0/0');
    template.resourceCountIs('AWS::CertificateManager::Certificate', 1);
    template.resourceCountIs('AWS::Route53::RecordSet', 1);
    const [container] = resource('AWS::ECS::TaskDefinition', 'FlowDefinition').Properties
      .ContainerDefinitions;
    expect(environmentOf(container)['STORMKITE_HOSTS']).toBe('app.example.com');
  });

  test('a load balancer that is given a certificate makes none, and tells what its record must point to', ({
    expect,
  }) => {
    const { template } = synth((stack) => ({
      ui: 'alb',
      allowedCidrs: ['10.0.0.0/8'],
      domainName: 'app.example.com',
      certificate: certificateOf(stack),
    }));
    template.resourceCountIs('AWS::CertificateManager::Certificate', 0);
    template.resourceCountIs('AWS::Route53::RecordSet', 0);
    template.hasOutput('CounterAppUrl', { Value: 'https://app.example.com' });
    const targets = Object.values<any>(template.toJSON()['Outputs']).filter(({ Description }) =>
      Description?.includes('app.example.com'),
    );
    expect(targets.map(({ Value }) => Value['Fn::GetAtt'][1])).toEqual(['DNSName']);
  });

  test('direct opens the port of the flow to named addresses', ({ expect }) => {
    const { resource } = synth({ ui: 'direct', allowedCidrs: ['203.0.113.0/24'] });
    expect(resource('AWS::EC2::SecurityGroup', 'Flow').Properties.SecurityGroupIngress).toEqual([
      expect.objectContaining({ CidrIp: '203.0.113.0/24', FromPort: 8_080, ToPort: 8_080 }),
    ]);
  });

  test('works are told how long they go on without a flow', ({ expect }) => {
    const { resource } = synth({ flowLostAfter: Duration.minutes(40) });
    const { Properties } = resource('AWS::ECS::TaskDefinition', 'Works');
    expect(environmentOf(Properties.ContainerDefinitions[0])).toMatchObject({
      STORMKITE_WORK_TIMINGS: '{"flowLostMs":2400000}',
    });
  });

  test('with ui none, nobody has a channel into a container', ({ expect }) => {
    const made = synth({ ui: 'none' });
    const { resource, template } = made;
    expect(deploymentOf(made).allowExec).toBe(false);
    expect(resource('AWS::ECS::Service').Properties).not.toMatchObject({
      EnableExecuteCommand: true,
    });
    expect(JSON.stringify(template.toJSON())).not.toContain('ssmmessages');
  });

  test('limits, retention, budget and kept tables are as asked', ({ expect }) => {
    const { all, resource } = synth({
      maxInstances: { gpu: 2 },
      keepState: true,
      logRetention: logs.RetentionDays.ONE_MONTH,
      budget: { dollarsPerMonth: 50, email: 'team@example.com' },
    });
    expect(
      resource('AWS::AutoScaling::AutoScalingGroup', 'HardwaregpuGroup').Properties.MaxSize,
    ).toBe('2');
    expect(
      resource('AWS::AutoScaling::AutoScalingGroup', 'Hardwaredefault').Properties.MaxSize,
    ).toBe('20');
    for (const table of Object.values(all('AWS::DynamoDB::Table')))
      expect(table.DeletionPolicy).toBe('Retain');
    for (const group of Object.values(all('AWS::Logs::LogGroup')))
      expect(group.Properties.RetentionInDays).toBe(30);
    expect(resource('AWS::Budgets::Budget').Properties.Budget).toMatchObject({
      BudgetLimit: { Amount: 50, Unit: 'USD' },
      CostFilters: { TagKeyValue: ['user:stormkite:app$counter'] },
    });
  });

  test('an image of its own gets Node from a second container, and runs its build commands first', ({
    expect,
  }) => {
    const { all, resource } = synth({ entry: images.named });
    const custom = Object.values(all('AWS::ECS::TaskDefinition')).find(
      ({ Properties }) => Properties.ContainerDefinitions.length === 2,
    );
    const [app, node] = custom.Properties.ContainerDefinitions;
    expect(app).toMatchObject({
      Image: 'python:3.12',
      DependsOn: [{ Condition: 'SUCCESS', ContainerName: 'node' }],
      LinuxParameters: { SharedMemorySize: 64 },
      MountPoints: [{ ContainerPath: '/opt/stormkite-node', ReadOnly: true, SourceVolume: 'node' }],
    });
    expect(app.EntryPoint[2].split('\n')).toEqual([
      'export PATH="$PATH:/opt/stormkite-node/bin"',
      'pip install numpy',
      'exec "$@"',
    ]);
    expect(app.Command[0]).toBe('/opt/stormkite-node/bin/node');
    expect(node).toMatchObject({
      Essential: false,
      Image: expect.stringContaining('node:22-slim'),
    });
    expect(
      resource('AWS::ECS::TaskDefinition', 'Flow').Properties.ContainerDefinitions,
    ).toHaveLength(1);
  });

  test('spot capacity is all spot, cheapest of what is there', ({ expect }) => {
    const entry = appWith(
      `{ cloudCompute: new CloudCompute('cpu-small', { interruptible: true }) }`,
    );
    const { resource } = synth({ entry });
    const { MixedInstancesPolicy: policy } = resource(
      'AWS::AutoScaling::AutoScalingGroup',
      'spot',
    ).Properties;
    expect(policy.InstancesDistribution).toEqual({
      OnDemandBaseCapacity: 0,
      OnDemandPercentageAboveBaseCapacity: 0,
      SpotAllocationStrategy: 'price-capacity-optimized',
    });
  });
});

describe('a large app', () => {
  const many = (classes: number, variants: number): string =>
    project(`
      import { App, CloudCompute, Dict, Flow, Work } from 'stormkite';
      ${Array.from({ length: classes }, (_, n) => `export class Work${n} extends Work { run() {} }`).join('\n')}
      const classes = [${Array.from({ length: classes }, (_, n) => `Work${n}`).join(', ')}];
      class Root extends Flow {
        works = new Dict<Work>();
        constructor() {
          super();
          for (const [n, Made] of classes.entries())
            for (let port = 1; port < ${variants}; port += 1) this.works[n + '-' + port] = new Made({ port: 9000 + port });
        }
        run() {}
      }
      export default new App(new Root(), { hardware: [new CloudCompute('default')] });
    `);

  test('of 20 classes with three ports each fits', ({ expect }) => {
    const made = synth({ entry: many(20, 3) });
    const { taskDefinitions } = deploymentOf(made);
    expect(
      Object.values(taskDefinitions).flatMap((variants) => Object.keys(variants)),
    ).toHaveLength(60);
  });

  test('that does not fit into the flow is refused', ({ expect }) => {
    expect(() => synth({ entry: many(20, 10) })).toThrow(
      expect.objectContaining({ code: 'INFRA_TOO_LARGE' }),
    );
  });
});

function certificateOf(stack: Stack) {
  const arn = 'arn:aws:acm:eu-central-1:123456789012:certificate/1';
  return acm.Certificate.fromCertificateArn(stack, 'Own', arn);
}

function isolated(stack: Stack): ec2.IVpc {
  return new ec2.Vpc(stack, 'Own', {
    natGateways: 0,
    subnetConfiguration: [{ name: 'Isolated', subnetType: ec2.SubnetType.PRIVATE_ISOLATED }],
  }) as ec2.IVpc;
}
