import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { describe, test } from 'vitest';
import {
  CostKeeper,
  type CostKeeperOptions,
} from '../../../../runtime/backends/aws/cost/cost-keeper.ts';
import type { FencedRecords } from '../../../../runtime/backends/aws/launcher/records.ts';
import type { MachineRow, RunRow } from '../../../../runtime/backends/aws/launcher/rows.ts';
import { ManualClock } from '../../../../runtime/backends/memory/manual-clock.ts';
import { priceSnapshot } from '../../../../runtime/hardware/price-snapshot.ts';
import type { Cost } from '../../../../runtime/protocol/cost.ts';
import { deploymentOf, specOf } from '../launcher/deployment.ts';

const HOUR = 3_600_000;
const G4DN = 0.526;
/** Of a machine of the test deployment: 30 GiB of gp3, and its address. */
const DISK = (30 * 0.08) / 730;

/** Records as the table keeps them. */
class Records implements FencedRecords {
  readonly items = new Map<string, Record<string, AttributeValue>>();
  puts = 0;

  async put(sk: string, attributes: Readonly<Record<string, AttributeValue>>) {
    this.puts += 1;
    this.items.set(sk, attributes);
    return 'written' as const;
  }
  async delete(sk: string) {
    this.items.delete(sk);
    return 'written' as const;
  }
  async query(prefix: string) {
    return [...this.items].filter(([sk]) => sk.startsWith(prefix)).map(([, item]) => item);
  }
}

interface Rig {
  readonly keeper: CostKeeper;
  readonly clock: ManualClock;
  readonly records: Records;
  readonly told: Cost[];
  readonly last: () => Cost;
  /** Lets time pass, with everything that falls due. */
  readonly pass: (ms: number) => Promise<void>;
}

async function open(more: Partial<CostKeeperOptions> = {}, records = new Records()): Promise<Rig> {
  const clock = new ManualClock(Date.parse('2026-11-25T12:00:00Z'));
  const keeper = await CostKeeper.open({
    deployment: deploymentOf(),
    prices: priceSnapshot,
    records,
    clock,
    budgets: { app: null, of: () => null },
    askSpotPrice: async () => null,
    warn: () => undefined,
    ...more,
  });
  const told: Cost[] = [];
  keeper.follow((cost) => told.push(cost));
  const pass = async (ms: number): Promise<void> => {
    let left: number | null = ms;
    while (left !== null) {
      while (clock.runNext());
      await new Promise((resolve) => setImmediate(resolve));
      left = clock.runTimerWithin(left);
    }
    while (clock.runNext());
    await new Promise((resolve) => setImmediate(resolve));
  };
  const last = (): Cost => {
    const cost = told.at(-1);
    if (cost === undefined) throw new Error('nothing was told');
    return cost;
  };
  return { keeper, clock, records, told, last, pass };
}

function machine(clock: ManualClock, changes: Partial<MachineRow> = {}): MachineRow {
  return {
    instanceId: 'i-1',
    hardware: 'gpu',
    autoScalingGroup: 'asg-gpu-g4dn.xlarge',
    capacityProvider: 'cp-gpu-g4dn.xlarge',
    market: 'on-demand',
    type: 'g4dn.xlarge',
    az: 'us-east-1a',
    subnet: 'subnet-a',
    internalIp: '',
    publicIp: '',
    owner: 'work:root.train',
    work: 'root.train',
    kept: false,
    state: 'ready',
    containerInstanceArn: null,
    why: '',
    launchedAt: clock.now(),
    registeredAt: null,
    releasedAt: null,
    terminatedAt: null,
    ...changes,
  };
}

function run(changes: Partial<RunRow>): RunRow {
  return {
    work: 'root.a',
    epoch: 1,
    key: 'W#Train#root.a',
    hardware: 'default',
    owner: 'shared',
    taskDefinition: 'demo-Train:1',
    cpuUnits: 1_024,
    memoryMiB: 3_500,
    gpus: 0,
    sharesGpus: false,
    createdAt: 0,
    state: 'running',
    instanceTry: null,
    instanceId: 'i-1',
    taskTry: null,
    taskArn: null,
    stop: null,
    end: null,
    ...changes,
  };
}

