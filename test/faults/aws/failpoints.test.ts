import { afterAll, beforeAll, describe, test } from 'vitest';
import { failpoints } from '../../../runtime/loop/failpoints.ts';
import type { Json } from '../../../runtime/state/json.ts';
import { AwsCampaign, endsAsUndisturbed } from '../../support/aws-campaign.ts';

/** The visits at which the flow is killed. */
const VISITS = [1, 3];
/** Places that this app comes by so seldom that a later visit never happens. */
const ONCE: ReadonlySet<string> = new Set(['delete.before', 'end.before', 'end.after']);

describe.concurrent('on AWS, a flow that is killed and replaced ends as an undisturbed one', () => {
  let campaign: AwsCampaign;
  let expected: Json = null;
  beforeAll(async () => {
    campaign = await AwsCampaign.open();
    expected = await campaign.undisturbed();
  });
  afterAll(() => campaign.close());

  const cases = failpoints.flatMap((name) =>
    VISITS.filter((visit) => visit === 1 || !ONCE.has(name)).map((visit) => ({ name, visit })),
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
    if (visit === 1) expect(kills, 'the flow was killed').toBeGreaterThanOrEqual(1);
    for (const [work, tasks] of run.app.tasksByWork)
      expect(tasks, `${work} was launched once`).toHaveLength(1);
  });
});
