import { afterAll, beforeAll, describe, test } from 'vitest';
import { failpoints } from '../../../runtime/loop/failpoints.ts';
import type { Json } from '../../../runtime/state/json.ts';
import { AwsCampaign, endsAsUndisturbed } from '../../support/aws-campaign.ts';

/** The later visit at which the flow is killed too. */
const LATER = 3;
/** The last visit to places that this app comes by less often. */
const LAST: ReadonlyMap<string, number> = new Map([
  ['launch.before', 2],
  ['launch.after', 2],
  ['stop.before', 2],
  ['stop.after', 2],
  ['delete.before', 1],
  ['end.before', 1],
  ['end.after', 1],
]);

describe.concurrent('on AWS, a flow that is killed and replaced ends as an undisturbed one', () => {
  let campaign: AwsCampaign;
  let expected: Json = null;
  beforeAll(async () => {
    campaign = await AwsCampaign.open();
    expected = await campaign.undisturbed();
  });
  afterAll(() => campaign.close());

  const cases = failpoints.flatMap((name) =>
    [...new Set([1, LAST.get(name) ?? LATER])].map((visit) => ({ name, visit })),
  );
  test.for(cases)('at $name, visit $visit', async ({ name, visit }, { expect }) => {
    const run = await campaign.start({
      flowEnv: {
        STORMKITE_FAILPOINT: `${name}:${visit}`,
        STORMKITE_FAILPOINT_ONCE: campaign.markOf(`${name}-${visit}`),
      },
    });
    await endsAsUndisturbed(run, expected, expect);
    const kills = run.app.flowsStarted - 1;
    expect(kills, 'the flow was killed').toBeGreaterThanOrEqual(1);
    for (const [work, tasks] of run.app.tasksByWork)
      expect(tasks, `${work} was launched once`).toHaveLength(1);
  });
});