describe('what the state is told', () => {
  test('nothing before anything was billed, then every change at once', async ({ expect }) => {
    const { keeper, clock, told, last, pass } = await open();
    expect(keeper.cost).toBeNull();
    expect(told).toEqual([]);
    keeper.machine(machine(clock));
    await pass(0);
    expect(last()).toMatchObject({
      perHour: Number((G4DN + DISK).toFixed(6)),
      since: clock.now(),
      works: { 'root.train': { perHour: Number((G4DN + DISK).toFixed(6)) } },
      idle: { perHour: 0, total: 0 },
      priceDate: priceSnapshot.date,
      priceRegion: 'us-east-1',
      unpriced: [],
    });
    await keeper.close();
  });

  test('once a minute while a machine is billed, and never while none is', async ({ expect }) => {
    const { keeper, clock, told, pass } = await open();
    const row = machine(clock);
    keeper.machine(row);
    await pass(0);
    expect(told).toHaveLength(1);
    await pass(10 * 60_000);
    expect(told).toHaveLength(11);
    keeper.machine({ ...row, state: 'terminated', terminatedAt: clock.now() });
    await pass(0);
    expect(told).toHaveLength(12);
    expect(told.at(-1)).toMatchObject({ perHour: 0 });
    await pass(24 * HOUR);
    expect(told).toHaveLength(12);
    await keeper.close();
  });

  test('changes that come together are told once, and stored once', async ({ expect }) => {
    const { keeper, clock, told, records, pass } = await open();
    const row = machine(clock);
    for (const id of ['i-1', 'i-2', 'i-3']) keeper.machine({ ...row, instanceId: id });
    await pass(0);
    expect(told).toHaveLength(1);
    expect(records.puts).toBe(1);
    await pass(5 * 60_000);
    expect(records.puts).toBe(1);
    await keeper.close();
  });

  test('works on a shared machine pay for what they reserve', async ({ expect }) => {
    const { keeper, clock, last, pass } = await open();
    keeper.machine(machine(clock, { hardware: 'default', type: 't3.large', owner: 'shared' }));
    // One of four vCPUs; its memory is a smaller part.
    keeper.run(run({ work: 'root.a' }));
    keeper.run(run({ work: 'root.b', cpuUnits: 2_048 }));
    await pass(HOUR);
    const { works, idle, perHour } = last();
    expect(works['root.a']?.perHour).toBeCloseTo(perHour / 4, 5);
    expect(works['root.b']?.perHour).toBeCloseTo(perHour / 2, 5);
    expect(idle.perHour).toBeCloseTo(perHour / 4, 5);
    keeper.run(
      run({
        work: 'root.b',
        end: { reason: 'stopped', message: '', forced: false, at: clock.now() },
      }),
    );
    await pass(0);
    expect(last().works['root.b']?.perHour).toBe(0);
    expect(last().idle.perHour).toBeCloseTo((perHour * 3) / 4, 5);
    await keeper.close();
  });

  test('a spot machine is counted at the price that AWS tells', async ({ expect }) => {
    const asked: string[] = [];
    const { keeper, clock, last, pass } = await open({
      askSpotPrice: async (type, zone) => {
        asked.push(`${type} in ${zone}`);
        return 0.17;
      },
    });
    const row = machine(clock, { hardware: 'gpu-spot', market: 'spot', az: '' });
    keeper.machine(row);
    await pass(0);
    expect(last().perHour).toBeCloseTo(G4DN + DISK, 6);
    keeper.machine({ ...row, az: 'us-east-1b' });
    keeper.machine({ ...row, az: 'us-east-1b', state: 'ready' });
    await pass(0);
    expect(asked).toEqual(['g4dn.xlarge in us-east-1b']);
    expect(last().perHour).toBeCloseTo(0.17 + DISK, 6);
    await keeper.close();
  });

  test('a type without a price is named, and counts as nothing', async ({ expect }) => {
    const { keeper, clock, last, pass } = await open();
    keeper.machine(machine(clock, { type: 'x9.huge' }));
    await pass(HOUR);
    expect(last()).toMatchObject({ perHour: 0, total: 0, unpriced: ['x9.huge'] });
    await keeper.close();
  });
});

