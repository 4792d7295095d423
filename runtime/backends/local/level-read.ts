/**
 * Reads and checks what a local store holds.
 *
 * Whatever does not add up is `STORE_DAMAGED`, naming the place; nothing is repaired and nothing is written.
 */
import type { ClassicLevel } from 'classic-level';
import { appError, type AppError } from '../../errors/index.ts';
import type { Delta } from '../../protocol/delta.ts';
import { foldTurn, type StoredApp, type TurnRecord } from '../../protocol/turn-record.ts';
import type { DeltaRecord } from './delta-backlog.ts';
import { decodeValue, HEAD_KEY, LEASE_KEY, meaningOf, turnKey } from './level-keys.ts';

/** Who holds the app. */
export interface LeaseRecord {
  readonly app: string;
  readonly fence: number;
  readonly storeVersion: number;
}

/** The committed part of a store. */
export interface Committed {
  readonly app: StoredApp | null;
  readonly version: number;
  /** 0 without a snapshot. */
  readonly snapshotVersion: number;
  readonly snapshotChars: number;
  /** Length of the turn records behind the snapshot. */
  readonly turnChars: number;
}

type Db = ClassicLevel;

/** Reads the lease record; `null` in a new store. */
export async function readLease(db: Db, where: string): Promise<LeaseRecord | null> {
  const stored = await db.get(LEASE_KEY);
  if (stored === undefined) return null;
  const value = decodeValue(stored);
  if (!isLease(value)) throw damaged(where, `the record ${LEASE_KEY} is unreadable`);
  return value;
}

/** Reads the newest snapshot and folds the turn records that follow. */
export async function readCommitted(db: Db, where: string): Promise<Committed> {
  let app: StoredApp | null = null;
  let head = 0;
  let snapshotVersion = 0;
  let snapshotChars = 0;
  let turnChars = 0;
  // In key order: the head, the lease, snapshots, turn records.
  for await (const [key, stored] of db.iterator({ gte: HEAD_KEY })) {
    const meaning = meaningOf(key);
    if (meaning === undefined || meaning.kind === 'delta')
      throw damaged(where, `"${key.slice(0, 40)}" is no key of ours`);
    const value = decodeValue(stored);
    if (value === undefined) throw damaged(where, `the record ${key} is unreadable`);
    if (meaning.kind === 'head') {
      if (typeof value !== 'number') throw damaged(where, `the record ${key} is unreadable`);
      head = value;
    } else if (meaning.kind === 'snapshot') {
      if (!isStoredApp(value) || value.version !== meaning.version)
        throw damaged(where, `the snapshot ${key} is unreadable`);
      app = value;
      snapshotVersion = meaning.version;
      snapshotChars = stored.length;
    } else if (meaning.kind === 'turn' && meaning.version > snapshotVersion) {
      if (!isTurn(value) || value.version !== meaning.version)
        throw damaged(where, `the turn record ${key} is unreadable`);
      app = fold(app ?? { version: 0, document: {}, marks: {}, meta: {} }, value, where);
      turnChars += stored.length;
    }
  }
  const version = app?.version ?? 0;
  if (version !== head) {
    const missing = version < head ? turnKey(version + 1) : HEAD_KEY;
    throw damaged(
      where,
      `${missing} is missing: the records end at version ${version}, ${head} was committed`,
    );
  }
  return { app, version, snapshotVersion, snapshotChars, turnChars };
}

/** Reads every stored run of deltas, in key order. */
export async function* readDeltaRecords(
  db: Db,
  where: string,
): AsyncGenerator<[key: string, record: DeltaRecord]> {
  for await (const [key, stored] of db.iterator({ lt: HEAD_KEY })) {
    if (meaningOf(key)?.kind !== 'delta')
      throw damaged(where, `"${key.slice(0, 40)}" is no key of ours`);
    yield [key, toDeltaRecord(key, stored, where)];
  }
}

/** Reads the value of a run of deltas. */
export function toDeltaRecord(key: string, stored: string, where: string): DeltaRecord {
  const value = decodeValue(stored);
  if (!isDeltaRecord(value)) throw damaged(where, `the deltas ${key} are unreadable`);
  return value;
}

export function damaged(where: string, problem: string): AppError {
  return appError('STORE_DAMAGED', { where, problem });
}

function fold(app: StoredApp, turn: TurnRecord, where: string): StoredApp {
  if (turn.version === app.version + 1) return foldTurn(app, turn);
  const wanted =
    app.version === 0 ? `a snapshot before ${turnKey(turn.version)}` : turnKey(app.version + 1);
  throw damaged(where, `${wanted} is missing`);
}

function isLease(value: unknown): value is LeaseRecord {
  return (
    isRecord(value) &&
    typeof value['app'] === 'string' &&
    Number.isSafeInteger(value['fence']) &&
    Number.isSafeInteger(value['storeVersion'])
  );
}

function isTurn(value: unknown): value is TurnRecord {
  return (
    isRecord(value) &&
    Array.isArray(value['ops']) &&
    isRecord(value['marks']) &&
    isRecord(value['meta'])
  );
}

function isStoredApp(value: unknown): value is StoredApp {
  return (
    isRecord(value) &&
    isRecord(value['document']) &&
    isRecord(value['marks']) &&
    isRecord(value['meta'])
  );
}

function isDeltaRecord(value: unknown): value is DeltaRecord {
  if (!isRecord(value) || !Number.isSafeInteger(value['after'])) return false;
  return (
    Array.isArray(value['deltas']) && value['deltas'].length > 0 && value['deltas'].every(isDelta)
  );
}

function isDelta(value: unknown): value is Delta {
  return (
    isRecord(value) &&
    typeof value['work'] === 'string' &&
    Number.isSafeInteger(value['seq']) &&
    Array.isArray(value['ops'])
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
