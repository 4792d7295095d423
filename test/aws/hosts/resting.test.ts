import { connect } from '../../../runtime/client/index.ts';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { EmulatedRig } from '../../support/emulated-rig.ts';
import { HttpProxy } from '../../support/http-proxy.ts';

describe('the flow of an app that rests', { timeout: 120_000 }, () => {
  let rig: EmulatedRig;
  beforeAll(async () => {
    rig = await EmulatedRig.open();
  });
  afterAll(() => rig.close());

  test('ends what is left before it goes, as nobody else would', async ({ expect }) => {
    const refused: string[] = [];
    let isDown = true;
    const proxy = await HttpProxy.open(rig.emulator.endpoint, {
      before: ({ body }) => {
        if (!isDown || !body.includes('TerminateInstanceInAutoScalingGroup')) return 'pass';
        refused.push(body.toString());
        return 'drop';
      },
    });
    try {
      const app = await rig.deploy(await rig.pack('test/fixtures/apps/holding.ts'), {
        name: 'resting',
        flowEnv: { AWS_ENDPOINT_URL_AUTO_SCALING: proxy.endpoint },
        // Only what a test lets it try again ends the machine.
        flowTimings: { launcher: { releaseWaitMs: 500, reconcileMs: 2_000 } },
      });
      await app.until('its work runs', () =>
        app.workTasks.some(({ lastStatus }) => lastStatus === 'RUNNING'),
      );
      const client = connect(app.url);
      await client.pauseApp();
      client.close();
      await app.until('the next flow rests', () => app.rested.includes('paused'));
      expect(app.instances).toHaveLength(1);
      const before = refused.length;
      await app.until('it has tried to end the machine', () => refused.length > before);
      await app.scaleFlow(0);
      isDown = false;
      await app.until('the flow is gone', () => app.flowTasks.length === 0);
      expect(app.instances).toEqual([]);
    } finally {
      await proxy.close();
    }
  });
});
