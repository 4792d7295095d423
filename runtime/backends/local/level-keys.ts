/**
 * Keys and values of the local store. Same key schema as the cloud tables.
 *
 * K1 Numbers are padded, so that keys sort as numbers do.
 * K2 Every value is `<crc32 of the text, 8 hex digits><JSON text>`: LevelDB does not check its table blocks,
 *    so a flipped bit would otherwise come back as another value.
 */
import { crc32 } from 'node:zlib';

/** Digits of the largest safe integer. */
const NUMBER_DIGITS = 16;
const CHECKSUM_DIGITS = 8;

/** Who holds the app: fence and version of the stored shape. */
export const LEASE_KEY = 'L';
/** What was committed last; tells a lost turn record from one that was never written. */
export const HEAD_KEY = 'H';

const SNAPSHOT_PREFIX = 'S#';
const TURN_PREFIX = 'T#';
const DELTA_PREFIX = 'D#';

/** One write: a value, or `null` to delete the key. */
export type Write = readonly [key: string, value: string | null];

/** What a key of the store stands for. */
export type KeyMeaning =
  | { readonly kind: 'lease' | 'head' | 'delta' }
  | { readonly kind: 'snapshot' | 'turn'; readonly version: number };

export function snapshotKey(version: number): string {
  return SNAPSHOT_PREFIX + padded(version);
}

export function turnKey(version: number): string {
  return TURN_PREFIX + padded(version);
}

/** Start of the keys of one work. Unequal for unequal names, also for those that are no valid Unicode. */
export function deltaPrefix(work: string): string {
  return `${DELTA_PREFIX}${encodeURIComponent(JSON.stringify(work).slice(1, -1))}#`;
}

/** Key of a run of deltas that one process wrote; the epoch keeps the runs of two processes apart. */
export function deltaKey(prefix: string, firstSeq: number, epoch: number): string {
  return `${prefix}${padded(firstSeq)}#${padded(epoch)}`;
}

/** Reads a key; `undefined` when it is none of ours. */
export function meaningOf(key: string): KeyMeaning | undefined {
  if (key === LEASE_KEY) return { kind: 'lease' };
  if (key === HEAD_KEY) return { kind: 'head' };
  if (key.startsWith(DELTA_PREFIX)) return { kind: 'delta' };
  const digits = key.slice(2);
  if (digits.length !== NUMBER_DIGITS || !/^\d+$/.test(digits)) return undefined;
  if (key.startsWith(SNAPSHOT_PREFIX)) return { kind: 'snapshot', version: Number(digits) };
  if (key.startsWith(TURN_PREFIX)) return { kind: 'turn', version: Number(digits) };
  return undefined;
}

/** Writes a value with its checksum. */
export function encodeValue(value: unknown): string {
  const text = JSON.stringify(value);
  return checksumOf(text) + text;
}

/** Reads a value; `undefined` when it is not what was written. */
export function decodeValue(stored: string): unknown {
  const text = stored.slice(CHECKSUM_DIGITS);
  if (stored.slice(0, CHECKSUM_DIGITS) !== checksumOf(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function checksumOf(text: string): string {
  return crc32(text).toString(16).padStart(CHECKSUM_DIGITS, '0');
}

function padded(number: number): string {
  return String(number).padStart(NUMBER_DIGITS, '0');
}
