/** Reads a region's prices from AWS: on demand, Fargate, disks and addresses from the Pricing API, spot from EC2. */
import {
  _InstanceType as instanceTypes,
  DescribeSpotPriceHistoryCommand,
  type EC2Client,
} from '@aws-sdk/client-ec2';
import { GetProductsCommand, type PricingClient } from '@aws-sdk/client-pricing';
import { z } from 'zod';
import type { PriceList } from '../../../hardware/prices.ts';
import { attempt } from './aws-error.ts';

/** Requests under way at a time: the Pricing API allows few. */
const AT_ONCE = 4;

const productSchema = z.object({
  product: z.object({ attributes: z.record(z.string(), z.string()) }),
  terms: z.object({
    OnDemand: z
      .record(
        z.string(),
        z.object({
          priceDimensions: z.record(
            z.string(),
            z.object({ pricePerUnit: z.object({ USD: z.string().optional() }) }),
          ),
        }),
      )
      .optional(),
  }),
});
type Product = z.infer<typeof productSchema>;

export interface PriceClients {
  /** Of us-east-1: there the API is. */
  readonly pricing: PricingClient;
  /** Of the region whose prices are wanted. */
  readonly ec2: EC2Client;
}

export interface PriceWish {
  readonly region: string;
  readonly types: readonly string[];
  /** Epoch milliseconds. */
  readonly now: number;
  /** What is taken where AWS tells nothing of Fargate, disks and addresses. */
  readonly fallback: PriceList;
}

/** @throws `AWS_CALL_FAILED`, `AWS_CREDENTIALS_MISSING` */
export async function readPrices(clients: PriceClients, wish: PriceWish): Promise<PriceList> {
  const { region, types, now, fallback } = wish;
  const onDemand: Record<string, number> = {};
  const left = [...types];
  const work = async (): Promise<void> => {
    for (let type = left.shift(); type !== undefined; type = left.shift()) {
      const price = await instancePrice(clients.pricing, region, type);
      if (price !== null) onDemand[type] = price;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const { arm64, x86 } = fallback.fargate;
  const fargate = await products(clients.pricing, 'AmazonECS', { regionCode: region });
  const unit = (ending: string, known: number): number =>
    firstPrice(fargate.filter(({ product }) => isUsage(product.attributes, ending))) ?? known;
  const disk = await products(clients.pricing, 'AmazonEC2', {
    regionCode: region,
    productFamily: 'Storage',
    volumeApiName: 'gp3',
  });
  const address = await products(clients.pricing, 'AmazonVPC', {
    regionCode: region,
    group: 'VPCPublicIPv4Address',
  });
  return {
    version: 1,
    region,
    date: new Date(now).toISOString().slice(0, 10),
    source: 'AWS Price List API, EC2 spot price history',
    onDemand: sorted(onDemand),
    spot: sorted(await spotPrices(clients.ec2, Object.keys(onDemand), now)),
    fargate: {
      arm64: {
        vcpuHour: unit('Fargate-ARM-vCPU-Hours:perCPU', arm64.vcpuHour),
        gibHour: unit('Fargate-ARM-GB-Hours', arm64.gibHour),
      },
      x86: {
        vcpuHour: unit('Fargate-vCPU-Hours:perCPU', x86.vcpuHour),
        gibHour: unit('Fargate-GB-Hours', x86.gibHour),
      },
    },
    gp3GibMonth: firstPrice(disk) ?? fallback.gp3GibMonth,
    publicIpv4Hour:
      firstPrice(address.filter(({ product }) => isUsage(product.attributes, 'InUseAddress'))) ??
      fallback.publicIpv4Hour,
  };
}

async function instancePrice(
  client: PricingClient,
  region: string,
  type: string,
): Promise<number | null> {
  const found = await products(client, 'AmazonEC2', {
    regionCode: region,
    instanceType: type,
    operatingSystem: 'Linux',
    tenancy: 'Shared',
    preInstalledSw: 'NA',
    capacitystatus: 'Used',
  });
  return firstPrice(found);
}

async function products(
  client: PricingClient,
  ServiceCode: string,
  filters: Readonly<Record<string, string>>,
): Promise<Product[]> {
  const found: Product[] = [];
  let NextToken: string | undefined;
  do {
    const input = {
      ServiceCode,
      NextToken,
      Filters: Object.entries(filters).map(([Field, Value]) => ({
        Type: 'TERM_MATCH' as const,
        Field,
        Value,
      })),
    };
    const page = await attempt('reading prices', () => client.send(new GetProductsCommand(input)));
    for (const text of page.PriceList ?? []) {
      const parsed = productSchema.safeParse(JSON.parse(String(text)));
      if (parsed.success) found.push(parsed.data);
    }
    ({ NextToken } = page);
  } while (NextToken !== undefined);
  return found;
}

/** Dollars of a unit. A product without a price, or with a price of nothing, tells none: others of the kind may. */
function firstPrice(products: readonly Product[]): number | null {
  for (const { priceDimensions } of products.flatMap(({ terms }) =>
    Object.values(terms.OnDemand ?? {}),
  ))
    for (const { pricePerUnit } of Object.values(priceDimensions)) {
      const dollars = Number(pricePerUnit.USD ?? Number.NaN);
      if (Number.isFinite(dollars) && dollars > 0) return dollars;
    }
  return null;
}

/** Usage types begin with a region's short name, except in the oldest one. */
function isUsage({ usagetype = '' }: Readonly<Record<string, string>>, ending: string): boolean {
  return (
    usagetype === ending || usagetype.endsWith(`-${ending}`) || usagetype.endsWith(`:${ending}`)
  );
}

/** The mean of a region's zones. */
async function spotPrices(
  client: EC2Client,
  types: readonly string[],
  now: number,
): Promise<Record<string, number>> {
  const known = Object.values(instanceTypes).filter((type) => types.includes(type));
  if (known.length === 0) return {};
  const answer = await attempt('reading spot prices', () =>
    client.send(
      new DescribeSpotPriceHistoryCommand({
        InstanceTypes: known,
        ProductDescriptions: ['Linux/UNIX'],
        StartTime: new Date(now),
      }),
    ),
  );
  const byType = new Map<string, number[]>();
  for (const { InstanceType: type = '', SpotPrice } of answer.SpotPriceHistory ?? []) {
    const price = Number(SpotPrice ?? Number.NaN);
    if (Number.isFinite(price)) byType.set(type, [...(byType.get(type) ?? []), price]);
  }
  const means = [...byType].map(([type, all]) => {
    const mean = all.reduce((sum, price) => sum + price, 0) / all.length;
    return [type, Math.round(mean * 1e6) / 1e6] as const;
  });
  return Object.fromEntries(means);
}

function sorted(prices: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(prices).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
