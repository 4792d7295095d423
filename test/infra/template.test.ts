import { describe, test } from 'vitest';
import { deploymentOf, environmentOf, synth } from './synth.ts';

const made = synth();
const { template, all, resource } = made;
const values = (type: string): any[] =>
  Object.values(all(type)).map(({ Properties }) => Properties);
const flowTask = () => resource('AWS::ECS::TaskDefinition', 'FlowDefinition').Properties;

describe('what costs money', () => {
  test('no machine runs before the flow starts one, and none beyond the limit', ({ expect }) => {
    const groups = values('AWS::AutoScaling::AutoScalingGroup');
    expect(groups).toHaveLength(6);
    for (const group of groups) {
      expect(group).toMatchObject({
        MinSize: '0',
        MaxSize: '20',
        NewInstancesProtectedFromScaleIn: true,
      });
      expect(group).not.toHaveProperty('DesiredCapacity');
    }
  });

  test('there is no NAT, no load balancer, no interface endpoint, no launch configuration and no drain hook', ({
    expect,
  }) => {
    for (const type of [
      'AWS::EC2::NatGateway',
      'AWS::EC2::EIP',
      'AWS::ElasticLoadBalancingV2::LoadBalancer',
      'AWS::AutoScaling::LaunchConfiguration',
      'AWS::AutoScaling::LifecycleHook',
      'AWS::SNS::Topic',
    ])
      template.resourceCountIs(type, 0);
    expect(values('AWS::EC2::VPCEndpoint').map((endpoint) => endpoint.VpcEndpointType)).toEqual([
      'Gateway',
      'Gateway',
    ]);
  });

  test('managed scaling collects what is left over, and draining never holds a machine', ({
    expect,
  }) => {
    for (const provider of values('AWS::ECS::CapacityProvider')) {
      expect(provider.AutoScalingGroupProvider).toMatchObject({
        ManagedDraining: 'DISABLED',
        ManagedTerminationProtection: 'ENABLED',
        ManagedScaling: {
          Status: 'ENABLED',
          TargetCapacity: 100,
          MinimumScalingStepSize: 1,
          MaximumScalingStepSize: 1,
          InstanceWarmupPeriod: 60,
        },
      });
    }
  });

  test('the flow is the smallest ARM task, once, replaced and never doubled', ({ expect }) => {
    expect(flowTask()).toMatchObject({
      Cpu: '256',
      Memory: '512',
      RuntimePlatform: { CpuArchitecture: 'ARM64' },
    });
    expect(resource('AWS::ECS::Service').Properties).toMatchObject({
      DesiredCount: 1,
      LaunchType: 'FARGATE',
      AvailabilityZoneRebalancing: 'DISABLED',
      DeploymentConfiguration: {
        MinimumHealthyPercent: 0,
        MaximumPercent: 100,
        DeploymentCircuitBreaker: { Enable: true, Rollback: true },
      },
    });
  });

  test('tables are paid by use and forget; deltas have a stream, state can be restored', ({
    expect,
  }) => {
    const common = {
      BillingMode: 'PAY_PER_REQUEST',
      TimeToLiveSpecification: { AttributeName: 'ttl', Enabled: true },
    };
    const state = resource('AWS::DynamoDB::Table', 'State');
    const deltas = resource('AWS::DynamoDB::Table', 'Deltas');
    expect(state.Properties).toMatchObject({
      ...common,
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
    });
    expect(state.Properties).not.toHaveProperty('StreamSpecification');
    expect(deltas.Properties).toMatchObject({
      ...common,
      StreamSpecification: { StreamViewType: 'NEW_IMAGE' },
    });
    expect(deltas.Properties).not.toHaveProperty('PointInTimeRecoverySpecification');
    expect([state['DeletionPolicy'], deltas['DeletionPolicy']]).toEqual(['Delete', 'Delete']);
  });

  test('logs are kept for a week, of all that logs; container insights are off', ({ expect }) => {
    expect(values('AWS::Logs::LogGroup').map((group) => group.RetentionInDays)).toEqual([7, 7]);
    expect(resource('AWS::ECS::Cluster').Properties.ClusterSettings).toEqual([
      { Name: 'containerInsights', Value: 'disabled' },
    ]);
  });

  test('machines of several types are tried in order, at the price that is always there', ({
    expect,
  }) => {
    const { MixedInstancesPolicy: policy } = resource(
      'AWS::AutoScaling::AutoScalingGroup',
      'cpusmall',
    ).Properties;
    expect(policy.LaunchTemplate.Overrides).toEqual([
      { InstanceType: 'm7i.large' },
      { InstanceType: 'm6i.large' },
    ]);
    expect(policy.InstancesDistribution).toEqual({
      OnDemandAllocationStrategy: 'prioritized',
      OnDemandPercentageAboveBaseCapacity: 100,
    });
  });

  test('a group that is deleted takes its machines with it, after the flow and before the group', ({
    expect,
  }) => {
    const keepers = all('Custom::StormkiteGroup');
    const groups = Object.keys(all('AWS::AutoScaling::AutoScalingGroup'));
    expect(Object.values(keepers).map(({ Properties }) => Properties.Group.Ref)).toEqual(groups);
    expect(resource('AWS::ECS::Service')['DependsOn']).toEqual(
      expect.arrayContaining(Object.keys(keepers)),
    );
    const [association] = Object.keys(all('AWS::ECS::ClusterCapacityProviderAssociations'));
    for (const { DependsOn } of Object.values(keepers)) {
      expect(DependsOn).toContain(association);
      expect(DependsOn).toEqual(
        expect.arrayContaining([expect.stringContaining('GroupKeeperPolicy')]),
      );
    }
  });

  test('the way to AWS is there before the flow and its machines, and goes after them', ({
    expect,
  }) => {
    const routes = Object.keys(all('AWS::EC2::Route'));
    const [gateway] = Object.keys(all('AWS::EC2::VPCGatewayAttachment'));
    expect(routes).toHaveLength(2);
    const users = [resource('AWS::ECS::Service'), ...Object.values(all('Custom::StormkiteGroup'))];
    for (const { DependsOn } of users)
      expect(DependsOn).toEqual(expect.arrayContaining([...routes, gateway]));
  });

  test('the flow starts when it, and the works that it starts, have all their permissions', ({
    expect,
  }) => {
    const { DependsOn: before } = resource('AWS::ECS::Service');
    const policies = ['AWS::IAM::Policy', 'AWS::IAM::ManagedPolicy'].flatMap((type) =>
      Object.keys(all(type)),
    );
    expect(before).toEqual(
      expect.arrayContaining(policies.filter((id) => !id.includes('GroupKeeper'))),
    );
  });

  test('everything is tagged with the app, machines when they start', ({ expect }) => {
    for (const group of values('AWS::AutoScaling::AutoScalingGroup'))
      expect(group.Tags).toContainEqual({
        Key: 'stormkite:app',
        Value: 'counter',
        PropagateAtLaunch: true,
      });
    expect(resource('AWS::ECS::Service').Properties).toMatchObject({ PropagateTags: 'SERVICE' });
  });
});

