import { describe, test } from 'vitest';
import {
  CostLedger,
  ledgerSchema,
  MAX_WORKS,
  type MachineBill,
} from '../../../../runtime/backends/aws/cost/cost-ledger.ts';

const NOON = Date.parse('2026-11-25T12:00:00Z');
const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;

/** A machine of a dollar an hour that one work has for itself. */
function bill(changes: Partial<MachineBill> = {}): MachineBill {
  return {
    id: 'i-1',
    launchedAt: NOON,
    endedAt: null,
    perHour: 1,
    exclusive: true,
    shares: { 'root.train': 1 },
    fromZero: true,
    released: false,
    failed: false,
    ...changes,
  };
}

/** What is seen of machines, with the time after noon at which it is. */
type Seen = readonly [afterMs: number, changes: Partial<MachineBill>];

interface Golden {
  readonly title: string;
  readonly seen: readonly Seen[];
  /** When it is asked, after noon. */
  readonly atMs: number;
  readonly total: number;
  readonly works: Readonly<Record<string, number>>;
  readonly idle: number;
  readonly perHour?: number;
}

const G4DN = 0.526;
const shared = { exclusive: false, perHour: 0.08, fromZero: false };
const golden: readonly Golden[] = [
  {
    title: 'a machine costs from its launch to its end, by the second',
    seen: [
      [0, { perHour: G4DN }],
      [90 * MINUTE + 200, { perHour: G4DN, endedAt: NOON + 90 * MINUTE + 200 }],
    ],
    atMs: 5 * HOUR,
    // 5,401 seconds
    total: 0.789146,
    works: { 'root.train': 0.789146 },
    idle: 0,
    perHour: 0,
  },
  {
    title: 'a machine that runs costs until now',
    seen: [[0, { perHour: 3.6 }]],
    atMs: 1_000 * SECOND,
    total: 1,
    works: { 'root.train': 1 },
    idle: 0,
    perHour: 3.6,
  },
  {
    title: 'a minute is billed in any case',
    seen: [
      [0, { perHour: 6 }],
      [5 * SECOND, { perHour: 6, endedAt: NOON + 5 * SECOND }],
    ],
    atMs: HOUR,
    total: 0.1,
    works: { 'root.train': 0.1 },
    idle: 0,
    perHour: 0,
  },
  {
    title: 'a machine that has just been started already costs its minute',
    seen: [[0, { perHour: 6 }]],
    atMs: SECOND,
    total: 0.1,
    works: { 'root.train': 0.1 },
    idle: 0,
    perHour: 6,
  },
  {
    title: 'an instance that EC2 could not start costs nothing',
    seen: [
      [0, {}],
      [30 * MINUTE, {}],
      [40 * MINUTE, { endedAt: NOON + 40 * MINUTE, failed: true }],
    ],
    atMs: HOUR,
    total: 0,
    works: { 'root.train': 0 },
    idle: 0,
    perHour: 0,
  },
  {
    title: 'works share a machine by what they reserve, while they are there; the rest is idle',
    seen: [
      [0, { ...shared, shares: {} }],
      // A boots with nobody for a quarter of an hour, then one work has half of it, then two have all of it.
      [15 * MINUTE, { ...shared, shares: { 'root.a': 0.5 } }],
      [45 * MINUTE, { ...shared, shares: { 'root.a': 0.5, 'root.b': 0.5 } }],
      [60 * MINUTE, { ...shared, shares: { 'root.b': 0.5 } }],
      [75 * MINUTE, { ...shared, shares: {}, endedAt: NOON + 75 * MINUTE }],
    ],
    atMs: 2 * HOUR,
    total: 0.1,
    works: { 'root.a': 0.03, 'root.b': 0.02 },
    idle: 0.05,
    perHour: 0,
  },
  {
    title: 'shares that are more than the whole are cut down to it',
    seen: [[0, { exclusive: false, shares: { 'root.a': 0.9, 'root.b': 0.6 } }]],
    atMs: HOUR,
    total: 1,
    works: { 'root.a': 0.6, 'root.b': 0.4 },
    idle: 0,
    perHour: 1,
  },
  {
    title: 'works of a colocation group pay all of their machine',
    seen: [[0, { exclusive: true, shares: { 'root.a': 0.125, 'root.b': 0.125 } }]],
    atMs: HOUR,
    total: 1,
    works: { 'root.a': 0.5, 'root.b': 0.5 },
    idle: 0,
    perHour: 1,
  },
  {
    title: 'a spot machine costs what was asked of AWS, from when it is known',
    seen: [
      [0, { perHour: G4DN }],
      [SECOND, { perHour: 0.16 }],
      [HOUR, { perHour: 0.16, endedAt: NOON + HOUR }],
    ],
    atMs: HOUR,
    total: 0.160102,
    works: { 'root.train': 0.160102 },
    idle: 0,
    perHour: 0,
  },
  {
    title: 'the launch time of EC2 replaces the time at which the launch was noted',
    seen: [
      [0, {}],
      [30 * MINUTE, { launchedAt: NOON - 6 * MINUTE }],
      [HOUR, { launchedAt: NOON - 6 * MINUTE, endedAt: NOON + HOUR }],
    ],
    atMs: HOUR,
    total: 1.1,
    works: { 'root.train': 1.1 },
    idle: 0,
    perHour: 0,
  },
  {
    title: 'an end that is told late counts from when it was',
    seen: [
      [0, {}],
      [2 * HOUR, {}],
      [3 * HOUR, { endedAt: NOON + HOUR }],
    ],
    atMs: 4 * HOUR,
    total: 1,
    works: { 'root.train': 1 },
    idle: 0,
    perHour: 0,
  },
  {
    title: 'several machines add up, on demand and spot',
    seen: [
      [0, { id: 'i-1', perHour: G4DN }],
      [0, { id: 'i-2', perHour: 0.2, shares: { 'root.eval': 1 } }],
      [HOUR, { id: 'i-2', perHour: 0.2, shares: { 'root.eval': 1 }, endedAt: NOON + HOUR }],
    ],
    atMs: 2 * HOUR,
    total: 1.252,
    works: { 'root.train': 1.052, 'root.eval': 0.2 },
    idle: 0,
    perHour: G4DN,
  },
];

