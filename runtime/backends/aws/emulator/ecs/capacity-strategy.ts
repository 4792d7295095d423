/** Which capacity provider each task of a request gets. */
import type { Cluster, StrategyItem } from './cluster.ts';

/** The request's strategy, else the cluster's; a launch type means none. */
export function strategyOf(
  input: {
    readonly launchType?: string | undefined;
    readonly capacityProviderStrategy: readonly StrategyItem[];
  },
  cluster: Cluster,
): readonly StrategyItem[] {
  if (input.launchType !== undefined) return [];
  return input.capacityProviderStrategy.length > 0
    ? input.capacityProviderStrategy
    : cluster.defaultStrategy;
}

/** A provider for each task: bases first, then by weight; `null` for a launch type. */
export function providersOf(
  strategies: readonly StrategyItem[],
  count: number,
): readonly (string | null)[] {
  const given = new Map(strategies.map(({ capacityProvider }) => [capacityProvider, 0]));
  return Array.from({ length: count }, () => {
    const next =
      strategies.find((each) => (given.get(each.capacityProvider) ?? 0) < each.base) ??
      strategies
        .filter(({ weight }) => weight > 0)
        .toSorted((a, b) => share(a, given) - share(b, given))[0] ??
      strategies[0];
    if (next === undefined) return null;
    given.set(next.capacityProvider, (given.get(next.capacityProvider) ?? 0) + 1);
    return next.capacityProvider;
  });
}

function share(
  { capacityProvider, weight, base }: StrategyItem,
  given: ReadonlyMap<string, number>,
): number {
  return ((given.get(capacityProvider) ?? 0) - base) / weight;
}
