/**
 * A flow is killed at every single call that it makes to AWS, before the call or between its effect and its answer; then
 * another flow takes over. Whatever happens: one task per launch, one instance, and nothing left at the end.
 */
import { describe, test, type ExpectStatic } from 'vitest';
import { until } from '../../../support/until.ts';
import { specOf } from './deployment.ts';
import { openFlow, type Flow } from './flow-rig.ts';
import { epochsOf, ScriptedAccount, type Guard } from './scripted-account.ts';

const WORK = 'root.train';

/** Calls that only look: a flow killed at one of them is a flow killed at the next call that changes something. */
const LOOKS = /^(Describe|List|Query)/;

/** How a flow dies at its n-th call that changes something. */
interface Death {
  readonly at: number;
  readonly when: 'before' | 'after';
}

/** Kills the flow: from then on none of its calls takes effect or is answered. */
function guardOf({ at, when }: Death): {
  guard: Guard;
  isDead: () => boolean;
  died: Promise<void>;
} {
  let count = 0;
  let dead = false;
  let tell = (): void => undefined;
  const died = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const never = new Promise<never>(() => undefined);
  const guard: Guard = async (name, take) => {
    if (dead) return await never;
    if (!LOOKS.test(name)) count += 1;
    const isHit = count === at && !LOOKS.test(name);
    if (!isHit) {
      const answer = await take();
      return dead ? await never : answer;
    }
    dead = true;
    if (when === 'after') await take();
    tell();
    return await never;
  };
  return { guard, isDead: () => dead, died };
}

/** Where a work runs, and what AWS is like. */
interface Weather {
  readonly hardware: 'gpu' | 'default';
  /** Looks until a list shows what is new. */
  readonly late: number;
  /** Answers of the first tries to start an instance. */
  readonly launches: readonly string[];
}

const weathers: readonly Weather[] = [
  { hardware: 'gpu', late: 0, launches: [] },
  { hardware: 'gpu', late: 4, launches: ['InsufficientInstanceCapacity'] },
  { hardware: 'default', late: 4, launches: [] },
];

function accountOf({ late, launches }: Weather): ScriptedAccount {
  const account = new ScriptedAccount();
  account.lateLists = late;
  account.launches.push(...launches);
  return account;
}

const workOn = ({ hardware }: Weather, epoch: number) =>
  specOf(WORK, { epoch, hardware: { ...specOf(WORK).hardware, name: hardware } });

/** What a flow does with one work: runs it, stops it, gives its machine back. */
async function live(
  account: ScriptedAccount,
  { launcher, told }: Flow,
  weather: Weather,
  wanted: { up: boolean },
  epoch = 1,
): Promise<void> {
  wanted.up = true;
  await launcher.launch(workOn(weather, epoch));
  await told(WORK, 'running', epoch);
  wanted.up = false;
  await end(account, launcher, epoch);
}

async function end(
  account: ScriptedAccount,
  launcher: Flow['launcher'],
  epoch: number,
): Promise<void> {
  await launcher.stop({ work: WORK, epoch }, 0);
  await launcher.release(WORK);
  await until('nothing is left', () => account.live.length === 0 && account.running.length === 0);
  await until('nothing is recorded as paid for', () => launcher.machines.length === 0);
}

/** What the loop does when it comes back: takes over what it finds, and goes on. */
async function recover(
  account: ScriptedAccount,
  weather: Weather,
  wanted: { up: boolean },
  guard?: Guard,
): Promise<{ readonly flow: Flow; readonly epoch: number }> {
  account.fence += 1;
  const flow = await openFlow(account, guard === undefined ? {} : { guard });
  const found = await flow.launcher.observe();
  flow.facts.push(...found);
  const [fact] = found.filter(({ state }) => state === 'starting' || state === 'running');
  const epoch = fact?.epoch ?? Math.max(0, ...account.row('R#').map((row) => row['epoch'])) + 1;
  if (wanted.up) {
    if (!fact) await flow.launcher.launch(workOn(weather, epoch));
    await flow.told(WORK, 'running', epoch);
  }
  return { flow, epoch };
}

function check(account: ScriptedAccount, expect: ExpectStatic): void {
  const epochs = epochsOf(account, WORK);
  expect(epochs, 'one task per launch').toEqual([...new Set(epochs)]);
  expect(account.instances.length, 'one instance').toBeLessThanOrEqual(1);
  const recorded = new Set(account.row('HW#').map(({ instanceId }) => instanceId));
  for (const { id } of account.instances) expect(recorded).toContain(id);
}

/** Calls that change something in a life without an accident. */
async function callsOfALife(weather: Weather): Promise<number> {
  const account = accountOf(weather);
  const flow = await openFlow(account);
  await live(account, flow, weather, { up: false });
  flow.launcher.leave();
  return account.calls.filter((name) => !LOOKS.test(name)).length;
}

describe.for(weathers)('on $hardware, with lists $late late, a flow', async (weather) => {
  const calls = await callsOfALife(weather);
  const deaths = Array.from({ length: calls }, (_, index) => index + 1).flatMap((at) => [
    { at, when: 'before' as const },
    { at, when: 'after' as const },
  ]);

  test('makes enough calls for this to mean something', ({ expect }) => {
    expect(calls).toBeGreaterThan(10);
  });

  test.for(deaths)('that is killed $when call $at is continued', async (death, { expect }) => {
    const account = accountOf(weather);
    const { guard, died, isDead } = guardOf(death);
    const wanted = { up: true };
    const first = await openFlow(account, { guard });
    await Promise.race([died, live(account, first, weather, wanted)]);
    expect(isDead()).toBe(true);
    first.launcher.leave();

    const { flow, epoch } = await recover(account, weather, wanted);
    if (wanted.up) {
      expect(account.running).toHaveLength(1);
      expect(account.live).toHaveLength(1);
    }
    await end(account, flow.launcher, epoch);
    check(account, expect);
    flow.launcher.leave();
  });

  test.for(deaths.filter(({ at }) => at % 2 === 0))(
    'that is killed $when call $at, as its successors are, is continued',
    async (death, { expect }) => {
      const account = accountOf(weather);
      const wanted = { up: true };
      for (const at of [death.at, 3, 1]) {
        const { guard, died } = guardOf({ ...death, at });
        const life = recover(account, weather, wanted, guard).then(({ flow, epoch }) => {
          wanted.up = false;
          return end(account, flow.launcher, epoch);
        });
        await Promise.race([died, life]);
      }
      const { flow, epoch } = await recover(account, weather, wanted);
      await end(account, flow.launcher, epoch);
      check(account, expect);
      flow.launcher.leave();
    },
  );
});
