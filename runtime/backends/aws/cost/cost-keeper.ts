/**
 * Keeps what an app costs: from every change of its machines, in the table and in the state.
 *
 * K1 The ledger is stored with every change of what is billed; only time passes in between, so nothing is lost with a flow.
 * K2 The state is told with every change, and once a minute while something is billed; otherwise nothing ticks (R10).
 * K3 A budget refuses what would start; it ends nothing.
 */
import { background } from '../../../errors/index.ts';
import type { PriceList } from '../../../hardware/prices.ts';
import { machinePerHour } from '../../../hardware/prices.ts';
import type { Clock, ClockTimer } from '../../../ports/clock.ts';
import type { LaunchResult } from '../../../ports/launcher.ts';
import type { Cost } from '../../../protocol/cost.ts';
import type { WorkSpec } from '../../../protocol/work-spec.ts';
import { hardwareKeyOf, type Deployment } from '../contract.ts';
import type { FencedRecords } from '../launcher/records.ts';
import type { MachineRow, RunRow } from '../launcher/rows.ts';
import { dateOf, CostLedger, ledgerSchema, untilNextDay } from './cost-ledger.ts';
import { toBill, typeOf } from './machine-bills.ts';

/** How often the state is told while something is billed. */
const TELL_MS = 60_000;
/** Sort key of the stored ledger. */
const RECORD_KEY = 'COST';
const RECORD_ATTRIBUTE = 'v';

/** Dollars a day; `null`: no limit. */
export interface Budgets {
  readonly app: number | null;
  readonly of: (work: string) => number | null;
}

export interface CostKeeperOptions {
  readonly deployment: Deployment;
  readonly prices: PriceList;
  readonly records: FencedRecords;
  readonly clock: Clock;
  readonly budgets: Budgets;
  /** Dollars an hour of spot capacity now; `null` when AWS does not tell. */
  readonly askSpotPrice: (type: string, zone: string) => Promise<number | null>;
  /** Hears warnings for people. */
  readonly warn: (message: string) => void;
}

type Refused = Extract<LaunchResult, { ok: false }>;

export class CostKeeper {
  readonly #options: CostKeeperOptions;
  readonly #ledger: CostLedger;
  readonly #machines = new Map<string, MachineRow>();
  readonly #runs = new Map<string, RunRow>();
  readonly #spotPerHour = new Map<string, number>();
  readonly #asked = new Set<string>();
  readonly #unpriced = new Set<string>();
  #tell: (cost: Cost) => void = () => undefined;
  #due = false;
  #timer: ClockTimer | null = null;
  #stored: string;
  #storing: Promise<void> | null = null;
  #closed = false;

  private constructor(options: CostKeeperOptions, ledger: CostLedger) {
    this.#options = options;
    this.#ledger = ledger;
    this.#stored = JSON.stringify(ledger.record);
  }

  /** @throws `STORE_UNREACHABLE` when the stored ledger cannot be read */
  static async open(options: CostKeeperOptions): Promise<CostKeeper> {
    const [item] = await options.records.query(RECORD_KEY);
    const text = item?.[RECORD_ATTRIBUTE]?.S;
    const record = text === undefined ? null : ledgerSchema.parse(JSON.parse(text));
    return new CostKeeper(options, new CostLedger(record));
  }

