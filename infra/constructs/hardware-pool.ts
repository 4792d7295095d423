/**
 * One kind of machine: an Auto Scaling group that is empty until the flow starts a machine in it, and its capacity provider.
 *
 * H1 The flow starts and ends machines itself; managed scaling stays on as the collector of what it might leave behind.
 * H2 Managed draining is off: it waits up to 48 hours for tasks that no service owns.
 * H3 A group has one market and, of its types, the first that can be had: `LaunchInstances` takes no mixture.
 */
import {
  aws_autoscaling as autoscaling,
  aws_ec2 as ec2,
  aws_ecs as ecs,
  Validations,
  type aws_iam as iam,
} from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { HardwareDeployment } from '../../runtime/backends/aws/contract.ts';
import { isArm, type HardwarePlan } from '../../runtime/backends/aws/deployment-plan.ts';
import { appError } from '../../runtime/errors/index.ts';
import { APP_TAG } from './budget.ts';
import { asInterface } from './cdk-types.ts';
import type { InstanceRole } from './instance-role.ts';
import type { Network } from './network.ts';

/** Root device of the ECS-optimized images of Amazon Linux 2023. */
const ROOT_DEVICE = '/dev/xvda';
/** Seconds until ECS counts on a machine that managed scaling has started. */
const WARMUP_SECONDS = 60;
/** Families whose accelerators are not GPUs of NVIDIA. */
const OTHER_ACCELERATORS = /^(inf|trn|dl|vt|f)\d|^g4ad$/;

/** Of the ECS agent and of Docker, before either starts. */
const AGENT_SETTINGS: Readonly<Record<string, string>> = {
  ECS_AWSVPC_BLOCK_IMDS: 'true',
  ECS_CONTAINER_STOP_TIMEOUT: '120s',
  ECS_ENABLE_AWSLOGS_EXECUTIONROLE_OVERRIDE: 'true',
  ECS_ENABLE_SPOT_INSTANCE_DRAINING: 'true',
  ECS_IMAGE_PULL_BEHAVIOR: 'prefer-cached',
};
/** Works of a colocation group reserve no GPU of their own and see all: that takes the runtime as the default one. */
const NVIDIA_BY_DEFAULT =
  'grep -q -- --default-runtime /etc/sysconfig/docker || { sed -i \'s/^OPTIONS="/OPTIONS="--default-runtime nvidia /\' /etc/sysconfig/docker && systemctl restart docker; }';

export interface HardwarePoolProps {
  readonly app: string;
  readonly plan: HardwarePlan;
  readonly maxInstances: number;
  readonly cluster: ecs.Cluster;
  readonly network: Network;
  readonly instanceRole: InstanceRole;
}

export class HardwarePool extends Construct {
  readonly plan: HardwarePlan;
  readonly launchTemplate: ec2.LaunchTemplate;
  readonly autoScalingGroup: autoscaling.AutoScalingGroup;
  readonly capacityProvider: ecs.AsgCapacityProvider;
  /** What the flow is told of it. */
  readonly deployment: HardwareDeployment;