describe('what opens a door', () => {
  test('only the flow and works connect to works, on the ports that bridge mode gives out', ({
    expect,
  }) => {
    for (const group of values('AWS::EC2::SecurityGroup'))
      expect(group).not.toHaveProperty('SecurityGroupIngress');
    const rules = values('AWS::EC2::SecurityGroupIngress');
    expect(rules).toHaveLength(2);
    for (const rule of rules) {
      expect(rule).toMatchObject({ IpProtocol: 'tcp', FromPort: 32_768, ToPort: 65_535 });
      expect(rule.GroupId['Fn::GetAtt'][0]).toContain('WorkSecurityGroup');
      expect(rule.SourceSecurityGroupId['Fn::GetAtt'][0]).toMatch(/(Flow|Work)SecurityGroup/);
      expect(rule).not.toHaveProperty('CidrIp');
    }
  });

  test('containers cannot reach the metadata of their machine, and its disk is encrypted', ({
    expect,
  }) => {
    for (const { LaunchTemplateData: data } of values('AWS::EC2::LaunchTemplate')) {
      expect(data.MetadataOptions).toEqual({ HttpTokens: 'required', HttpPutResponseHopLimit: 1 });
      expect(data.BlockDeviceMappings).toEqual([
        {
          DeviceName: '/dev/xvda',
          Ebs: expect.objectContaining({ Encrypted: true, VolumeType: 'gp3' }),
        },
      ]);
      expect(data).not.toHaveProperty('KeyName');
      const userData = JSON.stringify(data.UserData);
      for (const setting of [
        'ECS_CLUSTER',
        'ECS_AWSVPC_BLOCK_IMDS=true',
        'ECS_ENABLE_SPOT_INSTANCE_DRAINING=true',
      ])
        expect(userData).toContain(setting);
    }
  });

  test('machines with GPUs have the image and the runtime for them, others have not', ({
    expect,
  }) => {
    const of = (id: string) =>
      resource('AWS::EC2::LaunchTemplate', id).Properties.LaunchTemplateData;
    expect(of('Hardwaregpu').ImageId.Ref).toContain('gpu');
    expect(JSON.stringify(of('Hardwaregpu').UserData)).toContain('--default-runtime nvidia');
    expect(of('Hardwaredefault').ImageId.Ref).not.toContain('gpu');
    expect(JSON.stringify(of('Hardwaredefault').UserData)).not.toContain('nvidia');
    expect(of('Hardwaregpu').BlockDeviceMappings[0].Ebs.VolumeSize).toBe(100);
  });

  test('the token is made by Secrets Manager and never stands in the template', ({ expect }) => {
    const [container] = flowTask().ContainerDefinitions;
    expect(container.Secrets).toEqual([
      { Name: 'STORMKITE_TOKEN', ValueFrom: { Ref: expect.stringContaining('FlowToken') } },
    ]);
    expect(resource('AWS::SecretsManager::Secret').Properties).not.toHaveProperty('SecretString');
  });
});

