/**
 * What a deployment would make, may do and would cost: read from the template of its stack, without an account. Where the CDK is not
 * installed, it is worked out from the app alone.
 */
import { z } from 'zod';
import { hardwareKeyOf } from '../backends/aws/contract.ts';
import { planDeployment, type HardwarePlan } from '../backends/aws/deployment-plan.ts';
import { machinePerHour, type PriceList } from '../hardware/prices.ts';
import { envSecretsOf } from './deploy-secrets.ts';
import { flowSizeOf } from './flow-size.ts';
import { roleStatements, roleStatementsSchema } from './iam-statements.ts';
import { idleCosts, type IdleFacts } from './idle-costs.ts';
import type { Manifest } from './manifest.ts';
import { idleFactsOf, resourceCounts, type StackTemplate } from './stack-template.ts';

/** Of a private network of its own: kinds of endpoints, and zones. */
const ENDPOINTS = 12;
const ZONES = 2;

const money = z.number().describe('dollars');

/** Schema of {@link DeploySummary}. */
export const deploySummarySchema = z.object({
  app: z.string(),
  stack: z.string(),
  region: z.string().describe('empty: the one of the credentials'),
  source: z
    .enum(['template', 'app'])
    .describe('app: worked out without the CDK, which may refuse or add something'),
  resources: z.array(z.object({ what: z.string(), count: z.number() })),
  idlePerMonth: z.object({
    total: money,
    parts: z.array(z.object({ what: z.string(), dollars: money })),
  }),
  works: z.array(
    z.object({
      name: z.string(),
      class: z.string(),
      hardware: z.string(),
      instanceType: z.string().describe('the first that is tried'),
      market: z.enum(['on-demand', 'spot']),
      perHour: money.nullable().describe('while it runs; null: no price is known'),
      shared: z.boolean().describe('its part of a machine'),
      budgetPerDay: money.nullable(),
    }),
  ),
  permissions: z.array(z.object({ role: z.string(), may: z.array(z.string()) })),
  iam: z.array(roleStatementsSchema).nullable().describe('null without a template'),
  secrets: z
    .array(z.string())
    .describe('variables whose values are taken from the environment and stored'),
  budgetPerDay: money.nullable(),
  prices: z.object({ region: z.string(), date: z.string(), source: z.string() }),
});

export type DeploySummary = z.infer<typeof deploySummarySchema>;

export interface SummaryInput {
  readonly app: string;
  readonly stack: string;
  readonly region: string;
  readonly prices: PriceList;
  /** `-c name=value` of the user. */
  readonly context: Readonly<Record<string, string>>;
  /** `null` where it cannot be made. */
  readonly template: StackTemplate | null;
}

/** @throws `INFRA_FLOW_HARDWARE`, `HARDWARE_SIZE_UNKNOWN` */
export function summarise(manifest: Manifest, input: SummaryInput): DeploySummary {
  const { app, stack, region, prices, context, template } = input;
  const plan = planDeployment(manifest);
  const byKey = new Map(plan.hardware.map((each) => [each.key, each]));
  const definitions = plan.classes.reduce(
    (sum, { variants }) => sum + Object.keys(variants).length,
    0,
  );
  const facts =
    template === null
      ? expectedFacts(manifest, plan.hardware.length, context)
      : idleFactsOf(template);
  return {
    app,
    stack,
    region,
    source: template === null ? 'app' : 'template',
    resources:
      template === null
        ? [
            ...(context['vpcId'] === undefined
              ? [{ what: 'VPC with two subnets, no NAT', count: 1 }]
              : []),
            { what: 'ECS cluster with the service of the flow', count: 1 },
            ...facts.balancerAddresses.map(() => ({ what: 'load balancer', count: 1 })),
            { what: 'DynamoDB tables: State, Deltas', count: 2 },
            {
              what: 'Auto Scaling groups with capacity providers, none running',
              count: plan.hardware.length,
            },
            { what: 'task definitions of works', count: definitions },
            { what: 'roles of work classes', count: plan.classes.length },
            { what: 'CloudWatch log group', count: 1 },
          ]
        : resourceCounts(template),
    idlePerMonth: idleCosts(facts, prices),
    works: manifest.components.flatMap((each) => {
      if (each.kind !== 'work') return [];
      const hardware = byKey.get(hardwareKeyOf(each.hardware));
      return [toWork(each, hardware, prices, facts.hasPublicIps)];
    }),
    permissions: [
      {
        role: 'flow',
        may: [
          'read and write both tables',
          'run, stop and describe tasks of its cluster',
          'start and end instances of its groups',
          'hand its works’ roles to ECS',
          'read its log group',
        ],
      },
      ...plan.classes.map(({ id, name, secrets }) => ({
        role: name,
        may: [
          `read and append items of its own works (W#${id}#…)`,
          'read the lease of the app, the artifact',
          ...secrets.map((source) => `read the secret ${source}`),
        ],
      })),
    ],
    iam: template === null ? null : roleStatements(template),
    secrets: [...envSecretsOf(manifest).keys()],
    budgetPerDay: manifest.options.budget?.dollarsPerDay ?? null,
    prices: { region: prices.region, date: prices.date, source: prices.source },
  };
}

/** What the stack will have, by what the app and the user say. */
function expectedFacts(
  { options }: Manifest,
  capacityProviders: number,
  context: Readonly<Record<string, string>>,
): IdleFacts {
  const isPrivate = context['network'] === 'private';
  const hasOwnNetwork = context['vpcId'] === undefined;
  return {
    flow: flowSizeOf(options.flowCloudCompute?.name ?? null),
    hasPublicIps: !isPrivate,
    secrets: 1,
    capacityProviders,
    balancerAddresses: context['ui'] === 'alb' ? [isPrivate ? 0 : ZONES] : [],
    endpointZones: isPrivate && hasOwnNetwork ? ENDPOINTS * ZONES : 0,
    natGateways: 0,
  };
}

type WorkOf = Extract<Manifest['components'][number], { kind: 'work' }>;

function toWork(
  work: WorkOf,
  hardware: HardwarePlan | undefined,
  prices: PriceList,
  hasPublicIp: boolean,
): DeploySummary['works'][number] {
  const [instanceType = ''] = hardware?.instanceTypes ?? [];
  const market = hardware?.market ?? 'on-demand';
  const machine = {
    type: instanceType,
    market,
    diskGiB: hardware?.diskGiB ?? 0,
    hasPublicIp,
  } as const;
  const whole = machinePerHour(prices, machine);
  const share = hardware?.shared ? 1 / hardware.vcpus : 1;
  return {
    name: work.name,
    class: work.class,
    hardware: work.hardware.name,
    instanceType,
    market,
    perHour: whole === null ? null : Math.round(whole * share * 1e4) / 1e4,
    shared: hardware?.shared ?? false,
    budgetPerDay: work.budget?.dollarsPerDay ?? null,
  };
}
