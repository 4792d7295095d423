/** Prices that this machine has read from AWS: `$STORMKITE_HOME/prices.json`. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createClients, destroyClients } from '../backends/aws/clients.ts';
import { readPrices } from '../backends/aws/operate/read-prices.ts';
import { appError } from '../errors/index.ts';
import { hardwareClasses } from '../hardware/catalogue.ts';
import { priceSnapshot } from '../hardware/price-snapshot.ts';
import { priceListSchema, type PriceList } from '../hardware/prices.ts';

const PRICING_REGION = 'us-east-1';

export function priceFileOf(home: string): string {
  return join(home, 'prices.json');
}

/** What was read last; `null` when nothing was, or it cannot be read any more. */
export async function readPriceFile(home: string): Promise<PriceList | null> {
  try {
    const text = await readFile(priceFileOf(home), 'utf8');
    return priceListSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/**
 * Reads a region's prices from AWS and keeps them.
 *
 * @param more - instance types beside those that are known
 * @throws `AWS_CALL_FAILED`, `AWS_CREDENTIALS_MISSING`, `CLI_WRITE_FAILED`
 */
export async function refreshPrices(
  home: string,
  region: string,
  more: readonly string[] = [],
): Promise<PriceList> {
  const named = Object.values(hardwareClasses).flatMap(({ instanceTypes }) => [...instanceTypes]);
  const known = (await readPriceFile(home))?.onDemand ?? {};
  const types = new Set([
    ...named,
    ...Object.keys(priceSnapshot.onDemand),
    ...Object.keys(known),
    ...more,
  ]);
  const { pricing } = await createClients(PRICING_REGION, ['pricing']);
  const { ec2 } = await createClients(region, ['ec2']);
  try {
    const wish = { region, types: [...types], now: Date.now(), fallback: priceSnapshot };
    const prices = await readPrices({ pricing, ec2 }, wish);
    await write(home, prices);
    return prices;
  } finally {
    destroyClients({ pricing, ec2 });
  }
}

async function write(home: string, prices: PriceList): Promise<void> {
  const file = priceFileOf(home);
  try {
    await mkdir(home, { recursive: true });
    await writeFile(`${file}.${process.pid}`, `${JSON.stringify(prices, null, 2)}\n`);
    await rename(`${file}.${process.pid}`, file);
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw appError('CLI_WRITE_FAILED', { where: file, problem }, { cause });
  }
}