  constructor(scope: Construct, id: string, props: HardwarePoolProps) {
    super(scope, id);
    const { app, plan, maxInstances, cluster, network, instanceRole } = props;
    this.plan = plan;
    this.launchTemplate = new ec2.LaunchTemplate(this, 'LaunchTemplate', {
      machineImage: ecs.EcsOptimizedImage.amazonLinux2023(imageOf(plan)),
      instanceType: new ec2.InstanceType(plan.instanceTypes[0] ?? plan.name),
      instanceProfile: asInterface<iam.IInstanceProfile>(instanceRole.profile),
      securityGroup: network.workSecurityGroup,
      userData: userDataOf(app, plan),
      requireImdsv2: true,
      httpPutResponseHopLimit: 1,
      associatePublicIpAddress: network.isPublic,
      blockDevices: [
        {
          deviceName: ROOT_DEVICE,
          volume: ec2.BlockDeviceVolume.ebs(plan.diskGiB, {
            volumeType: ec2.EbsDeviceVolumeType.GP3,
            encrypted: true,
            deleteOnTermination: true,
          }),
        },
      ],
    });
    this.autoScalingGroup = new autoscaling.AutoScalingGroup(this, 'Group', {
      vpc: network.vpc,
      vpcSubnets: { subnets: network.subnets.subnets },
      // No desired capacity: a deployment must not end machines that work.
      minCapacity: 0,
      maxCapacity: maxInstances,
      mixedInstancesPolicy: {
        launchTemplate: this.launchTemplate,
        launchTemplateOverrides: plan.instanceTypes.map((type) => ({
          instanceType: new ec2.InstanceType(type),
        })),
        instancesDistribution: distributionOf(plan),
      },
    });
    Validations.of(this.autoScalingGroup).acknowledge(
      {
        id: 'AwsSolutions-AS3',
        reason: 'The flow starts and ends these machines itself and records each in its state',
      },
      {
        id: 'AwsSolutions-EC26',
        reason:
          'The launch template encrypts the volume; the rule cannot follow the reference to it',
      },
    );
    this.capacityProvider = new ecs.AsgCapacityProvider(this, 'CapacityProvider', {
      autoScalingGroup: this.autoScalingGroup,
      enableManagedScaling: true,
      enableManagedTerminationProtection: true,
      enableManagedDraining: false,
      targetCapacityPercent: 100,
      minimumScalingStepSize: 1,
      maximumScalingStepSize: 1,
      instanceWarmupPeriod: WARMUP_SECONDS,
    });
    cluster.addAsgCapacityProvider(this.capacityProvider);
    const { vcpus, memoryMiB, gpus, shared, workCpuUnits, workMemoryMiB, diskGiB } = plan;
    this.deployment = {
      pools: [
        {
          autoScalingGroup: this.autoScalingGroup.autoScalingGroupName,
          capacityProvider: this.capacityProvider.capacityProviderName,
          instanceTypes: [...plan.instanceTypes],
          market: plan.market,
          maxInstances,
        },
      ],
      vcpus,
      memoryMiB,
      gpus,
      shared,
      workCpuUnits,
      workMemoryMiB,
      diskGiB,
    };
  }
}

function imageOf(plan: HardwarePlan): ecs.AmiHardwareType {
  const { key, instanceTypes, gpus } = plan;
  const families = instanceTypes.map((type) => type.split('.')[0] ?? '');
  const refuse = (problem: string): Error =>
    appError('INFRA_HARDWARE_UNSUPPORTED', { hardware: key, problem });
  if (families.some((family) => OTHER_ACCELERATORS.test(family)))
    throw refuse('its accelerators need another machine image than those of CPUs and NVIDIA GPUs');
  if (isArm(plan) && gpus > 0)
    throw refuse('there is no machine image for GPUs beside Graviton processors');
  if (isArm(plan)) return ecs.AmiHardwareType.ARM;
  return gpus > 0 ? ecs.AmiHardwareType.GPU : ecs.AmiHardwareType.STANDARD;
}

function userDataOf(app: string, { gpus }: HardwarePlan): ec2.UserData {
  const userData = ec2.UserData.forLinux();
  const settings = {
    ...AGENT_SETTINGS,
    ECS_CONTAINER_INSTANCE_TAGS: JSON.stringify({ [APP_TAG]: app }),
  };
  for (const [name, value] of Object.entries(settings))
    userData.addCommands(`echo '${name}=${value}' >> /etc/ecs/ecs.config`);
  if (gpus > 0) userData.addCommands(NVIDIA_BY_DEFAULT);
  return userData;
}

function distributionOf({ market }: HardwarePlan): autoscaling.InstancesDistribution {
  if (market === 'spot') {
    return {
      onDemandBaseCapacity: 0,
      onDemandPercentageAboveBaseCapacity: 0,
      spotAllocationStrategy: autoscaling.SpotAllocationStrategy.PRICE_CAPACITY_OPTIMIZED,
    };
  }
  return {
    onDemandPercentageAboveBaseCapacity: 100,
    onDemandAllocationStrategy: autoscaling.OnDemandAllocationStrategy.PRIORITIZED,
  };
}