describe('what machines cost', () => {
  test.for(golden)('$title', (example, { expect }) => {
    const ledger = new CostLedger(null);
    for (const [afterMs, changes] of example.seen) ledger.see(bill(changes), NOON + afterMs);

    const report = ledger.report(NOON + example.atMs);

    expect(report.total).toBe(example.total);
    const totals = Object.entries(report.works).map(([name, { total }]) => [name, total]);
    expect(Object.fromEntries(totals)).toEqual(example.works);
    expect(report.idle.total).toBe(example.idle);
    if (example.perHour !== undefined) expect(report.perHour).toBe(example.perHour);
  });

  test('looking more often changes no sum', ({ expect }) => {
    const [seldom, often] = [new CostLedger(null), new CostLedger(null)];
    const shares = { 'root.a': 0.3, 'root.b': 0.2 };
    const machine = bill({ exclusive: false, perHour: 0.0832, shares });
    for (const ledger of [seldom, often]) ledger.see(machine, NOON);
    for (let ms = 0; ms < 13 * HOUR; ms += 7 * MINUTE) {
      often.see(machine, NOON + ms);
      often.report(NOON + ms);
    }
    const end = NOON + 13 * HOUR;
    for (const ledger of [seldom, often]) ledger.see({ ...machine, endedAt: end }, end);
    expect(often.report(end)).toEqual(seldom.report(end));
  });

  test('a ledger that was stored goes on where it was', ({ expect }) => {
    const before = new CostLedger(null);
    before.see(bill(), NOON);
    before.see(bill({ shares: { 'root.other': 1 } }), NOON + 30 * MINUTE);
    const stored = ledgerSchema.parse(JSON.parse(JSON.stringify(before.record)));
    const after = new CostLedger(stored);
    after.see(bill({ endedAt: NOON + HOUR }), NOON + HOUR);
    // A flow that died before it had stored the end of the machine finds its row once more.
    after.see(bill(), NOON + HOUR);
    const { total, works, perHour } = after.report(NOON + 2 * HOUR);
    expect({ total, perHour }).toEqual({ total: 1, perHour: 0 });
    expect(works['root.train']?.total).toBe(0.5);
    expect(works['root.other']?.total).toBe(0.5);
  });

  test('machines that ended before the ledger knew them are not counted', ({ expect }) => {
    const ledger = new CostLedger(null);
    ledger.see(bill({ endedAt: NOON }), NOON + HOUR);
    expect(ledger.report(NOON + HOUR)).toMatchObject({ total: 0, since: null });
  });
});

