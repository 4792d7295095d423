/** Checks a LevelDB log or manifest, which share one format: LevelDB `doc/log_format.md`. */
import { maskedCrc32c, uint32At } from './level-bytes.ts';

/** Bytes; records never straddle a block. */
const BLOCK_BYTES = 32_768;
/** Bytes: checksum 4, length 2, type 1. */
const HEADER_BYTES = 7;
/** Record types: the whole of an entry, or its first, middle and last part. */
const FULL = 1;
const FIRST = 2;
const LAST = 4;

/** The entries of a log that are complete, and what is wrong with it. */
export interface LogCheck {
  readonly entries: readonly Uint8Array[];
  /** `null` when it is sound; a record that the death of the writer cut off at the end is. */
  readonly damage: string | null;
}

/** Reads a log; stops at the first damage. */
export function checkLog(bytes: Uint8Array): LogCheck {
  const entries: Uint8Array[] = [];
  let parts: Uint8Array[] = [];
  let offset = 0;
  const end = (damage: string | null): LogCheck => ({
    entries,
    damage: damage === null ? null : `byte ${offset}: ${damage}`,
  });
  while (offset < bytes.length) {
    const blockEnd = Math.min(bytes.length, offset - (offset % BLOCK_BYTES) + BLOCK_BYTES);
    if (blockEnd - offset < HEADER_BYTES) {
      offset = blockEnd;
      continue;
    }
    const length = lengthAt(bytes, offset);
    const type = bytes[offset + 6] ?? 0;
    const recordEnd = offset + HEADER_BYTES + length;
    if (type === 0 && length === 0) {
      return end(
        bytes.subarray(offset).every((byte) => byte === 0) ? null : 'an empty record before others',
      );
    }
    if (recordEnd > blockEnd) {
      // Cut off by the death of the writer, unless the length itself is what is damaged.
      const isCutOff =
        blockEnd === bytes.length &&
        !hasSum(bytes, offset, blockEnd) &&
        !hasRecordAfter(bytes, offset);
      return end(isCutOff ? null : 'a record longer than its block');
    }
    if (!isRecordAt(bytes, offset, blockEnd)) return end('wrong checksum');
    if ((type === FULL || type === FIRST) !== (parts.length === 0))
      return end('parts of an entry are missing');
    parts.push(bytes.subarray(offset + HEADER_BYTES, recordEnd));
    if (type === FULL || type === LAST) {
      entries.push(parts.length === 1 ? (parts[0] ?? bytes) : Buffer.concat(parts));
      parts = [];
    }
    offset = recordEnd;
  }
  return end(null);
}

/** Whether a sound record follows somewhere: then the one at `from` was not the last one written. */
function hasRecordAfter(bytes: Uint8Array, from: number): boolean {
  for (let offset = from + 1; offset + HEADER_BYTES <= bytes.length; offset += 1) {
    if (isRecordAt(bytes, offset, bytes.length)) return true;
  }
  return false;
}

function isRecordAt(bytes: Uint8Array, offset: number, end: number): boolean {
  const type = bytes[offset + 6] ?? 0;
  const recordEnd = offset + HEADER_BYTES + lengthAt(bytes, offset);
  return type >= FULL && type <= LAST && recordEnd <= end && hasSum(bytes, offset, recordEnd);
}

/** Whether the record at `offset` has the checksum that its header tells, if it reaches to `end`. */
function hasSum(bytes: Uint8Array, offset: number, end: number): boolean {
  return maskedCrc32c(bytes, offset + 6, end) === uint32At(bytes, offset);
}

function lengthAt(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 4] ?? 0) | ((bytes[offset + 5] ?? 0) << 8);
}
