/** Reads LevelDB's number encodings; stops at the end instead of reading past it. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  offset: number;
  /** Set when something could not be read; what was read since is meaningless. */
  isBroken = false;

  constructor(bytes: Uint8Array, offset = 0) {
    this.#bytes = bytes;
    this.offset = offset;
  }

  get isAtEnd(): boolean {
    return this.isBroken || this.offset >= this.#bytes.length;
  }

  varint(): number {
    let value = 0;
    for (let factor = 1; factor < Number.MAX_SAFE_INTEGER; factor *= 128) {
      const byte = this.#bytes[this.offset];
      if (byte === undefined) break;
      this.offset += 1;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
    this.isBroken = true;
    return 0;
  }

  skip(length: number): void {
    this.offset += length;
    if (this.offset > this.#bytes.length) this.isBroken = true;
  }

  /** Skips bytes that follow their length. */
  skipSlice(): void {
    this.skip(this.varint());
  }
}

const MASK_DELTA = 0xa282ead8;
const table = makeTable();

/** LevelDB's checksum (CRC-32C, masked) of a part of `bytes`. */
export function maskedCrc32c(bytes: Uint8Array, from: number, to: number): number {
  let crc = 0xffffffff;
  for (let i = from; i < to; i += 1)
    crc = (table[(crc ^ (bytes[i] ?? 0)) & 0xff] ?? 0) ^ (crc >>> 8);
  crc = (crc ^ 0xffffffff) >>> 0;
  return (((crc >>> 15) | (crc << 17)) + MASK_DELTA) >>> 0;
}

/** A 32-bit number, little end first. */
export function uint32At(bytes: Uint8Array, offset: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(offset, true);
}

function makeTable(): Int32Array {
  const polynomial = 0x82f63b78;
  return Int32Array.from({ length: 256 }, (_, index) => {
    let value = index;
    for (let bit = 0; bit < 8; bit += 1)
      value = (value & 1) === 1 ? (value >>> 1) ^ polynomial : value >>> 1;
    return value;
  });
}
