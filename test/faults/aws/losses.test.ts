import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test, type ExpectStatic } from 'vitest';
import type { Json } from '../../../runtime/state/json.ts';
import {
  AwsCampaign,
  endsAsUndisturbed,
  begun,
  type ErrandRun,
} from '../../support/aws-campaign.ts';
import { HttpProxy } from '../../support/http-proxy.ts';

/** A step that takes long enough to be disturbed. */
const SLOW = { STEP_MS: '150' };
const HOUR_MS = 3_600_000;

describe.concurrent('on AWS', () => {
  let campaign: AwsCampaign;
  let expected: Json = null;
  beforeAll(async () => {
    // A stopped task is forgotten at once: what became of it must be known from elsewhere.
    campaign = await AwsCampaign.open({ stoppedVisibleMs: 50 });
    expected = await campaign.undisturbed();
  });
  afterAll(() => campaign.close());

  test('of two flows one wins and the other waits; nothing is launched twice', async ({
    expect,
  }) => {
    const run = await campaign.start({ flows: 2, workEnv: SLOW });
    const { app } = run;
    await app.until('both flows are up', () => app.flowsStarted >= 2);
    await begun(run);
    await app.until('the other one says that it waits', () =>
      app.notes.some((text) => text.includes('waiting for another flow to end')),
    );
    await endsAsUndisturbed(run, expected, expect);
    expectOnce(run, expect);
  });

  test('a flow that comes back to life after another one took over acts no more', async ({
    expect,
  }) => {
    const run = await campaign.start({ flows: 2, workEnv: SLOW });
    const { app } = run;
    await begun(run);
    const pids = app.actingFlow().pids;
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    const told = app.events.length;
    await app.until('the other flow acts', () => app.events.length > told);
    for (const pid of pids) process.kill(pid, 'SIGCONT');
    await app.until('it has ended', () => !pids.some(isAlive));
    await endsAsUndisturbed(run, expected, expect);
    expectOnce(run, expect);
  });

  test('a work that is killed while no flow is there, its task forgotten, counts as lost', async ({
    expect,
  }) => {
    const run = await campaign.start({ workEnv: SLOW });
    await begun(run);
    run.app.killFlow();
    expect(run.app.killWork('root.first')).toBeGreaterThan(0);
    await endsAsUndisturbed(run, expected, expect, { repeats: 1 });
  });

  test('a call whose host is lost is sent again, to another host', async ({ expect }) => {
    const run = await campaign.start({ workEnv: SLOW });
    await begun(run);
    for (const { id } of run.app.instances)
      campaign.rig.emulator.addFault({ kind: 'instance-death', instance: id });
    await endsAsUndisturbed(run, expected, expect, { repeats: 1 });
    expect(run.app.tasksByWork.get('root.first')).toHaveLength(2);
  });

  test('a host that is lost while no flow is there is missed by the next one', async ({
    expect,
  }) => {
    const run = await campaign.start({ workEnv: SLOW });
    await begun(run);
    run.app.killFlow();
    for (const { id } of run.app.instances)
      campaign.rig.emulator.addFault({ kind: 'instance-death', instance: id });
    await endsAsUndisturbed(run, expected, expect, { repeats: 1 });
  });

  test('deltas larger than an item arrive whole and once, though the flow is killed among them', async ({
    expect,
  }) => {
    const workEnv = { ...SLOW, STEPS: '4', PAD: '500000' };
    const large = await campaign.undisturbed({ workEnv });
    const run = await campaign.start({ workEnv });
    await begun(run);
    expect(run.app.killFlow()).toBeGreaterThan(0);
    await endsAsUndisturbed(run, large, expect);
    expectOnce(run, expect);
    expect(await campaign.chunksOf(run), 'they were written in chunks').toBeGreaterThan(0);
  });

  test.for([
    { outage: 'shorter', ms: 1_000 },
    { outage: 'longer', ms: 7_000 },
  ])(
    'DynamoDB is gone $outage than a lease lasts, while a work goes on: nothing is lost',
    async ({ ms }, { expect }) => {
      const proxy = await HttpProxy.open(campaign.rig.dynamodb.endpoint);
      try {
        const env = {
          AWS_ENDPOINT_URL_DYNAMODB: proxy.endpoint,
          AWS_ENDPOINT_URL_DYNAMODB_STREAMS: proxy.endpoint,
        };
        const run = await campaign.start({ flowEnv: env, workEnv: { ...SLOW, ...env } });
        await begun(run);
        proxy.cut();
        await new Promise((resolve) => setTimeout(resolve, ms));
        proxy.mend();
        await endsAsUndisturbed(run, expected, expect);
        expectOnce(run, expect);
      } finally {
        await proxy.close();
      }
    },
  );

  test('a work that starts while DynamoDB is out of its reach waits for its input', async ({
    expect,
  }) => {
    const proxy = await HttpProxy.open(campaign.rig.dynamodb.endpoint);
    proxy.cut();
    try {
      const run = await campaign.start({ workEnv: { AWS_ENDPOINT_URL_DYNAMODB: proxy.endpoint } });
      await run.app.until('the work says that it waits', () =>
        run.app.lines.some(({ line }) => line.includes('its input cannot be read')),
      );
      proxy.mend();
      await endsAsUndisturbed(run, expected, expect);
      expectOnce(run, expect);
    } finally {
      await proxy.close();
    }
  });

  test.for([
    { whose: 'the flow', flow: HOUR_MS, works: 0 },
    { whose: 'the works', flow: 0, works: HOUR_MS },
    { whose: 'everybody, backwards', flow: -HOUR_MS, works: -HOUR_MS },
  ])('the clock of $whose jumps by an hour', async ({ flow, works }, { expect }) => {
    const jump = join(campaign.rig.folder, `jump-${flow}-${works}`);
    const run = await campaign.start({
      flowEnv: jumping(jump, flow),
      workEnv: { ...SLOW, ...jumping(jump, works) },
    });
    await begun(run);
    await writeFile(jump, '');
    await endsAsUndisturbed(run, expected, expect);
    expectOnce(run, expect);
  });
});

function expectOnce({ app }: ErrandRun, expect: ExpectStatic): void {
  for (const [work, tasks] of app.tasksByWork)
    expect(tasks, `${work} was launched once`).toHaveLength(1);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Moves the wall clock of a process once a file is there. */
function jumping(file: string, ms: number): Record<string, string> {
  if (ms === 0) return {};
  const program = `
    import { existsSync } from 'node:fs';
    const Real = Date;
    let offset = 0;
    const look = setInterval(() => {
      if (!existsSync(${JSON.stringify(file)})) return;
      offset = ${ms};
      clearInterval(look);
    }, 20);
    look.unref();
    globalThis.Date = class Date extends Real {
      constructor(...args) {
        if (args.length === 0) super(Real.now() + offset);
        else super(...args);
      }
      static now() {
        return Real.now() + offset;
      }
    };`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(program)}` };
}
