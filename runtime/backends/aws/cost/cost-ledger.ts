/**
 * What machines have cost, by the works that used them. Pure: every time is given.
 *
 * C1 A machine costs from its launch to its end, by the second, a minute at least.
 * C2 Time is counted when something about a machine changes, with what was true until then; so nothing of the past is kept
 *    but sums, and the sums are the same however often it is looked.
 * C3 A share is what a work reserves of a machine. What is not shared is idle, except on machines that others may not use:
 *    there the works pay all of it. Shares above the whole are cut down to it.
 * C4 An instance that EC2 could not start is not billed.
 */
import { z } from 'zod';
import type { Cost } from '../../../protocol/cost.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
const SECOND_MS = 1_000;
/** What EC2 bills in any case. */
const MINIMUM_MS = 60_000;
/** What ECS managed scaling holds an idle machine for. */
const SCALE_IN_MS = 15 * 60_000;
/** Works whose sums are kept by name; those of the smallest go together. */
export const MAX_WORKS = 300;
/** Machines that ended a short while ago and may be reported once more by a flow that comes back. */
const MAX_CLOSED = 100;

const sums = z.record(z.string(), z.number());
const machineSchema = z.object({
  launchedAt: z.number(),
  /** Everything up to here is in the sums. */
  countedTo: z.number(),
  perHour: z.number(),
  exclusive: z.boolean(),
  /** Managed scaling would have started a second one with it. */
  fromZero: z.boolean(),
  shares: sums,
});
type MachineRecord = z.infer<typeof machineSchema>;

/** What is stored of a ledger. */
export const ledgerSchema = z.object({
  since: z.number().nullable(),
  total: z.number(),
  idle: z.number(),
  others: z.number(),
  works: sums,
  day: z.object({ date: z.string(), total: z.number(), works: sums }),
  avoided: z.object({ run: z.number(), idle: z.number() }),
  machines: z.record(z.string(), machineSchema),
  closed: z.array(z.string()),
});
export type LedgerRecord = z.infer<typeof ledgerSchema>;

/** A machine as it is now. Times are epoch milliseconds. */
export interface MachineBill {
  readonly id: string;
  readonly launchedAt: number;
  /** `null` while it is billed. */
  readonly endedAt: number | null;
  /** Dollars. */
  readonly perHour: number;
  /** Only the works named here may use it. */
  readonly exclusive: boolean;
  /** Part of it that each work reserves, 0 to 1. */
  readonly shares: Readonly<Record<string, number>>;
  /** It was the only one of its group when it was started. */
  readonly fromZero: boolean;
  /** Its end was asked for, as soon as nobody needed it. */
  readonly released: boolean;
  /** EC2 could not start it (C4). */
  readonly failed: boolean;
}

export class CostLedger {
  readonly #record: LedgerRecord;
  /** Dollars an hour that works cost when they last cost something: a stopped call is told of when its machine may be gone. */
  readonly #lastPerHour = new Map<string, number>();

  constructor(record: LedgerRecord | null) {
    this.#record = structuredClone(record) ?? emptyLedger();
  }

  /** For the store. */
  get record(): LedgerRecord {
    return this.#record;
  }

  /** Takes note of a machine as it is at a time. The first end counts. */
  see(bill: MachineBill, at: number): void {
    const { machines, closed } = this.#record;
    if (closed.includes(bill.id)) return;
    const known = machines[bill.id];
    if (known === undefined) {
      // One that ended before it was ever seen to run here was counted by an earlier flow.
      if (bill.endedAt === null) this.#begin(bill);
      return;
    }
    if (bill.launchedAt !== known.launchedAt) {
      this.#count(known, bill.launchedAt, known.launchedAt);
      known.launchedAt = bill.launchedAt;
    }
    this.#remember(known);
    if (bill.endedAt !== null) {
      this.#end(bill.id, known, bill);
      return;
    }
    this.#countTo(known, at);
    known.perHour = bill.perHour;
    known.exclusive = bill.exclusive;
    known.shares = { ...bill.shares };
  }

