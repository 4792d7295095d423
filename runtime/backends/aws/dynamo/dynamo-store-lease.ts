/**
 * A held lease of the store on AWS.
 *
 * D1 Memory runs ahead of the table: the version changes when `commit` is called; one queue keeps the order, one record is
 *    under way at a time (`turn-log.ts` G1).
 * D2 A record is tried again until the table answers or the lease is lost; then it and all that follow are `fenced`, whether
 *    or not the last try got through. A failure that trying again cannot help ends the lease for every later call.
 */
import { randomUUID } from 'node:crypto';
import { appError, background, type AppError } from '../../../errors/index.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { CommitResult, StoreLease } from '../../../ports/state-store.ts';
import type { Delta } from '../../../protocol/delta.ts';
import type { StoredApp, TurnRecord } from '../../../protocol/turn-record.ts';
import { STORE_VERSION } from '../../../protocol/version.ts';
import { DeltaStore } from './delta-store.ts';
import { toStoreError } from './dynamo-errors.ts';
import { FencedItems } from './fenced-items.ts';
import type { Lease } from './lease.ts';
import type { OpenedLog } from './open-log.ts';
import { persist, type Persistence } from './persist.ts';
import type { Upgrades } from './records.ts';
import { Replay } from './replay.ts';
import { SerialQueue } from './serial-queue.ts';
import { SnapshotWriter, type SnapshotLimits } from './snapshot-writer.ts';
import { readPointer } from './snapshots.ts';
import type { StoreTimings } from './store-timings.ts';
import { putRecord, type LogKind, type LogPlace } from './turn-log.ts';

export interface DynamoStoreLeaseParts {
  readonly place: LogPlace;
  readonly deltaTable: string;
  readonly lease: Lease;
  readonly clock: Clock;
  readonly timings: StoreTimings;
  readonly limits: SnapshotLimits;
  readonly keyOf: (work: string) => string | undefined;
  readonly upgrades: Upgrades;
}

export class DynamoStoreLease implements StoreLease {
  readonly fence: number;
  /** The launcher's records of this app. */
  readonly items: FencedItems;
  readonly #parts: DynamoStoreLeaseParts;
  readonly #deltas: DeltaStore;
  readonly #persistence: Persistence;
  readonly #queue = new SerialQueue();
  readonly #stop = new AbortController();
  readonly #snapshots: SnapshotWriter;
  readonly #opened: OpenedLog;
  #version: number;
  #position: number;
  /** What `open` read, for the first `load`; given up as soon as it is used or out of date. */
  #fresh: { readonly app: StoredApp | null } | null;
  #failure: AppError | null = null;
  #closing: Promise<void> | null = null;

