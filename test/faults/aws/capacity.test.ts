import { afterAll, afterEach, beforeAll, describe, test } from 'vitest';
import type { Json } from '../../../runtime/state/json.ts';
import {
  AwsCampaign,
  begun,
  endsAsUndisturbed,
  type ErrandRun,
} from '../../support/aws-campaign.ts';
import { HttpProxy } from '../../support/http-proxy.ts';

describe('on AWS, an app ends as an undisturbed one', () => {
  let campaign: AwsCampaign;
  let expected: Json = null;
  beforeAll(async () => {
    campaign = await AwsCampaign.open();
    expected = await campaign.undisturbed();
  });
  afterEach(() => campaign.rig.emulator.clearFaults());
  afterAll(() => campaign.close());

  test('when answers of RunTask are lost after its success', async ({ expect }) => {
    campaign.rig.emulator.addFault({
      kind: 'lost-answer',
      operation: 'ecs:RunTask',
      count: 2,
    });
    const run = await campaign.start();
    await endsAsUndisturbed(run, expected, expect);
    expect(tasksOf(run)).toEqual({ 'root.first': 1, 'root.more.x': 1 });
  });

  test('when answers of LaunchInstances are lost after its success', async ({ expect }) => {
    campaign.rig.emulator.addFault({
      kind: 'lost-answer',
      operation: 'autoscaling:LaunchInstances',
      count: 2,
    });
    const run = await campaign.start();
    await endsAsUndisturbed(run, expected, expect);
    expect(run.app.bills).toHaveLength(1);
  });

  test('when RunTask answers with failures, twice', async ({ expect }) => {
    let failures = 0;
    const proxy = await HttpProxy.open(campaign.rig.emulator.endpoint, {
      before: ({ operation }) => {
        if (operation !== 'RunTask' || failures === 2) return 'pass';
        failures += 1;
        return { answer: { tasks: [], failures: [{ arn: 'arn:x', reason: 'RESOURCE:MEMORY' }] } };
      },
    });
    try {
      const run = await campaign.start({ flowEnv: { AWS_ENDPOINT_URL_ECS: proxy.endpoint } });
      await endsAsUndisturbed(run, expected, expect);
      expect(failures).toBe(2);
      expect(tasksOf(run)).toEqual({ 'root.first': 1, 'root.more.x': 1 });
    } finally {
      await proxy.close();
    }
  });

  test('when there is no capacity at first, and its works say that', async ({ expect }) => {
    campaign.rig.emulator.addFault({ kind: 'no-capacity' });
    const run = await campaign.start();
    await run.app.until('the work says why it waits', () =>
      run.app.pendingOf('root.first').some((why) => /^capacity: AWS has no .* free/.test(why)),
    );
    campaign.rig.emulator.clearFaults();
    await endsAsUndisturbed(run, expected, expect);
  });

  test('when the quota is 0 at first, and its works say that', async ({ expect }) => {
    campaign.rig.emulator.addFault({ kind: 'quota', family: 'standard', vcpus: 0 });
    const run = await campaign.start();
    await run.app.until('the work says why it waits', () =>
      run.app.pendingOf('root.first').some((why) => why.startsWith('quota: ')),
    );
    campaign.rig.emulator.clearFaults();
    await endsAsUndisturbed(run, expected, expect);
  });

  test('when an instance never registers', async ({ expect }) => {
    campaign.rig.emulator.addFault({ kind: 'slow-boot', ms: null, count: 1 });
    const run = await campaign.start({ flowTimings: { launcher: { bootTimeoutMs: 2_000 } } });
    await endsAsUndisturbed(run, expected, expect);
    expect(run.app.bills.length).toBeGreaterThanOrEqual(2);
  });

  test.for(['PROVISIONING', 'PENDING'] as const)(
    'not when a task stays in %s for ever: its call has failed, with the reason, and nothing is paid for',
    async (at, { expect }) => {
      const family = workFamily(campaign);
      campaign.rig.emulator.addFault({ kind: 'stuck-task', at, family, count: 1 });
      const run = await campaign.start({ flowTimings: { launcher: { startTimeoutMs: 3_000 } } });
      expect(await run.app.ended()).toMatchObject({
        stage: 'failed',
        error: { code: 'WORK_FAILED', message: expect.stringContaining('did not start in time') },
      });
      await run.app.released();
      await run.app.end();
    },
  );

  test('when tasks are not visible for a while after they were started', async ({ expect }) => {
    campaign.rig.emulator.addFault({ kind: 'hidden-task', ms: 1_000 });
    const run = await campaign.start();
    await endsAsUndisturbed(run, expected, expect);
    expect(tasksOf(run)).toEqual({ 'root.first': 1, 'root.more.x': 1 });
  });

  test.for([
    { flow: 'its flow sees it', alone: false },
    { flow: 'no flow is there', alone: true },
  ])(
    'not when a work is killed while $flow: its call has failed, as locally',
    async ({ alone }, { expect }) => {
      const run = await campaign.start({ workEnv: { STEP_MS: '150' } });
      await begun(run);
      if (alone) run.app.killFlow();
      expect(run.app.killWork('root.first')).toBeGreaterThan(0);
      const result = await run.app.ended();
      expect(result, run.app.told).toMatchObject({
        stage: 'failed',
        error: { code: 'WORK_FAILED' },
      });
      await run.app.released();
      await run.app.end();
    },
  );

  test('when all its services throttle now and then', async ({ expect }) => {
    for (const operation of ['ecs:*', 'ec2:*', 'autoscaling:*'])
      campaign.rig.emulator.addFault({ kind: 'throttle', operation, probability: 0.2 });
    const run = await campaign.start();
    await endsAsUndisturbed(run, expected, expect);
    expect(tasksOf(run)).toEqual({ 'root.first': 1, 'root.more.x': 1 });
  });
});

/** Family of the task definition of the next run's works. */
function workFamily(campaign: AwsCampaign): string {
  return `stormkite-${campaign.nextName}-Step-default`;
}

function tasksOf({ app }: ErrandRun): Record<string, number> {
  return Object.fromEntries([...app.tasksByWork].map(([work, tasks]) => [work, tasks.length]));
}
