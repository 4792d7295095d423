/** What a flow on AWS does with costs: counts them, shows them in the state, keeps budgets. */
import type { AwsBackendOptions } from '../backends/aws/aws-backend.ts';
import { PRICES_VARIABLE } from '../backends/aws/contract.ts';
import { CostKeeper } from '../backends/aws/cost/cost-keeper.ts';
import { spotPriceOf } from '../backends/aws/cost/spot-price.ts';
import type { App } from '../component/app.ts';
import { componentByName, isWork } from '../component/tree.ts';
import { OPTIONS } from '../component/work-symbols.ts';
import type { ResolvedWorkOptions } from '../component/work-options.ts';
import { priceListSchema, pricesFor } from '../hardware/prices.ts';
import type { FlowLoop } from '../loop/flow-loop.ts';
import { readTaskVariable } from './task-environment.ts';

/** Key of the app's state. */
export const COST_KEY = 'cost';

export interface FlowCostOptions extends Pick<
  AwsBackendOptions,
  'deployment' | 'clients' | 'lease' | 'clock' | 'warn'
> {
  readonly app: App;
  readonly env: NodeJS.ProcessEnv;
}

/** Takes up what earlier flows have counted. */
export async function openCosts(options: FlowCostOptions): Promise<CostKeeper> {
  const { app, deployment, clients, lease, clock, env, warn } = options;
  const given =
    env[PRICES_VARIABLE] === undefined
      ? null
      : readTaskVariable(env, PRICES_VARIABLE, priceListSchema);
  return await CostKeeper.open({
    deployment,
    prices: pricesFor(deployment.region, given),
    records: lease.items,
    clock,
    budgets: {
      app: app.options.budget?.dollarsPerDay ?? null,
      of: (work) => optionsOf(app, work)?.budget?.dollarsPerDay ?? null,
    },
    askSpotPrice: (type, zone) => spotPriceOf(clients.ec2, type, zone, clock.now()),
    warn,
  });
}

/** Shows costs in the state of a loop; gives what ends that. */
export function followCosts(app: App, loop: FlowLoop, costs: CostKeeper): () => void {
  costs.follow((cost) => loop.setAppState(COST_KEY, cost));
  /** Since when the call of a work runs. */
  const running = new Map<string, number>();
  // Calls that an earlier flow began.
  for (const { name, status } of loop.works())
    if (status.stage === 'running') running.set(name, status.timestamp);
  return loop.subscribe((event) => {
    if (event.type !== 'status') return;
    const { work, status } = event;
    if (status.stage === 'running') running.set(work, status.timestamp);
    const since = running.get(work);
    if (status.stage === 'running' || since === undefined) return;
    running.delete(work);
    const timeoutMs = optionsOf(app, work)?.timeoutMs ?? null;
    if (status.stage !== 'stopped' || timeoutMs === null) return;
    const savedMs = timeoutMs - (status.timestamp - since);
    if (savedMs > 0) costs.stoppedEarly(work, savedMs);
  });
}

function optionsOf(app: App, work: string): ResolvedWorkOptions | null {
  try {
    const component = componentByName(app.flow, work);
    return isWork(component) ? component[OPTIONS] : null;
  } catch {
    // It was deleted meanwhile.
    return null;
  }
}
