/**
 * Messages on a byte stream: one JSON text per line. JSON never holds a raw line end, so none needs escaping.
 */
import { appError } from '../errors/index.ts';

const LINE_END = 0x0a;

/** Bytes that one message may have: well above the largest field, well below what a string can hold. */
export const MAX_FRAME_BYTES = 256 * 1024 * 1024;

const NONE: readonly string[] = [];

/** One message as it goes onto the stream. */
export function encodeFrame(message: object): string {
  return `${JSON.stringify(message)}\n`;
}

/** Cuts a stream into messages, wherever its chunks begin and end. */
export class FrameReader {
  #parts: Uint8Array[] = [];
  #bytes = 0;

  /**
   * Gives the texts of the messages that are complete with this chunk.
   *
   * @throws `PROTOCOL_MESSAGE_INVALID` when a message is larger than {@link MAX_FRAME_BYTES}
   */
  push(chunk: Uint8Array): readonly string[] {
    const end = chunk.lastIndexOf(LINE_END);
    if (end < 0) {
      this.#keep(chunk);
      return NONE;
    }
    const head = this.#take(chunk.subarray(0, end));
    if (end + 1 < chunk.length) this.#keep(chunk.subarray(end + 1));
    // A line end byte is never part of another character, so what lies between two of them can be decoded alone.
    return Buffer.from(head.buffer, head.byteOffset, head.length).toString('utf8').split('\n');
  }

  #keep(part: Uint8Array): void {
    this.#parts.push(part);
    this.#bytes += part.length;
    if (this.#bytes > MAX_FRAME_BYTES) {
      throw appError('PROTOCOL_MESSAGE_INVALID', {
        message: 'socket',
        problem: `it is larger than ${MAX_FRAME_BYTES} bytes`,
      });
    }
  }

  #take(last: Uint8Array): Uint8Array {
    if (this.#parts.length === 0) return last;
    const whole = Buffer.concat([...this.#parts, last]);
    this.#parts = [];
    this.#bytes = 0;
    return whole;
  }
}
