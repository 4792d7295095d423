/**
 * Works without user code: speaks the protocol of a work's process on one socket each, as fast as acknowledgements allow.
 * Arguments: path, slots (comma-separated), deltas per socket, deltas under way per socket.
 */
import { connect } from 'node:net';
import type { FlowMessage } from '../../runtime/protocol/messages.ts';

const PROTOCOL = 1;

class Writer {
  readonly #total: number;
  readonly #maxUnderWay: number;
  #sent = 0;
  #acked = 0;
  #rest = '';

  constructor(total: number, maxUnderWay: number) {
    this.#total = total;
    this.#maxUnderWay = maxUnderWay;
  }

  /** Writes until the flow cuts the socket, as it does with a work's process. */
  feed(path: string, slot: string): void {
    const socket = connect(path);
    socket.on('error', () => process.exit());
    socket.on('close', () => process.exit());
    socket.on('data', (chunk: Buffer) => {
      const text = this.#answer(chunk);
      if (text !== '') socket.write(text);
    });
    socket.write(
      `${JSON.stringify({ type: 'hello', protocol: PROTOCOL, pid: process.pid, slot })}\n`,
    );
  }

  #answer(chunk: Buffer): string {
    const lines = (this.#rest + chunk.toString()).split('\n');
    this.#rest = lines.pop() ?? '';
    let text = '';
    for (const line of lines) {
      const message = JSON.parse(line) as FlowMessage;
      if (message.type === 'ack') this.#acked = message.seq;
      if (message.type === 'assign') text += this.#frame('"ops":[],"event":{"type":"ready"}');
    }
    const room = this.#maxUnderWay - (this.#sent - this.#acked);
    for (let left = Math.min(room, this.#total - this.#sent); left > 0; left -= 1) {
      text += this.#frame(`"ops":[{"op":"replace","path":"/vars/n","value":${this.#sent + 1}}]`);
    }
    return text;
  }

  #frame(tail: string): string {
    this.#sent += 1;
    return `{"type":"delta","seq":${this.#sent},${tail}}\n`;
  }
}

const [path = '', slots = '', total, maxUnderWay] = process.argv.slice(2);
for (const slot of slots.split(','))
  new Writer(Number(total), Number(maxUnderWay)).feed(path, slot);
