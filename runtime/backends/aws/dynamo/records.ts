/**
 * What a stored text means: turn records and snapshots, checked, and brought to the present shape.
 *
 * Every record carries the {@link STORE_VERSION} it was written with. {@link UPGRADES} has, by version, what makes the next
 * version's shape of it; it is empty, because there has only been version 1. Whoever raises the version adds the entry
 * for the one before, and what was stored stays readable.
 */
import { appError, type AppError } from '../../../errors/index.ts';
import type { StoredApp, TurnRecord } from '../../../protocol/turn-record.ts';
import { STORE_VERSION } from '../../../protocol/version.ts';

/** Makes shapes of one version into those of the next. */
export interface Upgrade {
  readonly turn: (stored: unknown) => unknown;
  readonly app: (stored: unknown) => unknown;
}

export type Upgrades = Readonly<Record<number, Upgrade>>;

export const UPGRADES: Upgrades = {};

/** Where a record was found, for errors. */
export interface RecordPlace {
  readonly table: string;
  readonly key: string;
  readonly storeVersion: number;
  readonly upgrades: Upgrades;
}

/** @throws `STORE_DAMAGED`, `STORE_VERSION_UNKNOWN` */
export function parseTurn(text: string, place: RecordPlace): TurnRecord {
  const value = upgraded(text, place, 'turn');
  if (!isTurn(value)) throw damaged(place.table, `the turn record ${place.key} is unreadable`);
  return value;
}

/**
 * Reads a snapshot; `null` is an app that was cleared.
 *
 * @throws `STORE_DAMAGED`, `STORE_VERSION_UNKNOWN`
 */
export function parseSnapshot(text: string, place: RecordPlace): StoredApp | null {
  if (text === 'null') return null;
  const value = upgraded(text, place, 'app');
  if (!isStoredApp(value)) throw damaged(place.table, `the snapshot ${place.key} is unreadable`);
  return value;
}

/** Names of keys that a clearing emptied, as it was recorded. */
export function parseKeys(text: string, place: RecordPlace): string[] {
  const value = parsed(text, place);
  if (!Array.isArray(value) || !value.every((key) => typeof key === 'string'))
    throw damaged(place.table, `the record ${place.key} is unreadable`);
  return value;
}

/** Epochs by key of a work, as in a record's `drop`. */
export function parseDrops(text: string | undefined, table: string): Map<string, number> {
  const drops = new Map<string, number>();
  const value: unknown = text === undefined ? {} : JSON.parse(text);
  if (!isRecord(value)) throw damaged(table, 'the list of works to drop is unreadable');
  for (const [key, epoch] of Object.entries(value)) drops.set(key, Number(epoch));
  return drops;
}

export function damaged(table: string, problem: string): AppError {
  const advice = 'restore the table to a point in time before the damage (see docs/aws-backend.md)';
  return appError('STORE_DAMAGED', { where: `DynamoDB table ${table}`, problem, advice });
}

function upgraded(text: string, place: RecordPlace, kind: keyof Upgrade): unknown {
  let value = parsed(text, place);
  for (let version = place.storeVersion; version !== STORE_VERSION; version += 1) {
    const upgrade = place.upgrades[version];
    if (upgrade === undefined) {
      const where = `${place.key} of DynamoDB table ${place.table}`;
      throw appError('STORE_VERSION_UNKNOWN', { where, version, known: STORE_VERSION });
    }
    value = upgrade[kind](value);
  }
  return value;
}

function parsed(text: string, { table, key }: RecordPlace): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw damaged(table, `the record ${key} is unreadable`);
  }
}

function isTurn(value: unknown): value is TurnRecord {
  return (
    isRecord(value) &&
    Number.isSafeInteger(value['version']) &&
    Array.isArray(value['ops']) &&
    isRecord(value['marks']) &&
    isRecord(value['meta'])
  );
}

function isStoredApp(value: unknown): value is StoredApp {
  return (
    isRecord(value) &&
    Number.isSafeInteger(value['version']) &&
    isRecord(value['document']) &&
    isRecord(value['marks']) &&
    isRecord(value['meta'])
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
