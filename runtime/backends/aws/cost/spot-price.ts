import {
  _InstanceType as instanceTypes,
  DescribeSpotPriceHistoryCommand,
  type EC2Client,
} from '@aws-sdk/client-ec2';

/** Dollars an hour of a type in an availability zone; `null` when AWS does not tell. */
export async function spotPriceOf(
  client: EC2Client,
  type: string,
  zone: string,
  now: number,
): Promise<number | null> {
  const known = Object.values(instanceTypes).find((each) => each === type);
  if (known === undefined) return null;
  try {
    const answer = await client.send(
      new DescribeSpotPriceHistoryCommand({
        InstanceTypes: [known],
        AvailabilityZone: zone,
        ProductDescriptions: ['Linux/UNIX'],
        StartTime: new Date(now),
      }),
    );
    const price = Number(answer.SpotPriceHistory?.[0]?.SpotPrice ?? Number.NaN);
    return Number.isFinite(price) ? price : null;
  } catch {
    // Without an answer the price on demand counts: never less than what is paid.
    return null;
  }
}
