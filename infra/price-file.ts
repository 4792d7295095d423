import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { appError } from '../runtime/errors/index.ts';
import type { PreparedApp } from './prepared-app.ts';

const byType = z.record(z.string(), z.number());
/** The flow checks the rest (`runtime/hardware/prices.ts`). */
const priceFile = z.looseObject({
  version: z.number(),
  region: z.string(),
  onDemand: byType,
  spot: byType,
});

/**
 * A price list with the instance types that an app can have, as JSON: all types would not fit into a task definition.
 *
 * @throws `INFRA_PROP_INVALID`
 */
export function readPrices(path: string, { plan }: PreparedApp): string {
  const types = new Set(plan.hardware.flatMap(({ instanceTypes }) => instanceTypes));
  const only = (prices: Readonly<Record<string, number>>): Record<string, number> =>
    Object.fromEntries(Object.entries(prices).filter(([type]) => types.has(type)));
  try {
    const list = priceFile.parse(JSON.parse(readFileSync(path, 'utf8')));
    return JSON.stringify({ ...list, onDemand: only(list.onDemand), spot: only(list.spot) });
  } catch (cause) {
    throw appError(
      'INFRA_PROP_INVALID',
      { prop: 'prices', value: JSON.stringify(path), allowed: 'the path of a price list' },
      { cause },
    );
  }
}
