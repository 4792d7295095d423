/** What a deployed app costs in a month while none of its works runs. */
import { fargatePerHour, HOURS_PER_MONTH, type PriceList } from '../hardware/prices.ts';
import type { FlowSize } from './flow-size.ts';

/** Dollars a month: a secret of Secrets Manager; an alarm, two for each capacity provider; renewing the lease. */
const SECRET_MONTH = 0.4;
const ALARM_MONTH = 0.1;
const ALARMS_PER_PROVIDER = 2;
const LEASE_MONTH = 0.32;
/** Dollars an hour: a load balancer without traffic; an interface endpoint in one zone; a NAT gateway without traffic. */
const BALANCER_HOUR = 0.0225;
const ENDPOINT_HOUR = 0.01;
const NAT_HOUR = 0.045;

export interface IdleFacts {
  readonly flow: FlowSize;
  /** Of the flow, and of the works' machines. */
  readonly hasPublicIps: boolean;
  readonly secrets: number;
  readonly capacityProviders: number;
  /** Public addresses of each load balancer. */
  readonly balancerAddresses: readonly number[];
  /** Interface endpoints, one for each zone. */
  readonly endpointZones: number;
  readonly natGateways: number;
}

export interface IdleCosts {
  total: number;
  parts: { what: string; dollars: number }[];
}

/** In dollars; what costs nothing is left out. */
export function idleCosts(facts: IdleFacts, prices: PriceList): IdleCosts {
  const { flow, hasPublicIps, secrets, capacityProviders, endpointZones, natGateways } = facts;
  const { balancerAddresses } = facts;
  const addresses = balancerAddresses.reduce((sum, count) => sum + count, 0);
  const monthly = (perHour: number): number => perHour * HOURS_PER_MONTH;
  const parts = [
    {
      what: `the flow: Fargate, ${flow.vcpus} vCPU, ${flow.memoryGiB} GB, with${hasPublicIps ? ' a' : 'out a'} public address`,
      dollars: monthly(flowPerHour(flow, hasPublicIps, prices)),
    },
    {
      what: `load balancer with ${addresses} public addresses, before its traffic`,
      dollars: monthly(
        balancerAddresses.length * BALANCER_HOUR + addresses * prices.publicIpv4Hour,
      ),
    },
    {
      what: `private network: ${endpointZones} interface endpoints, counted by zone`,
      dollars: monthly(endpointZones * ENDPOINT_HOUR),
    },
    {
      what: `${natGateways} NAT gateways, before their traffic`,
      dollars: monthly(natGateways * NAT_HOUR),
    },
    { what: 'token in Secrets Manager', dollars: secrets * SECRET_MONTH },
    {
      what: `alarms of ${capacityProviders} capacity providers`,
      dollars: capacityProviders * ALARMS_PER_PROVIDER * ALARM_MONTH,
    },
    { what: "DynamoDB: the flow's lease", dollars: LEASE_MONTH },
  ]
    .map(({ what, dollars }) => ({ what, dollars: cents(dollars) }))
    .filter(({ dollars }) => dollars > 0);
  return { total: cents(parts.reduce((sum, part) => sum + part.dollars, 0)), parts };
}

/** Dollars an hour of a flow's task. */
export function flowPerHour(flow: FlowSize, hasPublicIp: boolean, prices: PriceList): number {
  return fargatePerHour(prices, flow) - (hasPublicIp ? 0 : prices.publicIpv4Hour);
}

function cents(dollars: number): number {
  return Math.round(dollars * 100) / 100;
}
