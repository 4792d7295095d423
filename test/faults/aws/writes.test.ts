import { afterAll, beforeAll, describe, test } from 'vitest';
import type { Json } from '../../../runtime/state/json.ts';
import { AwsCampaign, endsAsUndisturbed } from '../../support/aws-campaign.ts';
import type { EmulatedApp } from '../../support/emulated-rig.ts';
import { HttpProxy, type ProxiedRequest, type ProxyHooks } from '../../support/http-proxy.ts';

/** Requests of a flow that change something: operation, start of the sort key, and the visits at which the flow is killed. */
const WRITES: readonly (readonly [operation: string, key: string, visits: readonly number[]])[] = [
  ['UpdateItem', 'L#', [1]],
  ['UpdateItem', 'S', [1]],
  ['PutItem', 'T#', [1, 4, 12]],
  ['PutItem', 'I#', [1, 2]],
  ['PutItem', 'R#', [1, 2, 3, 5]],
  ['PutItem', 'HW#', [1, 2]],
  ['PutItem', 'M#', [1, 2]],
  ['PutItem', 'B', [1]],
  ['BatchWriteItem', 'D#', [1]],
  ['LaunchInstances', '', [1]],
  ['RunTask', '', [1, 2]],
  ['UpdateContainerInstancesState', '', [1]],
  ['SetInstanceProtection', '', [1]],
  ['TerminateInstanceInAutoScalingGroup', '', [1]],
];

describe.concurrent('on AWS, a flow that is killed at a request ends as an undisturbed one', () => {
  let campaign: AwsCampaign;
  let expected: Json = null;
  /** What became of the flows that were to be killed while they removed deltas. */
  const removals: (typeof Killer.prototype.met)[] = [];
  beforeAll(async () => {
    campaign = await AwsCampaign.open();
    expected = await campaign.undisturbed();
  });
  afterAll(async () => {
    await campaign.close();
    if (removals.length > 0 && !removals.includes('killed'))
      throw new Error('no flow was killed while it removed deltas');
  });

  const cases = WRITES.flatMap(([operation, key, visits]) =>
    visits.flatMap((visit) =>
      (['before', 'after'] as const).map((when) => ({ operation, key, visit, when })),
    ),
  );
  test.for(cases)(
    '$when $operation $key, visit $visit',
    async ({ operation, key, visit, when }, { expect }) => {
      const killer = new Killer(operation, key, visit, when);
      const targets = [campaign.rig.dynamodb.endpoint, campaign.rig.emulator.endpoint];
      const proxies = await Promise.all(
        targets.map((target) => HttpProxy.open(target, killer.hooks)),
      );
      const [dynamodb, aws] = proxies.map(({ endpoint }) => endpoint);
      try {
        const run = await campaign.start({
          flowEnv: {
            AWS_ENDPOINT_URL_DYNAMODB: dynamodb ?? '',
            AWS_ENDPOINT_URL_ECS: aws ?? '',
            AWS_ENDPOINT_URL_EC2: aws ?? '',
            AWS_ENDPOINT_URL_AUTO_SCALING: aws ?? '',
          },
          onDeployed: (app) => killer.aimAt(app),
        });
        await endsAsUndisturbed(run, expected, expect);
        // An app that ends leaves what it still removes to its next flow: it may not begin with it, or not wait for answers.
        if (operation === 'BatchWriteItem') removals.push(killer.met);
        else {
          if (visit === 1) expect(killer.met, 'the flow made that request').not.toBeNull();
          expect(killer.met, 'it was killed').not.toBe('gone');
        }
        for (const [work, tasks] of run.app.tasksByWork)
          expect(tasks, `${work} was launched once`).toHaveLength(1);
      } finally {
        await Promise.all(proxies.map((proxy) => proxy.close()));
      }
    },
  );
});

/** Kills an app's flow when it makes its n-th request of a kind: before the service has it, or before its answer arrives. */
class Killer {
  /** What became of the flow at its request: `gone` when it had left by itself before the answer came. */
  met: 'killed' | 'gone' | null = null;
  readonly hooks: ProxyHooks;
  readonly #operation: string;
  readonly #key: string;
  #left: number;
  #it: ProxiedRequest | null = null;
  #app: EmulatedApp | null = null;

  constructor(operation: string, key: string, visit: number, when: 'before' | 'after') {
    this.#operation = operation;
    this.#key = key;
    this.#left = visit;
    this.hooks = {
      before: (request) => {
        if (!this.#isIt(request)) return 'pass';
        this.#it = request;
        if (when === 'after') return 'lose';
        this.#kill();
        return 'drop';
      },
      after: (request) => {
        if (request === this.#it) this.#kill();
      },
    };
  }

  aimAt(app: EmulatedApp): void {
    this.#app = app;
  }

  #isIt({ operation, body }: ProxiedRequest): boolean {
    if (this.#left === 0 || operation !== this.#operation) return false;
    const sortKey = /"sk":\{"S":"([^"]*)"/.exec(body.toString())?.[1] ?? '';
    if (!sortKey.startsWith(this.#key)) return false;
    this.#left -= 1;
    return this.#left === 0;
  }

  #kill(): void {
    this.met = (this.#app?.killFlow() ?? 0) > 0 ? 'killed' : 'gone';
  }
}