  /** @internal Use `DynamoStateStore.open`. */
  constructor(parts: DynamoStoreLeaseParts, opened: OpenedLog) {
    const { place, lease, clock, timings, limits, keyOf } = parts;
    const { replay, pointer } = opened;
    const persistence = { lease, clock, timings, table: place.table };
    const stop = this.#stop.signal;
    this.#parts = parts;
    this.#opened = opened;
    this.#persistence = persistence;
    this.fence = lease.fence;
    this.items = new FencedItems({ ...place, lease });
    this.#deltas = new DeltaStore(
      {
        place: { client: place.client, table: parts.deltaTable },
        persistence: { ...persistence, table: parts.deltaTable },
        clock,
        keyOf,
        stop,
      },
      replay.app?.marks ?? {},
    );
    const drops = (): string => this.#deltas.drops.toStored();
    this.#snapshots = new SnapshotWriter(
      { place, persistence, limits, clock, stop, drops },
      { chars: pointer.chars, turns: replay.turns, turnChars: replay.turnChars },
    );
    this.#version = replay.app?.version ?? 0;
    this.#position = replay.position;
    this.#fresh = { app: replay.app };
  }

  /** @internal Takes up what an earlier holder left unfinished. */
  async resume(): Promise<void> {
    const { replay, pointer } = this.#opened;
    if (replay.clearing !== null) await this.#empty(replay.clearing);
    else if (pointer.swept < pointer.position)
      background(this.#snapshots.sweep(pointer.position), 'sweep of the store');
    for (const [key, epoch] of replay.drops) this.#deltas.drops.start(key, epoch);
  }

  async load(): Promise<StoredApp | null> {
    this.#assertOpen();
    const fresh = this.#fresh;
    this.#fresh = null;
    if (fresh !== null) return fresh.app;
    await this.#queue.idle();
    const { place, upgrades } = this.#parts;
    try {
      return await this.#snapshots.reading(async () => {
        const replay = await Replay.from(place, await readPointer(place), upgrades);
        return replay.app;
      });
    } catch (error) {
      throw toStoreError(error, place.table);
    }
  }

  async commit(turn: TurnRecord, snapshot: () => StoredApp): Promise<CommitResult> {
    this.#assertOpen();
    if (turn.version !== this.#version + 1) return { ok: false, conflict: 'version' };
    this.#version = turn.version;
    this.#fresh = null;
    const text = JSON.stringify(turn);
    const behind = this.#snapshots.count(text, snapshot);
    return await this.#queue.run(async () => {
      const drops = await this.#lasting(() => this.#deltas.dropsOf(turn));
      const isWritten = drops !== 'fenced' && (await this.#append('turn', text, drops));
      if (!isWritten) return { ok: false, conflict: 'fenced' };
      this.#deltas.committed(turn, drops);
      if (behind !== null)
        background(this.#snapshots.write(this.#position, behind), 'snapshot of the app');
      return { ok: true };
    });
  }

  async appendDeltas(deltas: readonly Delta[]): Promise<void> {
    this.#assertOpen();
    await this.#deltas.append(deltas);
    if (!(await this.#parts.lease.confirm())) throw this.#parts.lease.lostBecause;
  }

  async deltasAfter(work: string, seq: number): Promise<Delta[]> {
    this.#assertOpen();
    // Marks of commits under way count.
    await this.#queue.idle();
    return await this.#deltas.after(work, seq);
  }

  async clear(): Promise<void> {
    this.#assertOpen();
    this.#version = 0;
    this.#fresh = null;
    await this.#queue.run(async () => {
      const keys = this.#deltas.keys();
      const isWritten = await this.#append('clear', JSON.stringify(keys), new Map());
      if (!isWritten) throw this.#parts.lease.lostBecause;
      await this.#empty(keys);
    });
  }

  /**
   * Resolves when the deltas of an earlier work of this name are removed; await it before a launch.
   *
   * @throws `STORE_CONFLICT` when the lease was lost before
   */
  whenDropped(work: string): Promise<void> {
    return this.#deltas.whenDropped(work);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#queue.idle();
    // What is written behind goes on with the next holder.
    this.#stop.abort();
    await this.#snapshots.idle();
    await this.#deltas.drops.idle();
    await this.#parts.lease.release();
  }

  async #append(kind: LogKind, text: string, drops: ReadonlyMap<string, number>): Promise<boolean> {
    if (this.#failure !== null) throw this.#failure;
    const { place, lease } = this.#parts;
    const position = this.#position + 1;
    const drop = drops.size === 0 ? undefined : JSON.stringify(Object.fromEntries(drops));
    const record = { position, kind, fence: this.fence, storeVersion: STORE_VERSION, text, drop };
    const writer = randomUUID();
    const result = await this.#lasting(() =>
      persist(this.#persistence, (signal) => putRecord(place, record, writer, signal)),
    );
    if (result === 'refused') lease.lose();
    if (result !== 'written') return false;
    this.#position = position;
    return true;
  }

  /** What a clear record asks for; done again when it was interrupted. */
  async #empty(keys: readonly string[]): Promise<void> {
    await this.#deltas.clear(keys);
    this.#snapshots.cleared();
    await this.#snapshots.write(this.#position, 'null');
    if (this.#parts.lease.isLost) throw this.#parts.lease.lostBecause;
  }

  /** Remembers a failure that lasts (D2). */
  async #lasting<T>(send: () => Promise<T>): Promise<T> {
    try {
      return await send();
    } catch (error) {
      this.#failure = toStoreError(error, this.#parts.place.table);
      throw this.#failure;
    }
  }

  #assertOpen(): void {
    if (this.#closing !== null) throw appError('STORE_CLOSED', { app: this.#parts.place.app });
  }
}
