/**
 * A flow is killed at every call that changes something, on the emulator's wire with DynamoDB Local, and the next one takes
 * over: one task per launch, one instance, nothing left. (The scripted account of the unit tests goes through more weathers.)
 */
import { afterAll, beforeAll, describe, test } from 'vitest';
import type { LauncherClients } from '../../../runtime/backends/aws/launcher/aws-calls.ts';
import { openLocal } from '../../support/dynamodb.ts';
import { until } from '../../support/until.ts';
import { LauncherRig, type LauncherFlow } from './launcher-rig.ts';

/** Calls that only look. */
const LOOKS = /^(Describe|List|Query|GetItem)/;
/** More than a life makes; a test fails when it is not. */
const MOST_CALLS = 20;

const local = await openLocal();
afterAll(async () => {
  if ('close' in local) await local.close();
});

interface Death {
  readonly at: number;
  readonly when: 'before' | 'after';
}

interface Command {
  readonly constructor: { readonly name: string };
}
type Send = (command: Command, options?: unknown) => Promise<unknown>;

/** Clients of a flow that is killed at its n-th call that changes something. */
function mortal(clients: LauncherClients, { at, when }: Death, died: () => void): LauncherClients {
  let count = 0;
  let dead = false;
  const never = new Promise<never>(() => undefined);
  const wrap = (client: { send: unknown }) => {
    const send = (client.send as Send).bind(client);
    const mortalSend: Send = async (command, options) => {
      if (dead) return await never;
      if (LOOKS.test(command.constructor.name)) return await send(command, options);
      count += 1;
      if (count !== at) {
        const answer = await send(command, options);
        return dead ? await never : answer;
      }
      dead = true;
      if (when === 'after') await send(command, options);
      died();
      return await never;
    };
    return { send: mortalSend };
  };
  return Object.fromEntries(
    Object.entries(clients).map(([name, client]) => [name, wrap(client)]),
  ) as unknown as LauncherClients;
}

const skipped = 'missing' in local ? ` (skipped: ${local.missing})` : '';

describe.skipIf('missing' in local)(`a flow on the emulator${skipped}`, () => {
  let rig: LauncherRig;
  let longest = 0;

  beforeAll(async () => {
    if ('missing' in local) return;
    rig = await LauncherRig.open(local);
    return () => rig.close();
  });

  const deaths = Array.from({ length: MOST_CALLS }, (_, index) => index + 1).flatMap((at) => [
    { at, when: 'before' as const },
    { at, when: 'after' as const },
  ]);

  const end = async ({ launcher }: LauncherFlow, work: string): Promise<void> => {
    for (const fact of await launcher.observe())
      if (fact.state === 'starting' || fact.state === 'running') await launcher.stop(fact, 0);
    await launcher.release(work);
    await until('nothing is left', () => rig.live.length === 0 && rig.tasks.length === 0);
    await until('nothing is recorded as paid for', () => launcher.machines.length === 0);
  };

  test.for(deaths)('that is killed $when call $at is continued', async (death, { expect }) => {
    const work = `root.${death.when}${death.at}`;
    const bills = rig.emulator.billing().lines.length;
    let isDead = false;
    const wanted = { up: true };
    let tell = (): void => undefined;
    const died = new Promise<void>((resolve) => {
      tell = () => {
        isDead = true;
        resolve();
      };
    });
    const first = await rig.flow({ wrap: (clients) => mortal(clients, death, tell) });
    const life = (async () => {
      await first.launcher.launch(rig.spec(work));
      await first.told(work, 'running');
      wanted.up = false;
      await end(first, work);
    })();
    await Promise.race([died, life]);
    await first.leave();
    // A life without an accident is a test of its own; the calls beyond it are none.
    if (isDead) longest = Math.max(longest, death.at);

    const second = await rig.flow();
    const found = await second.launcher.observe();
    second.facts.push(...found);
    const live = found.find(({ state }) => state === 'starting' || state === 'running');
    if (wanted.up) {
      const epoch = live?.epoch ?? 2;
      if (!live) await second.launcher.launch(rig.spec(work, { epoch }));
      await second.told(work, 'running', epoch);
      expect(rig.tasks).toHaveLength(1);
      expect(rig.live).toHaveLength(1);
    }
    await end(second, work);
    const epochs = await rig.epochsOf(work);
    expect(epochs, 'one task per launch').toEqual([...new Set(epochs)]);
    expect(rig.emulator.billing().lines.length - bills, 'one instance').toBeLessThanOrEqual(1);
    expect(rig.emulator.billing().dollarsPerHour).toBe(0);
    await second.leave();
  });

  test('was killed at every call of its life', ({ expect }) => {
    expect(longest).toBeGreaterThan(10);
    expect(longest).toBeLessThan(MOST_CALLS);
  });
});
