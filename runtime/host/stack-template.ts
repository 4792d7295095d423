/** What the template of an app's stack says: what will be there, what of it costs while nothing runs, and what roles may do. */
import { z } from 'zod';
import type { IdleFacts } from './idle-costs.ts';
import { SMALLEST_FLOW } from './flow-size.ts';

const CPU_UNITS_PER_VCPU = 1_024;
const MIB_PER_GIB = 1_024;

const properties = z.record(z.string(), z.unknown());
const resource = z.object({
  Type: z.string(),
  DeletionPolicy: z.string().optional(),
  Properties: properties.optional(),
  Metadata: z.record(z.string(), z.unknown()).optional(),
});
const templateSchema = z.object({ Resources: z.record(z.string(), resource) });

export type StackTemplate = z.infer<typeof templateSchema>;

export function parseTemplate(text: string): StackTemplate {
  return templateSchema.parse(JSON.parse(text));
}

/** Types that people know by another name, in the order in which they are told. */
const WORDS: Readonly<Record<string, string>> = {
  'AWS::ECS::Service': 'ECS service of the flow',
  'AWS::ECS::Cluster': 'ECS cluster',
  'AWS::DynamoDB::Table': 'DynamoDB tables',
  'AWS::AutoScaling::AutoScalingGroup': 'Auto Scaling groups, none running',
  'AWS::ECS::CapacityProvider': 'capacity providers',
  'AWS::ECS::TaskDefinition': 'task definitions of the flow and the works',
  'AWS::IAM::Role': 'roles',
  'AWS::EC2::VPC': 'VPC',
  'AWS::EC2::Subnet': 'subnets',
  'AWS::EC2::NatGateway': 'NAT gateways',
  'AWS::EC2::VPCEndpoint': 'VPC endpoints',
  'AWS::EC2::SecurityGroup': 'security groups',
  'AWS::ElasticLoadBalancingV2::LoadBalancer': 'load balancers',
  'AWS::SecretsManager::Secret': 'secrets',
  'AWS::Logs::LogGroup': 'CloudWatch log groups',
  'AWS::Lambda::Function': 'Lambda functions',
  'AWS::Budgets::Budget': 'budgets',
};

/** Everything that the stack will have, by kind. */
export function resourceCounts(template: StackTemplate): { what: string; count: number }[] {
  const counts = new Map<string, number>();
  for (const { Type } of Object.values(template.Resources))
    counts.set(Type, (counts.get(Type) ?? 0) + 1);
  const known = Object.keys(WORDS).filter((type) => counts.has(type));
  const others = [...counts.keys()].filter((type) => !(type in WORDS)).toSorted();
  return [...known, ...others].map((type) => ({
    what: WORDS[type] ?? type,
    count: counts.get(type) ?? 0,
  }));
}

const flowDefinition = z.object({
  Cpu: z.coerce.number(),
  Memory: z.coerce.number(),
  RequiresCompatibilities: z.array(z.string()),
});
const service = z.object({
  NetworkConfiguration: z.object({
    AwsvpcConfiguration: z.object({ AssignPublicIp: z.string().optional() }),
  }),
});
const endpoint = z.object({
  VpcEndpointType: z.literal('Interface'),
  SubnetIds: z.array(z.unknown()),
});
const balancer = z.object({ Scheme: z.string(), Subnets: z.array(z.unknown()) });

/** What of the stack is billed by the month. */
export function idleFactsOf(template: StackTemplate): IdleFacts {
  const of = (type: string) =>
    Object.values(template.Resources).flatMap(({ Type, Properties }) =>
      Type === type ? [Properties ?? {}] : [],
    );
  const parsed = <T>(type: string, schema: z.ZodType<T>): T[] =>
    of(type).flatMap((each) => schema.safeParse(each).data ?? []);
  const [flow] = parsed('AWS::ECS::TaskDefinition', flowDefinition).filter(
    ({ RequiresCompatibilities: kinds }) => kinds.includes('FARGATE'),
  );
  return {
    flow:
      flow === undefined
        ? SMALLEST_FLOW
        : { vcpus: flow.Cpu / CPU_UNITS_PER_VCPU, memoryGiB: flow.Memory / MIB_PER_GIB },
    hasPublicIps: parsed('AWS::ECS::Service', service).some(
      ({ NetworkConfiguration: { AwsvpcConfiguration: network } }) =>
        network.AssignPublicIp === 'ENABLED',
    ),
    secrets: of('AWS::SecretsManager::Secret').length,
    capacityProviders: of('AWS::ECS::CapacityProvider').length,
    balancerAddresses: parsed('AWS::ElasticLoadBalancingV2::LoadBalancer', balancer).map(
      ({ Scheme, Subnets }) => (Scheme === 'internet-facing' ? Subnets.length : 0),
    ),
    endpointZones: parsed('AWS::EC2::VPCEndpoint', endpoint).reduce(
      (sum, { SubnetIds }) => sum + SubnetIds.length,
      0,
    ),
    natGateways: of('AWS::EC2::NatGateway').length,
  };
}