  /** A work's call was stopped before the time that it was given; an estimate. */
  stoppedEarly(work: string, savedMs: number): void {
    const perHour = perHourOf(this.#record.machines, work) || (this.#lastPerHour.get(work) ?? 0);
    this.#record.avoided.run += (perHour * savedMs) / HOUR_MS;
  }

  /** Whether something is billed now. */
  get isBilled(): boolean {
    return Object.keys(this.#record.machines).length > 0;
  }

  /** Everything up to a time. */
  report(at: number): Pick<Cost, Exclude<keyof Cost, 'priceDate' | 'priceRegion' | 'unpriced'>> {
    // Counting is adding, so what is not counted yet is counted on a copy.
    const now = new CostLedger(this.#record);
    const { machines } = now.#record;
    for (const machine of Object.values(machines))
      now.#countTo(machine, Math.max(at, machine.launchedAt + MINIMUM_MS));
    now.#turnDay(at);
    const { since, total, idle, others, works, day, avoided } = now.#record;
    const rates = Object.values(machines).map(splitOf);
    const names = new Set([
      ...Object.keys(works),
      ...rates.flatMap(({ works: w }) => Object.keys(w)),
    ]);
    const perHour = Object.values(machines).reduce((sum, machine) => sum + machine.perHour, 0);
    return {
      perHour: rounded(perHour),
      total: rounded(total),
      since,
      works: Object.fromEntries(
        [...names].toSorted().map((name) => [
          name,
          {
            perHour: rounded(rates.reduce((sum, rate) => sum + (rate.works[name] ?? 0), 0)),
            total: rounded(works[name] ?? 0),
          },
        ]),
      ),
      others: rounded(others),
      idle: {
        perHour: rounded(rates.reduce((sum, rate) => sum + rate.idle, 0)),
        total: rounded(idle),
      },
      today: { date: day.date, total: rounded(day.total), works: mapped(day.works, rounded) },
      avoided: mapped(avoided, rounded),
    };
  }

  /** The latest stand last, so that the oldest are forgotten. */
  #remember(machine: MachineRecord): void {
    const last = this.#lastPerHour;
    for (const [work, perHour] of Object.entries(splitOf(machine).works)) {
      last.delete(work);
      last.set(work, perHour);
    }
    for (const work of last.keys()) {
      if (last.size <= MAX_WORKS) break;
      last.delete(work);
    }
  }

  #begin({ id, launchedAt, perHour, exclusive, fromZero, shares }: MachineBill): void {
    const record = this.#record;
    record.since ??= launchedAt;
    record.machines[id] = {
      launchedAt,
      countedTo: launchedAt,
      perHour,
      exclusive,
      fromZero,
      shares: { ...shares },
    };
  }

  #end(id: string, machine: MachineRecord, { endedAt, failed, released }: MachineBill): void {
    const { avoided, machines, closed } = this.#record;
    const ms = Math.ceil(((endedAt ?? 0) - machine.launchedAt) / SECOND_MS) * SECOND_MS;
    const billedMs = failed ? 0 : Math.max(MINIMUM_MS, ms);
    this.#count(machine, machine.countedTo, machine.launchedAt + billedMs);
    if (released && !failed)
      avoided.idle += (machine.perHour * SCALE_IN_MS * (machine.fromZero ? 2 : 1)) / HOUR_MS;
    delete machines[id];
    closed.push(id);
    closed.splice(0, closed.length - MAX_CLOSED);
  }

  #countTo(machine: MachineRecord, to: number): void {
    if (to <= machine.countedTo) return;
    this.#count(machine, machine.countedTo, to);
    machine.countedTo = to;
  }

  /** Adds what a machine cost in a time; takes away when it ends before it begins. */
  #count(machine: MachineRecord, from: number, to: number): void {
    const record = this.#record;
    const { works, idle } = splitOf(machine);
    const hours = (to - from) / HOUR_MS;
    record.total += machine.perHour * hours;
    record.idle += idle * hours;
    this.#turnDay(Math.max(from, to));
    const dayStart = Date.parse(record.day.date);
    const todayHours = (Math.max(to, dayStart) - Math.max(from, dayStart)) / HOUR_MS;
    record.day.total += machine.perHour * todayHours;
    for (const [work, perHour] of Object.entries(works)) {
      record.works[work] = (record.works[work] ?? 0) + perHour * hours;
      record.day.works[work] = (record.day.works[work] ?? 0) + perHour * todayHours;
    }
    this.#bound();
  }

  #turnDay(at: number): void {
    const date = dateOf(at);
    if (date > this.#record.day.date) this.#record.day = { date, total: 0, works: {} };
  }

  #bound(): void {
    const record = this.#record;
    for (const [name, dollars] of smallest(record.works)) {
      record.others += dollars;
      delete record.works[name];
    }
    for (const [name] of smallest(record.day.works)) delete record.day.works[name];
  }
}

/** Milliseconds from a time to the next day in UTC, when budgets begin anew. */
export function untilNextDay(at: number): number {
  return DAY_MS - (at % DAY_MS);
}

/** The day in UTC, as `2026-11-25`. */
export function dateOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

function emptyLedger(): LedgerRecord {
  return {
    since: null,
    total: 0,
    idle: 0,
    others: 0,
    works: {},
    day: { date: dateOf(0), total: 0, works: {} },
    avoided: { run: 0, idle: 0 },
    machines: {},
    closed: [],
  };
}

/** Dollars an hour of a machine by work (C3). */
function splitOf({ perHour, exclusive, shares }: MachineRecord): {
  readonly works: Readonly<Record<string, number>>;
  readonly idle: number;
} {
  const all = Object.values(shares).reduce((sum, share) => sum + share, 0);
  const scale = all > 0 && (exclusive || all > 1) ? 1 / all : 1;
  return {
    works: mapped(shares, (share) => share * scale * perHour),
    idle: perHour * Math.max(0, 1 - all * scale),
  };
}

function perHourOf(machines: LedgerRecord['machines'], work: string): number {
  return Object.values(machines).reduce(
    (sum, machine) => sum + (splitOf(machine).works[work] ?? 0),
    0,
  );
}

/** Those that are too many. */
function smallest(of: Readonly<Record<string, number>>): [string, number][] {
  const all = Object.entries(of);
  if (all.length <= MAX_WORKS) return [];
  return all.toSorted(([, a], [, b]) => a - b).slice(0, all.length - MAX_WORKS);
}

function mapped<K extends string>(
  of: Readonly<Record<K, number>>,
  change: (value: number) => number,
): Record<K, number> {
  const entries = Object.entries<number>(of).map(([key, value]) => [key, change(value)]);
  return Object.fromEntries(entries) as Record<K, number>;
}

/** A millionth of a dollar is as much as anybody wants to know. */
function rounded(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}