describe('what was spent today', () => {
  const EVENING = Date.parse('2026-11-25T23:00:00Z');

  test('counts from midnight in UTC, also of machines that were started before', ({ expect }) => {
    const ledger = new CostLedger(null);
    ledger.see(bill({ launchedAt: EVENING }), EVENING);
    expect(ledger.report(EVENING + 30 * MINUTE).today).toEqual({
      date: '2026-11-25',
      total: 0.5,
      works: { 'root.train': 0.5 },
    });
    expect(ledger.report(EVENING + 3 * HOUR).today).toEqual({
      date: '2026-11-26',
      total: 2,
      works: { 'root.train': 2 },
    });
    ledger.see(bill({ launchedAt: EVENING, endedAt: EVENING + 2 * HOUR }), EVENING + 2 * HOUR);
    expect(ledger.report(EVENING + 3 * HOUR)).toMatchObject({
      total: 2,
      today: { date: '2026-11-26', total: 1 },
    });
  });

  test('is nothing on a day on which nothing was billed', ({ expect }) => {
    const ledger = new CostLedger(null);
    ledger.see(bill({ launchedAt: EVENING }), EVENING);
    ledger.see(bill({ launchedAt: EVENING, endedAt: EVENING + MINUTE }), EVENING + MINUTE);
    expect(ledger.report(EVENING + 5 * HOUR).today).toEqual({
      date: '2026-11-26',
      total: 0,
      works: {},
    });
  });
});

describe('what was avoided', () => {
  test('a released machine would have been held for 15 minutes, and a second one with it from zero', ({
    expect,
  }) => {
    const end = { endedAt: NOON + HOUR, released: true };
    const first = new CostLedger(null);
    first.see(bill({ perHour: 4 }), NOON);
    first.see(bill({ perHour: 4, ...end }), NOON + HOUR);
    expect(first.report(NOON + HOUR).avoided).toEqual({ run: 0, idle: 2 });

    const further = new CostLedger(null);
    further.see(bill({ perHour: 4, fromZero: false }), NOON);
    further.see(bill({ perHour: 4, fromZero: false, ...end }), NOON + HOUR);
    expect(further.report(NOON + HOUR).avoided).toEqual({ run: 0, idle: 1 });
  });

  test('a machine that AWS took back saved nothing', ({ expect }) => {
    const ledger = new CostLedger(null);
    ledger.see(bill(), NOON);
    ledger.see(bill({ endedAt: NOON + HOUR }), NOON + HOUR);
    expect(ledger.report(NOON + HOUR).avoided).toEqual({ run: 0, idle: 0 });
  });

  test('a call that was stopped saved the rest of its time at the rate of its work', ({
    expect,
  }) => {
    const ledger = new CostLedger(null);
    ledger.see(bill({ exclusive: false, shares: { 'root.a': 0.25 } }), NOON);
    ledger.stoppedEarly('root.a', 2 * HOUR);
    ledger.stoppedEarly('root.unknown', 2 * HOUR);
    expect(ledger.report(NOON).avoided).toEqual({ run: 0.5, idle: 0 });
  });

  test('also when its machine was given back before that is told', ({ expect }) => {
    const ledger = new CostLedger(null);
    ledger.see(bill({ shares: { 'root.a': 1 } }), NOON);
    ledger.see(bill({ shares: {} }), NOON + MINUTE);
    ledger.see(bill({ shares: {}, endedAt: NOON + HOUR }), NOON + HOUR);
    ledger.stoppedEarly('root.a', 2 * HOUR);
    expect(ledger.report(NOON + HOUR).avoided.run).toBe(2);
  });
});

test('so many works are kept by name; the smallest of more go together', ({ expect }) => {
  const ledger = new CostLedger(null);
  const count = MAX_WORKS + 50;
  for (let index = 0; index < count; index += 1) {
    const machine = bill({
      id: `i-${index}`,
      perHour: index + 1,
      shares: { [`root.w${index}`]: 1 },
    });
    ledger.see(machine, NOON);
    ledger.see({ ...machine, endedAt: NOON + HOUR }, NOON + HOUR);
  }
  const { works, others, total } = ledger.report(NOON + HOUR);
  expect(Object.keys(works)).toHaveLength(MAX_WORKS);
  expect(works).not.toHaveProperty(['root.w0']);
  expect(others).toBe((50 * 51) / 2);
  expect(total).toBe((count * (count + 1)) / 2);
});
