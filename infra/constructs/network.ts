/**
 * Where tasks and machines are.
 *
 * W1 Nothing connects to the flow unless `ui` says so.
 * W2 Only the flow and the works themselves connect to works, on the ports that bridge mode gives out.
 * W3 A network of our own has no NAT: bridge mode lets works share their machine's public address.
 */
import { aws_ec2 as ec2, Tags, Validations } from 'aws-cdk-lib';
import { Construct, type IDependable } from 'constructs';
import { DYNAMIC_PORTS } from '../../runtime/backends/aws/contract.ts';
import { appError } from '../../runtime/errors/index.ts';
import type { NetworkKind } from '../stormkite-app-props.ts';
import { asInterface } from './cdk-types.ts';

const { InterfaceVpcEndpointAwsService: Services } = ec2;

/** What the hosts and the ECS agent call; S3 and DynamoDB have free gateway endpoints. */
const INTERFACE_ENDPOINTS: Readonly<Record<string, ec2.InterfaceVpcEndpointAwsService>> = {
  AutoScaling: Services.AUTOSCALING,
  DynamoDbStreams: Services.DYNAMODB_STREAMS,
  Ec2: Services.EC2,
  Ecr: Services.ECR,
  EcrDocker: Services.ECR_DOCKER,
  Ecs: Services.ECS,
  EcsAgent: Services.ECS_AGENT,
  EcsTelemetry: Services.ECS_TELEMETRY,
  Logs: Services.CLOUDWATCH_LOGS,
  SecretsManager: Services.SECRETS_MANAGER,
  Ssm: Services.SSM,
  SsmMessages: Services.SSM_MESSAGES,
};

export interface NetworkProps {
  readonly kind: NetworkKind;
  readonly vpc: ec2.IVpc | undefined;
  readonly subnets: ec2.SubnetSelection | undefined;
}

export class Network extends Construct {
  readonly vpc: ec2.IVpc;
  /** For tasks and machines. */
  readonly subnets: ec2.SelectedSubnets;
  readonly isPublic: boolean;
  /** Whether images and packages from the internet cannot be had. */
  readonly isIsolated: boolean;
  /** The way to AWS and to the internet: to be there before tasks and machines, and to go after them. */
  readonly connectivity: IDependable;
  readonly flowSecurityGroup: ec2.SecurityGroup;
  readonly workSecurityGroup: ec2.SecurityGroup;

  constructor(scope: Construct, id: string, { kind, vpc, subnets }: NetworkProps) {
    super(scope, id);
    this.isPublic = kind === 'public';
    this.vpc = vpc ?? asInterface<ec2.IVpc>(this.#makeVpc());
    this.isIsolated = vpc === undefined && !this.isPublic;
    this.subnets = this.#select(subnets);
    this.connectivity = vpc === undefined ? this.vpc : this.subnets.internetConnectivityEstablished;
    this.flowSecurityGroup = new ec2.SecurityGroup(this, 'FlowSecurityGroup', {
      vpc: this.vpc,
      description: 'Stormkite flow: answers nobody unless the ui prop says so',
    });
    this.workSecurityGroup = new ec2.SecurityGroup(this, 'WorkSecurityGroup', {
      vpc: this.vpc,
      description: 'Stormkite works: reached by their flow and by one another',
    });
    const ports = ec2.Port.tcpRange(DYNAMIC_PORTS.from, DYNAMIC_PORTS.to);
    this.workSecurityGroup.addIngressRule(
      this.flowSecurityGroup,
      ports,
      'The flow, to servers of works',
    );
    this.workSecurityGroup.addIngressRule(
      this.workSecurityGroup,
      ports,
      'Works, to servers of works',
    );
  }

  #makeVpc(): ec2.Vpc {
    const subnetType = this.isPublic ? ec2.SubnetType.PUBLIC : ec2.SubnetType.PRIVATE_ISOLATED;
    const vpc = new ec2.Vpc(this, 'Vpc', {
      maxAzs: 2,
      natGateways: 0,
      // Addresses are asked for where they are needed.
      subnetConfiguration: [
        {
          name: this.isPublic ? 'Public' : 'Private',
          subnetType,
          cidrMask: 20,
          ...(this.isPublic ? { mapPublicIpOnLaunch: false } : {}),
        },
      ],
      restrictDefaultSecurityGroup: false,
      gatewayEndpoints: {
        S3: { service: ec2.GatewayVpcEndpointAwsService.S3 },
        DynamoDb: { service: ec2.GatewayVpcEndpointAwsService.DYNAMODB },
      },
    });
    Tags.of(vpc).add('Name', vpc.node.path);
    Validations.of(vpc).acknowledge({
      id: 'AwsSolutions-VPC7',
      reason:
        'Flow logs cost by volume and are a policy of the account: use an existing vpc that has them, or add them to app.network.vpc',
    });
    if (this.isPublic) return vpc;
    for (const [name, service] of Object.entries(INTERFACE_ENDPOINTS))
      vpc.addInterfaceEndpoint(name, { service });
    Validations.of(vpc).acknowledge({
      id: 'AwsSolutions-EC23',
      reason: 'Endpoints admit the range of the network only; the rule cannot read it',
    });
    return vpc;
  }

  #select(selection: ec2.SubnetSelection | undefined): ec2.SelectedSubnets {
    const { vpc } = this;
    const { PUBLIC, PRIVATE_WITH_EGRESS, PRIVATE_ISOLATED } = ec2.SubnetType;
    const hasEgress = vpc.privateSubnets.length > 0;
    const privateType = hasEgress ? PRIVATE_WITH_EGRESS : PRIVATE_ISOLATED;
    const subnetType = this.isPublic ? PUBLIC : privateType;
    const isThere = this.isPublic
      ? vpc.publicSubnets.length > 0
      : hasEgress || vpc.isolatedSubnets.length > 0;
    if (selection === undefined && !isThere)
      throw appError('INFRA_SUBNETS_MISSING', { kind: this.isPublic ? 'public' : 'private' });
    return vpc.selectSubnets(selection ?? { subnetType });
  }
}
