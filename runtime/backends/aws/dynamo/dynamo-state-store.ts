/**
 * The state store on AWS: the app's table `State`, and its works' deltas in `Deltas`.
 *
 * `lease.ts` who may act, `turn-log.ts` what was committed and why nobody else can commit, `snapshots.ts` what makes a restart
 * short, `delta-items.ts` what works reported.
 *
 * Requests while idle: one renewal of the lease per 5 s. Per commit: one put, one write unit per KB of turn record.
 */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { AppError } from '../../../errors/index.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { StateStore } from '../../../ports/state-store.ts';
import { toStoreError } from './dynamo-errors.ts';
import { DynamoStoreLease } from './dynamo-store-lease.ts';
import { acquireLease, type LeaseWait } from './lease.ts';
import { openLog } from './open-log.ts';
import { UPGRADES, type Upgrades } from './records.ts';
import { defaultSnapshotLimits, type SnapshotLimits } from './snapshot-writer.ts';
import { defaultStoreTimings, type StoreTimings } from './store-timings.ts';
import type { TableNames } from './tables.ts';

export interface DynamoStateStoreOptions {
  readonly client: DynamoDBClient;
  readonly tables: TableNames;
  readonly clock: Clock;
  /** Partition key of a work ({@link workKey}) by its full name; `undefined` for one that nobody knows. */
  readonly keyOf: (work: string) => string | undefined;
  /** @default {@link defaultStoreTimings} */
  readonly timings?: Partial<StoreTimings>;
  /** @default {@link defaultSnapshotLimits} */
  readonly limits?: Partial<SnapshotLimits>;
  /**
   * Milliseconds that `open` waits for the end of a flow that lives.
   *
   * @default 0: refuses as soon as it is seen to live
   */
  readonly leaseWaitMs?: number;
  /** Hears of every look at a lease that another flow holds. */
  readonly onWaiting?: (wait: LeaseWait) => void;
  /** The lease is lost for good: the process has to end. `STORE_CONFLICT` or `STORE_LEASE_LOST`. */
  readonly onLost?: (error: AppError) => void;
  /** Readers of earlier shapes. @default {@link UPGRADES} */
  readonly upgrades?: Upgrades;
}

/** Keeps apps in DynamoDB. */
export class DynamoStateStore implements StateStore {
  readonly #options: DynamoStateStoreOptions;

  constructor(options: DynamoStateStoreOptions) {
    this.#options = options;
  }

  /**
   * Takes the lease and reads the app whole, so that damage shows before anything is done.
   *
   * @throws `STORE_LOCKED`, `STORE_DAMAGED`, `STORE_VERSION_UNKNOWN`, `STORE_UNREACHABLE`, `STORE_CONFLICT`
   */
  async open(app: string): Promise<DynamoStoreLease> {
    const { client, tables, clock, keyOf } = this.#options;
    const timings = { ...defaultStoreTimings, ...this.#options.timings };
    const place = { client, table: tables.state, app };
    const lease = await acquireLease({
      ...place,
      clock,
      timings,
      waitMs: this.#options.leaseWaitMs ?? 0,
      onWaiting: (wait) => this.#options.onWaiting?.(wait),
      onLost: (error) => this.#options.onLost?.(error),
    });
    try {
      const upgrades = this.#options.upgrades ?? UPGRADES;
      const opened = await openLog(place, lease, upgrades);
      if (opened === 'fenced') throw lease.lostBecause;
      const limits = { ...defaultSnapshotLimits, ...this.#options.limits };
      const parts = { place, deltaTable: tables.deltas, lease, clock, timings, limits };
      const held = new DynamoStoreLease({ ...parts, keyOf, upgrades }, opened);
      await held.resume();
      return held;
    } catch (error) {
      await lease.release();
      throw lease.isLost ? lease.lostBecause : toStoreError(error, tables.state);
    }
  }
}
