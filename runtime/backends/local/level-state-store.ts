/**
 * The local state store: one LevelDB folder per app.
 *
 * S1 Memory runs ahead of the disk: version, marks and backlog change when a call is made, in the order of the calls, and the
 *    write queue keeps that order. A failed write ends the lease (see `write-queue.ts`), so they cannot part.
 * S2 A commit is one atomic batch: turn record (or the snapshot that replaces it), head, deletions.
 * S3 A snapshot replaces every turn record up to it, in the same batch; there is never a moment without one or the other.
 */
import { ClassicLevel } from 'classic-level';
import { appError } from '../../errors/index.ts';
import type { CommitResult, StateStore, StoreLease } from '../../ports/state-store.ts';
import type { Delta } from '../../protocol/delta.ts';
import type { StoredApp, TurnRecord } from '../../protocol/turn-record.ts';
import { STORE_VERSION } from '../../protocol/version.ts';
import { DeltaBacklog, orderDeltas } from './delta-backlog.ts';
import { isLocked } from './keep-aside.ts';
import { findStoreDamage } from './level-check.ts';
import { toStoreError } from './level-errors.ts';
import {
  encodeValue,
  HEAD_KEY,
  LEASE_KEY,
  snapshotKey,
  turnKey,
  type Write,
} from './level-keys.ts';
import {
  damaged,
  readCommitted,
  readDeltaRecords,
  readLease,
  toDeltaRecord,
  type Committed,
} from './level-read.ts';
import { WriteQueue } from './write-queue.ts';

export { keepAside } from './keep-aside.ts';

/** When turn records are replaced by a snapshot. */
export interface SnapshotLimits {
  /**
   * Characters of turn records; the snapshot's own length times two when that is more.
   *
   * @default 1 MiB
   */
  readonly turnChars?: number;
  /** @default 1,000 turn records */
  readonly turns?: number;
}

const DEFAULT_LIMITS: Required<SnapshotLimits> = { turnChars: 1_048_576, turns: 1_000 };
/** So that writing snapshots costs no more than half of what writing turn records does. */
const SNAPSHOT_FACTOR = 2;

/** Keeps one app in a folder. What was acknowledged survives the death of the process; there is no fsync. */
export class LevelStateStore implements StateStore {
  readonly #directory: string;
  readonly #limits: Required<SnapshotLimits>;

  constructor(directory: string, limits: SnapshotLimits = {}) {
    this.#directory = directory;
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
  }

