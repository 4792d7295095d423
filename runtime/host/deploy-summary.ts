/** What a deployment would make, may do and would cost: worked out from the app alone, without an account. */
import { z } from 'zod';
import { hardwareKeyOf, stackNameOf } from '../backends/aws/contract.ts';
import { planDeployment, type HardwarePlan } from '../backends/aws/deployment-plan.ts';
import {
  fargatePerHour,
  HOURS_PER_MONTH,
  machinePerHour,
  type PriceList,
} from '../hardware/prices.ts';
import type { Manifest } from './manifest.ts';

const FLOW = { vcpus: 0.25, memoryGiB: 0.5 };
/** Dollars a month: a secret of Secrets Manager; an alarm, two for each capacity provider; renewing the lease. */
const SECRET_MONTH = 0.4;
const ALARM_MONTH = 0.1;
const ALARMS_PER_PROVIDER = 2;
const LEASE_MONTH = 0.32;

const money = z.number().describe('dollars');

/** Schema of {@link DeploySummary}. */
export const deploySummarySchema = z.object({
  app: z.string(),
  stack: z.string(),
  region: z.string().describe('empty: the one of the credentials'),
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
  budgetPerDay: money.nullable(),
  prices: z.object({ region: z.string(), date: z.string(), source: z.string() }),
});

export type DeploySummary = z.infer<typeof deploySummarySchema>;

export function summarise(
  app: string,
  manifest: Manifest,
  { prices, region }: { readonly prices: PriceList; readonly region: string },
): DeploySummary {
  const plan = planDeployment(manifest);
  const byKey = new Map(plan.hardware.map((each) => [each.key, each]));
  const definitions = plan.classes.reduce(
    (sum, { variants }) => sum + Object.keys(variants).length,
    0,
  );
  const parts = [
    {
      what: 'the flow: Fargate, 0.25 vCPU, 0.5 GB, with a public address',
      dollars: fargatePerHour(prices, FLOW) * HOURS_PER_MONTH,
    },
    { what: 'token in Secrets Manager', dollars: SECRET_MONTH },
    {
      what: `alarms of ${plan.hardware.length} capacity providers`,
      dollars: plan.hardware.length * ALARMS_PER_PROVIDER * ALARM_MONTH,
    },
    { what: "DynamoDB: the flow's lease", dollars: LEASE_MONTH },
  ].map(({ what, dollars }) => ({ what, dollars: cents(dollars) }));
  return {
    app,
    stack: stackNameOf(app),
    region,
    resources: [
      { what: 'VPC with two public subnets, no NAT', count: 1 },
      { what: 'ECS cluster with the service of the flow', count: 1 },
      { what: 'DynamoDB tables: State, Deltas', count: 2 },
      {
        what: 'Auto Scaling groups with capacity providers, none running',
        count: plan.hardware.length,
      },
      { what: 'task definitions of works', count: definitions },
      { what: 'roles of work classes', count: plan.classes.length },
      { what: 'CloudWatch log group', count: 1 },
    ],
    idlePerMonth: { total: cents(parts.reduce((sum, part) => sum + part.dollars, 0)), parts },
    works: manifest.components.flatMap((each) => {
      if (each.kind !== 'work') return [];
      const hardware = byKey.get(hardwareKeyOf(each.hardware));
      return [toWork(each, hardware, prices)];
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
    budgetPerDay: manifest.options.budget?.dollarsPerDay ?? null,
    prices: { region: prices.region, date: prices.date, source: prices.source },
  };
}

type WorkOf = Extract<Manifest['components'][number], { kind: 'work' }>;

function toWork(
  work: WorkOf,
  hardware: HardwarePlan | undefined,
  prices: PriceList,
): DeploySummary['works'][number] {
  const [instanceType = ''] = hardware?.instanceTypes ?? [];
  const market = hardware?.market ?? 'on-demand';
  const machine = {
    type: instanceType,
    market,
    diskGiB: hardware?.diskGiB ?? 0,
    hasPublicIp: true,
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

function cents(dollars: number): number {
  return Math.round(dollars * 100) / 100;
}