test('the next flow goes on with what was counted', async ({ expect }) => {
  const first = await open();
  const row = machine(first.clock);
  first.keeper.machine(row);
  await first.pass(HOUR);
  await first.keeper.close();

  const second = await open({}, first.records);
  second.clock.skip('3 h');
  // It ended while no flow was there; its row says when.
  second.keeper.machine({ ...row, state: 'terminated', terminatedAt: row.launchedAt + 2 * HOUR });
  await second.pass(0);
  expect(second.last().total).toBeCloseTo(2 * (G4DN + DISK), 5);
  expect(second.last().perHour).toBe(0);
  await second.keeper.close();
});

describe('a budget', () => {
  const TRAIN = 'root.train';

  test('refuses a launch of the app once it is spent, until the next day', async ({ expect }) => {
    const { keeper, clock, pass } = await open({ budgets: { app: 1, of: () => null } });
    keeper.machine(machine(clock));
    await pass(HOUR);
    expect(keeper.refusalOf(specOf('root.other'))).toBeNull();
    await pass(HOUR);
    const refusal = keeper.refusalOf(specOf('root.other'));
    expect(refusal).toEqual({
      ok: false,
      reason: 'budget',
      message:
        'the app demo has spent its budget of $1 for 2026-11-25; nothing more is started before the next day (UTC)',
      // It is two in the afternoon.
      retryAfterMs: 10 * HOUR,
    });
    keeper.machine(
      machine(clock, { launchedAt: clock.now() - 2 * HOUR, terminatedAt: clock.now() }),
    );
    await pass(10 * HOUR);
    expect(keeper.refusalOf(specOf('root.other'))).toBeNull();
    await keeper.close();
  });

  test('of a work counts what that work has cost, and refuses that work alone', async ({
    expect,
  }) => {
    const of = (work: string) => (work === TRAIN ? 0.5 : null);
    const { keeper, clock, pass } = await open({ budgets: { app: null, of } });
    keeper.machine(machine(clock, { owner: 'work:root.other' }));
    await pass(2 * HOUR);
    expect(keeper.refusalOf(specOf(TRAIN))).toBeNull();
    keeper.machine(machine(clock, { instanceId: 'i-2' }));
    await pass(HOUR);
    expect(keeper.refusalOf(specOf(TRAIN))?.message).toContain(
      'root.train has spent its budget of $0.5',
    );
    expect(keeper.refusalOf(specOf('root.other'))).toBeNull();
    await keeper.close();
  });

  test('of nothing allows nothing', async ({ expect }) => {
    const { keeper } = await open({ budgets: { app: 0, of: () => null } });
    expect(keeper.refusalOf(specOf(TRAIN))).toMatchObject({ reason: 'budget' });
    await keeper.close();
  });

  test('cannot be kept where a price is missing, so such hardware is refused for good', async ({
    expect,
  }) => {
    const prices = { ...priceSnapshot, onDemand: {} };
    const { keeper } = await open({ prices, budgets: { app: 5, of: () => null } });
    const refusal = keeper.refusalOf(specOf(TRAIN));
    expect(refusal).toMatchObject({
      reason: 'budget',
      message: expect.stringMatching(/prices --refresh --type [a-z0-9]+\.[a-z0-9]+/),
    });
    expect(refusal).not.toHaveProperty('retryAfterMs');
    const free = await open({ prices });
    expect(free.keeper.refusalOf(specOf(TRAIN))).toBeNull();
  });
});
