import { afterAll, beforeAll, describe, test } from 'vitest';
import { costSchema, type Cost } from '../../../runtime/protocol/cost.ts';
import { EmulatedRig, type EmulatedApp } from '../../support/emulated-rig.ts';

const APP = 'test/fixtures/apps/holding.ts';
/** Of cpu-small, in the table that the emulator bills by too. */
const M7I_LARGE = 0.1008;

describe('what an emulated app costs', { timeout: 180_000 }, () => {
  let rig: EmulatedRig;
  let packed: Awaited<ReturnType<EmulatedRig['pack']>>;
  beforeAll(async () => {
    rig = await EmulatedRig.open();
    packed = await rig.pack(APP);
  });
  afterAll(() => rig.close());

  const read = async (app: EmulatedApp, path: string): Promise<unknown> => {
    const answer = await fetch(`${app.url}/api/v1/${path}`).catch(() => null);
    return answer?.ok ? await answer.json() : null;
  };
  const costOf = async (app: EmulatedApp): Promise<Cost | null> => {
    const found = await read(app, 'state/app_state/cost');
    return found === null ? null : costSchema.parse(found);
  };
  const statusOf = async (app: EmulatedApp, work: string) => {
    const works = ((await read(app, 'works')) ?? []) as { name: string; status: object }[];
    return works.find(({ name }) => name === work)?.status as
      | { stage: string; reason?: string; message?: string }
      | undefined;
  };
  const post = (app: EmulatedApp, path: string) =>
    fetch(`${app.url}/api/v1/${path}`, { method: 'POST' });

  test('stands in its state, survives its flow, and agrees with the bill', async ({ expect }) => {
    const app = await rig.deploy(packed, { name: 'metered' });
    const first = await app.until('something is billed', async () => {
      const cost = await costOf(app);
      return cost !== null && cost.perHour > M7I_LARGE ? cost : null;
    });
    expect(first.works['root.hold']?.perHour).toBe(first.perHour);
    expect(first).toMatchObject({ idle: { perHour: 0, total: 0 }, priceRegion: 'us-east-1' });

    await app.until(
      'the work runs',
      async () => (await statusOf(app, 'root.hold'))?.stage === 'running',
    );
    expect(app.killFlow()).toBeGreaterThan(0);
    // A machine that is registered has an address too.
    const { perHour } = await app.until('the next flow goes on counting', async () => {
      const cost = await costOf(app);
      return cost?.since === first.since && cost.perHour > first.perHour ? cost : null;
    });

    await app.until(
      'the stop is taken',
      async () => (await post(app, 'works/root.hold/stop').catch(() => null))?.ok,
    );
    const last = await app.until('nothing is billed any more', async () => {
      const cost = await costOf(app);
      return cost?.perHour === 0 ? cost : null;
    });
    await app.released();
    const groups = new Set(
      app.deployment.hardware['cpu-small']?.pools.map((p) => p.instanceTypes[0]),
    );
    const billed = rig.emulator
      .billing()
      .lines.filter(({ kind, type }) => kind === 'instance' && groups.has(type));
    expect(billed).toHaveLength(1);
    // The emulator bills no disks and addresses. The flow looks from time to time whether a machine is gone: a few seconds later.
    const seconds = billed[0]?.seconds ?? 0;
    expect(last.total).toBeGreaterThan((seconds * M7I_LARGE) / 3_600);
    expect(last.total).toBeLessThan(((seconds + 30) * perHour) / 3_600);
    expect(last.works['root.hold']?.total).toBe(last.total);
    // It was the first of its group, so that managed scaling would have started two and held them for 15 minutes.
    expect(last.avoided.idle).toBeCloseTo(perHour / 2, 4);
    // The call was given an hour.
    expect(last.avoided.run).toBeGreaterThan(perHour * 0.9);
    await app.end();
  });

  test('is kept by a budget: what would start waits for the next day, what runs goes on', async ({
    expect,
  }) => {
    // A minute of one machine is more than that.
    const app = await rig.deploy(packed, { name: 'thrifty', flowEnv: { BUDGET: '0.0001' } });
    await app.until(
      'the first work runs',
      async () => (await statusOf(app, 'root.hold'))?.stage === 'running',
    );
    await app.until('it is counted', async () => ((await costOf(app))?.perHour ?? 0) > 0);
    const patch = await fetch(`${app.url}/api/v1/state`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json-patch+json' },
      body: JSON.stringify([{ op: 'add', path: '/vars/wanted/-', value: 'second' }]),
    });
    expect(patch.status).toBe(200);
    const status = await app.until('the second one is refused', async () => {
      const found = await statusOf(app, 'root.more.second');
      return found?.reason === 'budget' ? found : null;
    });
    expect(status).toMatchObject({
      stage: 'pending',
      message: expect.stringContaining('the app thrifty has spent its budget of $0.0001'),
    });
    expect(await statusOf(app, 'root.hold')).toMatchObject({ stage: 'running' });
    expect(app.instances).toHaveLength(1);
    expect(app.workTasks).toHaveLength(1);
    await post(app, 'stop');
    await app.ended();
    await app.released();
    await app.end();
  });
});