  /**
   * Opens the store and reads it whole, so that damage shows before anything is written.
   *
   * @throws `STORE_LOCKED`, `STORE_DAMAGED`, `STORE_VERSION_UNKNOWN`, `STORE_UNREACHABLE`
   */
  async open(app: string): Promise<StoreLease> {
    const where = this.#directory;
    let db: ClassicLevel | undefined;
    try {
      const damage = await findStoreDamage(where);
      if (damage !== null) {
        if (await isLocked(where)) throw appError('STORE_LOCKED', { app, where });
        throw damaged(where, damage);
      }
      // Opens by itself in the next tick. Without compression the files can be checked, and are written faster.
      db = new ClassicLevel(where, { compression: false });
      await db.open();
      const before = await readLease(db, where);
      if (before !== null && before.storeVersion > STORE_VERSION) {
        throw appError('STORE_VERSION_UNKNOWN', {
          where,
          version: before.storeVersion,
          known: STORE_VERSION,
        });
      }
      if (before !== null && before.app !== app)
        throw damaged(where, `it belongs to the app "${before.app}"`);
      const backlog = new DeltaBacklog();
      for await (const [key, record] of readDeltaRecords(db, where)) {
        if (!backlog.restore(key, record))
          throw damaged(where, `the deltas ${key} are under the wrong key`);
      }
      const committed = await readCommitted(db, where);
      backlog.restoreMarks(committed.app?.marks ?? {});
      const gap = backlog.findGap();
      if (gap !== null) throw damaged(where, gap);
      const fence = (before?.fence ?? 0) + 1;
      await db.put(LEASE_KEY, encodeValue({ app, fence, storeVersion: STORE_VERSION }));
      return new LevelLease({ app, where, fence, db, limits: this.#limits, backlog }, committed);
    } catch (error) {
      await db?.close().catch(() => undefined);
      throw toStoreError(error, app, where);
    }
  }
}

interface LeaseParts {
  readonly app: string;
  readonly where: string;
  readonly fence: number;
  readonly db: ClassicLevel;
  readonly limits: Required<SnapshotLimits>;
  readonly backlog: DeltaBacklog;
}

class LevelLease implements StoreLease {
  readonly fence: number;
  readonly #parts: LeaseParts;
  readonly #queue: WriteQueue;
  #version: number;
  #snapshotVersion: number;
  #snapshotChars: number;
  #turnChars: number;
  /** What `open` read, for the first `load`; given up as soon as it is used or out of date. */
  #fresh: Committed | undefined;
  #closing: Promise<void> | undefined;

  constructor(parts: LeaseParts, committed: Committed) {
    this.fence = parts.fence;
    this.#parts = parts;
    this.#queue = new WriteQueue(parts.db, this.#toError);
    this.#version = committed.version;
    this.#snapshotVersion = committed.snapshotVersion;
    this.#snapshotChars = committed.snapshotChars;
    this.#turnChars = committed.turnChars;
    this.#fresh = committed;
  }

  async load(): Promise<StoredApp | null> {
    this.#assertOpen();
    const fresh = this.#fresh;
    this.#fresh = undefined;
    if (fresh !== undefined) return fresh.app;
    await this.#queue.write([]);
    return (await this.#reading(() => readCommitted(this.#parts.db, this.#parts.where))).app;
  }

  async commit(turn: TurnRecord, snapshot: () => StoredApp): Promise<CommitResult> {
    this.#assertOpen();
    if (turn.version !== this.#version + 1) return { ok: false, conflict: 'version' };
    const record = encodeValue(turn);
    const writes = this.#isSnapshotDue(record)
      ? this.#replaceTurns(turn.version, encodeValue(snapshot()))
      : this.#addTurn(turn.version, record);
    this.#fresh = undefined;
    writes.push([HEAD_KEY, encodeValue(turn.version)], ...this.#parts.backlog.advance(turn.marks));
    await this.#queue.write(writes);
    return { ok: true };
  }

  async appendDeltas(deltas: readonly Delta[]): Promise<void> {
    this.#assertOpen();
    // Also when all of them are repeats: the first ones may not be durable yet.
    await this.#queue.write(this.#parts.backlog.append(deltas));
  }

  async deltasAfter(work: string, seq: number): Promise<Delta[]> {
    this.#assertOpen();
    const { backlog, db, where } = this.#parts;
    const keys = backlog.keysAfter(work, seq);
    await this.#queue.write([]);
    const values = await this.#reading(() => db.getMany(keys));
    const found: Delta[] = [];
    for (const [index, key] of keys.entries()) {
      const stored = values[index];
      if (stored !== undefined) found.push(...toDeltaRecord(key, stored, where).deltas);
      else if (backlog.holds(work, key)) throw damaged(where, `the deltas ${key} are missing`);
    }
    return orderDeltas(found, seq);
  }

  async clear(): Promise<void> {
    this.#assertOpen();
    const writes: Write[] = [
      [HEAD_KEY, null],
      ...this.#parts.backlog.clear(),
      ...this.#forgetTurns(this.#version),
    ];
    this.#fresh = undefined;
    this.#version = 0;
    this.#snapshotVersion = 0;
    this.#snapshotChars = 0;
    await this.#queue.write(writes);
  }

  close(): Promise<void> {
    this.#closing ??= this.#queue.drained().then(() => this.#parts.db.close());
    return this.#closing;
  }

  #isSnapshotDue(record: string): boolean {
    const { turnChars, turns } = this.#parts.limits;
    const maxChars = Math.max(turnChars, SNAPSHOT_FACTOR * this.#snapshotChars);
    return (
      this.#turnChars + record.length > maxChars ||
      this.#version + 1 - this.#snapshotVersion >= turns
    );
  }

  #addTurn(version: number, record: string): Write[] {
    this.#version = version;
    this.#turnChars += record.length;
    return [[turnKey(version), record]];
  }

  #replaceTurns(version: number, record: string): Write[] {
    const writes: Write[] = [[snapshotKey(version), record], ...this.#forgetTurns(this.#version)];
    this.#version = version;
    this.#snapshotVersion = version;
    this.#snapshotChars = record.length;
    return writes;
  }

  /** Deletes the snapshot and the turn records behind it up to a version. */
  #forgetTurns(upTo: number): Write[] {
    const writes: Write[] =
      this.#snapshotVersion > 0 ? [[snapshotKey(this.#snapshotVersion), null]] : [];
    for (let version = this.#snapshotVersion + 1; version <= upTo; version += 1)
      writes.push([turnKey(version), null]);
    this.#turnChars = 0;
    return writes;
  }

  async #reading<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      throw this.#toError(error);
    }
  }

  readonly #toError = (cause: unknown): Error =>
    toStoreError(cause, this.#parts.app, this.#parts.where);

  #assertOpen(): void {
    if (this.#closing !== undefined) throw appError('STORE_CLOSED', { app: this.#parts.app });
  }
}