describe('containers', () => {
  test('a work of the stock image runs the bootstrap under an init, and maps its port to any of its machine', ({
    expect,
  }) => {
    const {
      ContainerDefinitions: [container, ...more],
      ...task
    } = resource('AWS::ECS::TaskDefinition', 'WorkCounter').Properties;
    expect(more).toEqual([]);
    expect(task.NetworkMode).toBe('bridge');
    expect(container).toMatchObject({
      Name: 'app',
      Image: 'public.ecr.aws/docker/library/node:22-slim',
      StopTimeout: 30,
      PortMappings: [{ ContainerPort: 8_080, HostPort: 0, Protocol: 'tcp' }],
      LinuxParameters: { InitProcessEnabled: true },
      LogConfiguration: { LogDriver: 'awslogs', Options: { 'awslogs-stream-prefix': 'work' } },
    });
    expect(container.Command.slice(0, 2)).toEqual(['node', '-e']);
    expect(container).not.toHaveProperty('Privileged');
    expect(environmentOf(container)).toMatchObject({
      STORMKITE_ROLE: 'work',
      PORT: '8080',
      AWS_REGION: 'eu-central-1',
      STORMKITE_ARTIFACT: expect.stringMatching(
        /^s3:\/\/cdk-hnb659fds-assets-123456789012-eu-central-1\/[0-9a-f]{64}\.tgz$/,
      ),
      STORMKITE_ARTIFACT_SHA256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  test('the flow has two minutes to leave, is asked for its health, and logs as the flow', ({
    expect,
  }) => {
    const [container] = flowTask().ContainerDefinitions;
    expect(container).toMatchObject({
      StopTimeout: 120,
      LinuxParameters: { InitProcessEnabled: true },
      HealthCheck: {
        StartPeriod: 300,
        Command: expect.arrayContaining([expect.stringContaining('/api/v1/healthz')]),
      },
      LogConfiguration: { Options: { 'awslogs-stream-prefix': 'flow' } },
    });
    expect(resource('AWS::ECS::Service').Properties.EnableExecuteCommand).toBe(true);
  });

  test('what the flow is told names what the template has', ({ expect }) => {
    const deployment = deploymentOf(made);
    expect(deployment).toMatchObject({
      contract: 1,
      app: 'counter',
      region: 'eu-central-1',
      mode: 'aws',
      secretsPath: '/stormkite/counter',
      allowExec: true,
      tables: {
        state: expect.stringContaining('State'),
        deltas: expect.stringContaining('Deltas'),
      },
    });
    expect(Object.keys(all('AWS::EC2::Subnet'))).toEqual(deployment.subnets);
    const groups = Object.keys(all('AWS::AutoScaling::AutoScalingGroup'));
    const pools = Object.values(deployment.hardware).flatMap((kind) => kind.pools);
    expect(pools.map((pool) => pool.autoScalingGroup)).toEqual(groups);
    const tasks = Object.keys(all('AWS::ECS::TaskDefinition'));
    for (const variants of Object.values(deployment.taskDefinitions))
      for (const definition of Object.values(variants)) expect(tasks).toContain(definition);
    expect(deployment.hardware['gpu']).toMatchObject({ gpus: 1, shared: false, diskGiB: 100 });
  });
});

describe('names that other versions depend on', () => {
  test('the logical ids of what holds data, or would be made anew', ({ expect }) => {
    const ids = [
      'AWS::DynamoDB::Table',
      'AWS::ECS::Cluster',
      'AWS::ECS::Service',
      'AWS::SecretsManager::Secret',
      'AWS::EC2::VPC',
      'AWS::AutoScaling::AutoScalingGroup',
      'AWS::ECS::CapacityProvider',
      'AWS::Logs::LogGroup',
      'AWS::IAM::Role',
    ];
    expect(ids.flatMap((type) => Object.keys(all(type)))).toMatchInlineSnapshot(`
      [
        "AppTablesState73B36E49",
        "AppTablesDeltas99E892DA",
        "AppCluster68CC0559",
        "AppFlowServiceEDDC455E",
        "AppFlowTokenED67062E",
        "AppNetworkVpc798168CC",
        "AppHardwaredefaultGroupASGE7D3D1EE",
        "AppHardwarecpusmallGroupASG014A6329",
        "AppHardwarecpumediumGroupASG57DA1E78",
        "AppHardwaregpuGroupASG2FF43E79",
        "AppHardwaregpufastGroupASGACC28E39",
        "AppHardwaregpufastmultiGroupASG7D5163C4",
        "AppHardwaredefaultCapacityProviderCE931C10",
        "AppHardwarecpusmallCapacityProvider6428C411",
        "AppHardwarecpumediumCapacityProvider01B2A27E",
        "AppHardwaregpuCapacityProviderA5B85F3C",
        "AppHardwaregpufastCapacityProviderE2E8A3BF",
        "AppHardwaregpufastmultiCapacityProvider0F9BD510",
        "AppLogs2EC8A6C6",
        "AppGroupKeeperLogsB3461610",
        "AppWorksExecutionRole8ADE1BFC",
        "AppWorksWorkCounterTaskRole820FDEAF",
        "AppMachinesRole5E7B4CE4",
        "AppGroupKeeperRoleD11654BD",
        "AppFlowRole15838A21",
        "AppFlowExecutionRoleA193141A",
      ]
    `);
  });

  test('the outputs that the command line reads', ({ expect }) => {
    expect(Object.keys(template.toJSON()['Outputs'])).toMatchInlineSnapshot(`
      [
        "CounterAppName",
        "CounterAppRegion",
        "CounterClusterName",
        "CounterFlowService",
        "CounterStateTable",
        "CounterDeltasTable",
        "CounterLogGroupName",
        "CounterTokenSecret",
        "CounterSecretsPath",
        "CounterAppUi",
      ]
    `);
  });
});
