import { beforeAll, describe, test } from 'vitest';
import { failpoints } from '../../../runtime/loop/failpoints.ts';
import type { Json } from '../../../runtime/state/json.ts';
import { killAndResume, undisturbedOutcome } from '../../support/failpoint-campaign.ts';

/** Failpoints that the pipeline app comes by only while it ends, or that need a later visit to hurt. */
const LATER = 3;

describe('a flow killed at a failpoint and resumed ends as an undisturbed run', () => {
  let expected: Json = null;
  beforeAll(async () => {
    expected = await undisturbedOutcome();
  });

  test.for([...failpoints])('%s', async (failpoint, { expect }) => {
    expect(await killAndResume(failpoint, 1, expected, expect)).toBe(true);
    await killAndResume(failpoint, LATER, expected, expect);
  });
});
