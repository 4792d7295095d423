/**
 * Texts on disk, first in, first out: what a work still has to say when its table cannot be reached for long.
 *
 * The file has no name: it is unlinked as soon as it is open, so nothing is left of it however the process ends. It lives in the
 * task's temporary directory, is bounded, and gives its space back whenever it runs empty.
 */
import { closeSync, ftruncateSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';

/** Bytes before each text: its length. */
const HEAD_BYTES = 8;

export class SpillFile {
  readonly #maxBytes: number;
  readonly #directory: string;
  #fd: number | null = null;
  #readAt = 0;
  #writtenTo = 0;

  /** @param directory - @default - that of the system's temporary files */
  constructor(maxBytes: number, directory: string = tmpdir()) {
    this.#maxBytes = maxBytes;
    this.#directory = directory;
  }

  get isEmpty(): boolean {
    return this.#readAt === this.#writtenTo;
  }

  /** Bytes that wait. */
  get bytes(): number {
    return this.#writtenTo - this.#readAt;
  }

  /** Appends a text; false when the file is full, or the disk is. */
  push(text: string): boolean {
    const body = Buffer.from(text);
    if (this.#writtenTo + HEAD_BYTES + body.length > this.#maxBytes) return false;
    const head = Buffer.alloc(HEAD_BYTES);
    head.writeBigUInt64BE(BigInt(body.length));
    try {
      this.#fd ??= openUnnamed(this.#directory);
      writeAll(this.#fd, Buffer.concat([head, body]), this.#writtenTo);
    } catch {
      // What was written of it lies behind the end and will be written over.
      return false;
    }
    this.#writtenTo += HEAD_BYTES + body.length;
    return true;
  }

  /** Takes the oldest text; `null` when there is none. */
  shift(): string | null {
    if (this.#fd === null || this.isEmpty) return null;
    const head = readAll(this.#fd, HEAD_BYTES, this.#readAt);
    const length = Number(head.readBigUInt64BE());
    const text = readAll(this.#fd, length, this.#readAt + HEAD_BYTES).toString();
    this.#readAt += HEAD_BYTES + length;
    if (this.isEmpty) {
      ftruncateSync(this.#fd);
      this.#readAt = 0;
      this.#writtenTo = 0;
    }
    return text;
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
    this.#readAt = 0;
    this.#writtenTo = 0;
  }
}

function openUnnamed(directory: string): number {
  const path = join(directory, `stormkite-${randomUUID()}`);
  const fd = openSync(path, 'wx+', 0o600);
  rmSync(path, { force: true });
  return fd;
}

function writeAll(fd: number, bytes: Buffer, at: number): void {
  for (let done = 0; done < bytes.length;)
    done += writeSync(fd, bytes, done, bytes.length - done, at + done);
}

function readAll(fd: number, length: number, at: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let done = 0; done < length;) {
    const read = readSync(fd, bytes, done, length - done, at + done);
    if (read === 0) throw new RangeError('the spilled deltas end too early');
    done += read;
  }
  return bytes;
}