  /** Everything up to now; `null` for an app that was never billed. */
  get cost(): Cost | null {
    const { prices, clock } = this.#options;
    const report = this.#ledger.report(clock.now());
    if (report.since === null) return null;
    const { date, region } = prices;
    const unpriced = [...this.#unpriced].toSorted();
    return { ...report, priceDate: date, priceRegion: region, unpriced };
  }

  /** From here on `tell` hears of the cost; at once, when there is any. */
  follow(tell: (cost: Cost) => void): void {
    this.#tell = tell;
    this.#show();
  }

  /** A machine was recorded, or its row has changed. */
  machine(row: MachineRow): void {
    this.#machines.set(row.instanceId, row);
    this.#changed();
    this.#askSpotPrice(row);
  }

  /** A run was recorded, or its row has changed. */
  run(row: RunRow): void {
    const key = `${row.work}#${row.epoch}`;
    if (row.end === null) this.#runs.set(key, row);
    else this.#runs.delete(key);
    this.#changed();
  }

  /** A call was stopped after a part of the time that it was given. */
  stoppedEarly(work: string, savedMs: number): void {
    this.#look();
    this.#ledger.stoppedEarly(work, savedMs);
    this.#changed();
  }

  /** Why a work may not be started now; `null` when it may (K3). */
  refusalOf(spec: Pick<WorkSpec, 'work' | 'hardware'>): Refused | null {
    const { budgets, clock, deployment } = this.#options;
    const limits = [
      { who: spec.work, limit: budgets.of(spec.work) },
      { who: `the app ${deployment.app}`, limit: budgets.app },
    ];
    if (limits.every(({ limit }) => limit === null)) return null;
    const unpriced = this.#unpricedTypes(spec);
    if (unpriced.length > 0) {
      const message = `${unpriced.join(', ')} has no price, so the budget cannot be kept: run \`stormkite prices --refresh${unpriced.map((type) => ` --type ${type}`).join('')}\` and deploy again`;
      return { ok: false, reason: 'budget', message };
    }
    this.#look();
    const now = clock.now();
    const { today } = this.#ledger.report(now);
    const [over] = limits.filter(({ who, limit }) => {
      const spent = who === spec.work ? (today.works[who] ?? 0) : today.total;
      return limit !== null && spent >= limit;
    });
    if (over === undefined) return null;
    return {
      ok: false,
      reason: 'budget',
      message: `${over.who} has spent its budget of $${over.limit} for ${dateOf(now)}; nothing more is started before the next day (UTC)`,
      retryAfterMs: untilNextDay(now),
    };
  }

  /** Stores what is not stored yet; nothing is told any more. */
  async close(): Promise<void> {
    if (this.#due) this.#look();
    this.#closed = true;
    this.#timer?.cancel();
    await this.#storing;
    await this.#store();
  }

  #unpricedTypes({ hardware }: Pick<WorkSpec, 'hardware'>): string[] {
    const { deployment, prices } = this.#options;
    const pools = deployment.hardware[hardwareKeyOf(hardware)]?.pools ?? [];
    return pools
      .flatMap(({ instanceTypes }) => instanceTypes)
      .filter((type) => {
        const machine = { type, market: 'on-demand', diskGiB: 0, hasPublicIp: false } as const;
        return machinePerHour(prices, machine) === null;
      });
  }

  /** What changes together is looked at once. */
  #changed(): void {
    if (this.#due || this.#closed) return;
    this.#due = true;
    this.#options.clock.soon(() => {
      if (!this.#due || this.#closed) return;
      this.#look();
      this.#show();
      background(this.#keep(), 'storing what the app costs');
    });
  }

  /** Brings the ledger up to now. */
  #look(): void {
    const { clock, deployment, prices } = this.#options;
    this.#due = false;
    const now = clock.now();
    this.#unpriced.clear();
    for (const row of this.#machines.values()) {
      const { bill, unpriced } = toBill(row, {
        deployment,
        prices,
        spotPerHour: this.#spotPerHour,
        runs: this.#runs.values(),
        isOnlyOne: (one) => this.#isOnlyOne(one),
      });
      if (unpriced && row.terminatedAt === null)
        this.#unpriced.add(typeOf(row, deployment.hardware[row.hardware]));
      this.#ledger.see(bill, now);
      if (row.terminatedAt !== null) this.#machines.delete(row.instanceId);
    }
  }

  #isOnlyOne({ instanceId, autoScalingGroup }: MachineRow): boolean {
    return [...this.#machines.values()].every(
      (other) => other.instanceId === instanceId || other.autoScalingGroup !== autoScalingGroup,
    );
  }

  #show(): void {
    const { cost } = this;
    if (cost !== null) this.#tell(cost);
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#closed || !this.#ledger.isBilled) return;
    this.#timer = this.#options.clock.after(TELL_MS, () => this.#show());
  }

  async #keep(): Promise<void> {
    this.#storing ??= this.#store().finally(() => {
      this.#storing = null;
    });
    await this.#storing;
    if (!this.#closed && JSON.stringify(this.#ledger.record) !== this.#stored) await this.#keep();
  }

  async #store(): Promise<void> {
    const text = JSON.stringify(this.#ledger.record);
    if (text === this.#stored) return;
    const { records, warn } = this.#options;
    try {
      const done = await records.put(RECORD_KEY, { [RECORD_ATTRIBUTE]: { S: text } });
      // Another flow counts from here on.
      if (done === 'fenced') this.#closed = true;
    } catch (error) {
      // The next change is stored with this one.
      warn(`what the app costs could not be stored: ${String(error)}`);
    }
    this.#stored = text;
  }

  #askSpotPrice(row: MachineRow): void {
    const { askSpotPrice, deployment } = this.#options;
    const { instanceId, market, az, terminatedAt } = row;
    const type = typeOf(row, deployment.hardware[row.hardware]);
    if (market !== 'spot' || az === '' || type === '' || terminatedAt !== null) return;
    if (this.#asked.has(instanceId)) return;
    this.#asked.add(instanceId);
    const asked = askSpotPrice(type, az).then((perHour) => {
      if (perHour === null || !this.#machines.has(instanceId)) return;
      this.#spotPerHour.set(instanceId, perHour);
      this.#changed();
    });
    background(asked, `asking for the spot price of ${type}`);
  }
}
