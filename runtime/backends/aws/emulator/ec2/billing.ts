/** What running things cost: by the second from launch to end, a minute at least, as EC2 and Fargate bill. */

/** Seconds that are billed in any case. */
const MINIMUM_SECONDS = 60;
const SECONDS_PER_HOUR = 3_600;

/** One thing that is or was billed. */
export interface BillingRecord {
  readonly id: string;
  readonly kind: 'instance' | 'fargate';
  /** Instance type, or the vCPUs and memory of a Fargate task. */
  readonly type: string;
  readonly market: 'on-demand' | 'spot';
  readonly dollarsPerHour: number;
  /** Epoch milliseconds. */
  readonly launchedAt: number;
  /** Epoch milliseconds; `null` while it runs. */
  readonly endedAt: number | null;
}

export interface BillingLine extends BillingRecord {
  /** Billed so far. */
  readonly seconds: number;
  readonly dollars: number;
}

export interface BillingReport {
  readonly lines: readonly BillingLine[];
  readonly dollars: number;
  /** Of what runs now. */
  readonly dollarsPerHour: number;
}

export class Billing {
  readonly #records = new Map<string, BillingRecord>();

  /** @param earlier what a previous run stored; what ran then ended with it. */
  constructor(earlier: readonly BillingRecord[]) {
    for (const record of earlier) this.#records.set(record.id, record);
  }

  get records(): readonly BillingRecord[] {
    return [...this.#records.values()];
  }

  start(record: Omit<BillingRecord, 'endedAt'>): void {
    this.#records.set(record.id, { ...record, endedAt: null });
  }

  /** The first end counts. */
  end(id: string, at: number): void {
    const record = this.#records.get(id);
    if (record !== undefined && record.endedAt === null)
      this.#records.set(id, { ...record, endedAt: at });
  }

  report(now: number): BillingReport {
    const lines = this.records.map((record) => toLine(record, now));
    const running = lines.filter(({ endedAt }) => endedAt === null);
    return {
      lines,
      dollars: sum(lines.map(({ dollars }) => dollars)),
      dollarsPerHour: sum(running.map(({ dollarsPerHour }) => dollarsPerHour)),
    };
  }
}

function toLine(record: BillingRecord, now: number): BillingLine {
  const ms = Math.max(0, (record.endedAt ?? now) - record.launchedAt);
  const seconds = Math.max(MINIMUM_SECONDS, Math.ceil(ms / 1_000));
  return { ...record, seconds, dollars: (seconds * record.dollarsPerHour) / SECONDS_PER_HOUR };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
