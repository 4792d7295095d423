/**
 * The line of a local work: a socket to the flow's process.
 *
 * S1 `seq` is assigned here and nowhere else, in the order in which frames are written (R1).
 * S2 When the socket closes the flow is gone; a new one starts its works anew.
 * S3 Deltas are not kept after they are written: the socket loses nothing while the flow lives, and there is no other flow to
 *    send them to once it is gone. What is counted until acknowledged is the credit.
 */
import { rmdirSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { dirname } from 'node:path';
import type { WorkChannel, WorkChannelListener, WorkNotice } from '../ports/work-channel.ts';
import { formatTail } from '../protocol/frame-tail.ts';
import { encodeFrame, FrameReader } from '../protocol/framing.ts';
import { DELTA_FRAME_HEAD, parseFlowMessage, type FlowMessage } from '../protocol/messages.ts';
import { PROTOCOL_VERSION } from '../protocol/version.ts';
import type { SocketBoot } from '../protocol/work-env.ts';
import type { Operation } from '../state/operation.ts';

export class SocketWorkChannel implements WorkChannel {
  readonly #boot: SocketBoot;
  readonly #listener: WorkChannelListener;
  readonly #socket: Socket;
  readonly #reader = new FrameReader();
  /** The first delta's `seq` less 1. */
  #base = 0;
  #seq = 0;
  /** Values of `seq` that are no post. */
  readonly #ownSeqs: number[] = [];
  #given = 0;
  #unwritten = '';
  #writing = false;
  #connected = false;

  constructor(boot: SocketBoot, pid: number, listener: WorkChannelListener) {
    this.#boot = boot;
    this.#listener = listener;
    this.#socket = connect(boot.socket);
    this.#socket.on('data', (chunk: Buffer) => {
      for (const text of this.#reader.push(chunk)) this.#hear(parseFlowMessage(text));
    });
    this.#socket.on('connect', () => {
      this.#connected = true;
    });
    // An error is followed by `close`.
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => this.#closed());
    this.#socket.write(
      encodeFrame({ type: 'hello', protocol: PROTOCOL_VERSION, pid, slot: boot.slot }),
    );
  }

  post(tail: string): void {
    this.#seq += 1;
    this.#write(`${DELTA_FRAME_HEAD}${this.#seq}${tail}`);
  }

  report(ops: readonly Operation[]): void {
    this.post(formatTail(ops));
    this.#ownSeqs.push(this.#seq);
  }

  say(message: WorkNotice): void {
    this.#write(encodeFrame(message));
  }

  given(count: number): void {
    this.#given = count;
    this.#write('');
  }

  /** Joins what is given together into one write. */
  #write(frame: string): void {
    this.#unwritten += frame;
    if (this.#writing) return;
    this.#writing = true;
    setImmediate(() => this.#writeAll());
  }

  #writeAll(): void {
    this.#writing = false;
    const given = this.#given;
    const text = this.#unwritten;
    this.#unwritten = '';
    this.#socket.write(text, () => this.#listener.written(given));
  }

  #hear(message: FlowMessage): void {
    switch (message.type) {
      case 'assign':
        this.#base = message.spec.seq;
        this.#seq = message.spec.seq;
        return this.#listener.assigned(message.spec);
      case 'ack':
        return this.#listener.acknowledged(this.#postsUpTo(message.seq));
      case 'call':
        return this.#listener.call(message, this.#postsUpTo(message.mark));
      case 'flowDelta':
        return this.#listener.flowDelta(message.ops);
      case 'stop':
        return this.#listener.stop(0);
    }
  }

  #postsUpTo(seq: number): number {
    const own = this.#ownSeqs.filter((each) => each <= seq).length;
    return Math.max(0, seq - this.#base - own);
  }

  #closed(): void {
    if (this.#connected) this.#removeSocket();
    this.#listener.gone(this.#connected ? this.#boot.orphanGraceMs : 0);
  }

  /** What the flow would have done; another work's process may have been faster. */
  #removeSocket(): void {
    if (process.platform === 'win32') return;
    try {
      rmSync(this.#boot.socket, { force: true });
      rmdirSync(dirname(this.#boot.socket));
    } catch {
      // Not ours to remove, or gone.
    }
  }
}
