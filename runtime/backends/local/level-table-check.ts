/** Checks a LevelDB table: LevelDB `doc/table_format.md`. Our tables are not compressed. */
import { ByteReader, maskedCrc32c, uint32At } from './level-bytes.ts';

const FOOTER_BYTES = 48;
const MAGIC_LOW = 0x8b80fb57;
const MAGIC_HIGH = 0xdb477524;
/** Bytes behind each block: compression type 1, checksum 4. */
const TRAILER_BYTES = 5;

interface Block {
  readonly offset: number;
  readonly size: number;
}

/** What is wrong with a table, or `null`. */
export function findTableDamage(bytes: Uint8Array): string | null {
  const footer = bytes.length - FOOTER_BYTES;
  if (footer < 0) return 'it is too short';
  if (
    uint32At(bytes, bytes.length - 8) !== MAGIC_LOW ||
    uint32At(bytes, bytes.length - 4) !== MAGIC_HIGH
  ) {
    return 'its end is not that of a table';
  }
  const reader = new ByteReader(bytes, footer);
  const metaIndex = readHandle(reader);
  const index = readHandle(reader);
  for (const root of [metaIndex, index]) {
    if (!isSound(bytes, root)) return `byte ${root.offset}: wrong checksum`;
    const blocks = blocksIn(bytes, root);
    if (blocks === null) return `byte ${root.offset}: an index is unreadable`;
    for (const block of blocks)
      if (!isSound(bytes, block)) return `byte ${block.offset}: wrong checksum`;
  }
  return null;
}

/** The blocks that an index names. */
function blocksIn(bytes: Uint8Array, { offset, size }: Block): Block[] | null {
  // Behind the entries: the offsets of restart points and their number.
  const entriesEnd = offset + size - 4 - 4 * uint32At(bytes, offset + size - 4);
  const reader = new ByteReader(bytes, offset);
  const blocks: Block[] = [];
  while (!reader.isAtEnd && reader.offset < entriesEnd) {
    reader.varint();
    const keyLength = reader.varint();
    const valueLength = reader.varint();
    reader.skip(keyLength);
    const next = reader.offset + valueLength;
    blocks.push(readHandle(reader));
    reader.offset = next;
  }
  return reader.isBroken || reader.offset !== entriesEnd ? null : blocks;
}

function readHandle(reader: ByteReader): Block {
  return { offset: reader.varint(), size: reader.varint() };
}

function isSound(bytes: Uint8Array, { offset, size }: Block): boolean {
  const end = offset + size;
  if (size < 4 || end + TRAILER_BYTES > bytes.length) return false;
  return maskedCrc32c(bytes, offset, end + 1) === uint32At(bytes, end + 1);
}
