import { beforeAll, describe, test } from 'vitest';
import { failpoints } from '../../runtime/loop/failpoints.ts';
import type { Json } from '../../runtime/state/json.ts';
import { killAndResume, undisturbedOutcome } from '../support/failpoint-campaign.ts';

const ROUNDS = [1, 2, 3];
/** The visits at which the flow is killed. */
const VISITS = [1, 2, 4, 7, 12];

describe.for(ROUNDS)('round %i: a flow killed and resumed ends as an undisturbed run', (round) => {
  let expected: Json = null;
  beforeAll(async () => {
    expected = await undisturbedOutcome();
  });

  test.for([...failpoints])('%s', async (failpoint, { expect }) => {
    for (const visit of VISITS) await killAndResume(failpoint, visit * round, expected, expect);
  });
});
