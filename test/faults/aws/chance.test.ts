/** Accidents drawn by chance, several to a run. Which ones follows from the seed; when they strike, from the machine too. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, test } from 'vitest';
import type { Json } from '../../../runtime/state/json.ts';
import {
  AwsCampaign,
  endsAsUndisturbed,
  traceOf,
  type ErrandRun,
} from '../../support/aws-campaign.ts';
import { signalAll } from '../../support/emulated-rig.ts';
import { HttpProxy } from '../../support/http-proxy.ts';

/** `CHANCE_SEEDS=7,8,9` draws others. */
const SEEDS = (process.env['CHANCE_SEEDS'] ?? '1,2,3,4,5,6').split(',').map(Number);
/** A call is given up after three. */
const MAX_HOSTS_LOST = 2;
const ACCIDENTS = ['kill', 'kill', 'leave', 'freeze', 'cut', 'lose-host'] as const;
/** A step that takes long enough to be disturbed. */
const SLOW = { STEP_MS: '100' };

describe.concurrent('on AWS, whatever happens when', () => {
  let campaign: AwsCampaign;
  let expected: Json = null;
  beforeAll(async () => {
    campaign = await AwsCampaign.open();
    expected = await campaign.undisturbed();
    const { emulator } = campaign.rig;
    for (const service of ['ecs', 'ec2', 'autoscaling']) {
      const operation = `${service}:*`;
      emulator.addFault({ kind: 'throttle', operation, probability: 0.05 });
      emulator.addFault({ kind: 'lost-answer', operation, probability: 0.05 });
      emulator.addFault({ kind: 'delay', operation, ms: 300, probability: 0.1 });
    }
  });
  afterAll(() => campaign.close());

  test.for(SEEDS)('an app ends as an undisturbed one: seed %i', async (seed, { expect }) => {
    const disturbed = await Disturbed.start(campaign, seed);
    try {
      await disturbed.strike(5);
      await endsAsUndisturbed(disturbed.run, expected, expect, { repeats: disturbed.hostsLost });
    } catch (error) {
      throw disturbed.toError(error);
    } finally {
      await disturbed.close();
    }
  });

  test.for(SEEDS)(
    'a work that is killed beside that fails its call, which is not made again: seed %i',
    async (seed, { expect }) => {
      const disturbed = await Disturbed.start(campaign, seed, ['kill', 'leave', 'freeze', 'cut']);
      try {
        await disturbed.strike(2);
        const killed = await disturbed.killWork();
        await disturbed.strike(1);
        const { run } = disturbed;
        const result = await run.app.ended();
        // It may have struck between two calls: nothing of the app failed then.
        if (result.stage === 'stopped') await endsAsUndisturbed(run, expected, expect);
        else {
          expect(killed).toBe(true);
          expect(result.stage).toBe('failed');
          await run.app.released();
          const stored = JSON.stringify((await run.app.stored()).document);
          expect(stored, 'its call says why').toContain('killed by SIGKILL');
          const trace = await traceOf(run).catch((): string[] => []);
          const starts = trace.filter((line) => line.startsWith('start'));
          expect(starts, 'no call began twice').toEqual([...new Set(starts)]);
          await run.app.end();
        }
      } catch (error) {
        throw disturbed.toError(error);
      } finally {
        await disturbed.close();
      }
    },
  );
});

/** A run, and what happens to it. */
class Disturbed {
  readonly run: ErrandRun;
  hostsLost = 0;
  readonly #campaign: AwsCampaign;
  readonly #line: HttpProxy;
  readonly #draw: () => number;
  readonly #accidents: readonly (typeof ACCIDENTS)[number][];
  readonly #struck: string[] = [];

  private constructor(
    campaign: AwsCampaign,
    run: ErrandRun,
    parts: {
      readonly line: HttpProxy;
      readonly draw: () => number;
      readonly accidents: readonly (typeof ACCIDENTS)[number][];
    },
  ) {
    this.#campaign = campaign;
    this.run = run;
    this.#line = parts.line;
    this.#draw = parts.draw;
    this.#accidents = parts.accidents;
  }

  static async start(
    campaign: AwsCampaign,
    seed: number,
    accidents: readonly (typeof ACCIDENTS)[number][] = ACCIDENTS,
  ): Promise<Disturbed> {
    const line = await HttpProxy.open(campaign.rig.dynamodb.endpoint);
    const env = {
      AWS_ENDPOINT_URL_DYNAMODB: line.endpoint,
      AWS_ENDPOINT_URL_DYNAMODB_STREAMS: line.endpoint,
    };
    const run = await campaign.start({ flowEnv: env, workEnv: { ...SLOW, ...env } });
    return new Disturbed(campaign, run, { line, draw: drawFrom(seed), accidents });
  }

  /** Lets accidents happen, one after the other, while the app has not ended. */
  async strike(count: number): Promise<void> {
    const { app } = this.run;
    if (this.#upTo(1) < 0.6)
      await app.until('the first call runs, or all is over', async () => {
        const trace = await traceOf(this.run).catch((): string[] => []);
        return trace.length > 0 || app.endedAt !== null;
      });
    for (let n = 0; n < count && app.endedAt === null; n += 1) {
      await sleep(this.#upTo(4_000));
      const accident = this.#accidents[Math.floor(this.#upTo(this.#accidents.length))] ?? 'kill';
      this.#struck.push(`${new Date().toISOString()} ${accident}`);
      await this.#happen(accident);
    }
  }

  /** Kills whichever work runs; false when none did before the app ended. */
  async killWork(): Promise<boolean> {
    const { app } = this.run;
    let killed = 0;
    await app.until('a work runs, or all is over', () => {
      for (const work of app.tasksByWork.keys()) killed += app.killWork(work);
      return killed > 0 || app.endedAt !== null;
    });
    this.#struck.push(`${new Date().toISOString()} killed ${killed} works`);
    return killed > 0;
  }

  async #happen(accident: (typeof ACCIDENTS)[number]): Promise<void> {
    const { app } = this.run;
    const pids = app.flowTasks.flatMap((task) => task.pids);
    if (accident === 'kill') app.killFlow();
    if (accident === 'leave') signalAll(pids, 'SIGTERM');
    if (accident === 'freeze') {
      signalAll(pids, 'SIGSTOP');
      await sleep(this.#upTo(5_000));
      signalAll(pids, 'SIGCONT');
    }
    if (accident === 'cut') {
      this.#line.cut();
      await sleep(this.#upTo(5_000));
      this.#line.mend();
    }
    const [instance] = app.instances;
    if (accident !== 'lose-host' || !instance || this.hostsLost === MAX_HOSTS_LOST) return;
    this.hostsLost += 1;
    this.#campaign.rig.emulator.addFault({ kind: 'instance-death', instance: instance.id });
  }

  #upTo(limit: number): number {
    return this.#draw() * limit;
  }

  toError(cause: unknown): Error {
    const { app } = this.run;
    return new Error([String(cause), ...this.#struck, app.told].join('\n'), { cause });
  }

  close(): Promise<void> {
    return this.#line.close();
  }
}

/** Numbers from 0 to 1 that follow from a seed (a linear congruential generator, Numerical Recipes). */
function drawFrom(seed: number): () => number {
  let state = seed;
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  // The first ones of neighbouring seeds are alike.
  for (let n = 0; n < 10; n += 1) next();
  return next;
}
