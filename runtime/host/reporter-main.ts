/**
 * The reporter thread of a work's process: it owns the socket, so the user's code is never asked to yield (R9).
 *
 * T1 `seq` is assigned here and nowhere else, in the order in which frames are written (R1).
 * T2 When the socket closes the flow is gone: the work is asked to stop, and after a grace the whole process group is
 *    killed from this thread, whatever the main thread does.
 * T3 Deltas are not kept after they are written: the socket loses nothing while the flow lives, and there is no other flow to
 *    send them to once it is gone. What is counted until acknowledged is the credit.
 */
import { rmdirSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import type { CallMessage } from '../protocol/downlink.ts';
import { encodeFrame, FrameReader } from '../protocol/framing.ts';
import { DELTA_FRAME_HEAD, parseFlowMessage, type FlowMessage } from '../protocol/messages.ts';
import { PROTOCOL_VERSION } from '../protocol/version.ts';
import type { WorkBoot } from '../protocol/work-env.ts';
import { ACKED, DIRTY, openCells, ORPHANED, STOP, STOP_SEEN, WRITTEN } from './reporter-cells.ts';
import type { ReporterCells, ReporterStart, ToMain, ToReporter } from './reporter-cells.ts';
import { Credit } from './reporter-credit.ts';
import { FlushWatch } from './reporter-flush.ts';
import { Poker } from './reporter-poke.ts';
import { UrlProbe } from './reporter-probe.ts';
import { killOwnGroup } from './process-group.ts';

/** Milliseconds until a main thread that was told to stop by message is poked, doubled up to the limit. */
const STOP_POKE_MS = 10;
const STOP_POKE_MAX_MS = 500;

class ReporterThread {
  readonly #port: MessagePort;
  readonly #boot: WorkBoot;
  readonly #shared: ReporterCells;
  readonly #socket: Socket;
  readonly #reader = new FrameReader();
  readonly #credit = new Credit();
  readonly #poker: Poker;
  readonly #probe = new UrlProbe((url) => this.#tellUrl(url));
  readonly #watch: FlushWatch;
  /** The first delta's `seq` less 1. */
  #base = 0;
  #seq = 0;
  /** Values of `seq` that this thread used for reports of its own. */
  readonly #ownSeqs: number[] = [];
  #posts = 0;
  #unwritten = '';
  #writing = false;
  #connected = false;

  constructor(port: MessagePort, { boot, pid, buffer }: ReporterStart) {
    this.#port = port;
    this.#boot = boot;
    this.#shared = openCells(buffer);
    const { cells, flushFlag } = this.#shared;
    this.#poker = new Poker(cells);
    this.#watch = new FlushWatch({
      dirty: () => Atomics.load(cells, DIRTY) !== 0,
      hasCredit: () => this.#credit.available,
      raiseFlag: () => Atomics.store(flushFlag, 0, 1),
      poke: () => this.#poker.poke(),
    });
    this.#socket = connect(boot.socket);
    this.#socket.on('data', (chunk: Buffer) => {
      for (const text of this.#reader.push(chunk)) this.#hear(parseFlowMessage(text));
    });
    this.#socket.on('connect', () => {
      this.#connected = true;
    });
    // An error is followed by `close`.
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => this.#orphaned());
    this.#socket.write(
      encodeFrame({ type: 'hello', protocol: PROTOCOL_VERSION, pid, slot: boot.slot }),
    );
  }

  /** Takes what the main thread posts. */
  listen(): void {
    this.#port.on('message', (message: ToReporter) => this.#take(message));
  }

  #take(message: ToReporter): void {
    this.#posts += 1;
    if (typeof message === 'string') {
      this.#credit.spend(message.length);
      this.#writeDelta(message);
      this.#watch.taken();
      return;
    }
    if (message.type === 'announce') this.#probe.announce(message.host, message.port);
    else if (message.type === 'calling') this.#probe.calling(message.active);
    this.#write(message.type === 'say' ? encodeFrame(message.message) : '');
  }

  #writeDelta(tail: string): void {
    this.#seq += 1;
    this.#write(`${DELTA_FRAME_HEAD}${this.#seq}${tail}`);
  }

  /** Joins what is posted together into one write. */
  #write(frame: string): void {
    this.#unwritten += frame;
    if (this.#writing) return;
    this.#writing = true;
    setImmediate(() => this.#writeAll());
  }

  #writeAll(): void {
    this.#writing = false;
    const posts = this.#posts;
    const text = this.#unwritten;
    this.#unwritten = '';
    this.#socket.write(text, () => {
      const { cells } = this.#shared;
      Atomics.store(cells, WRITTEN, posts);
      Atomics.notify(cells, WRITTEN);
    });
  }

  #hear(message: FlowMessage): void {
    switch (message.type) {
      case 'assign':
        this.#base = message.spec.seq;
        this.#seq = message.spec.seq;
        return this.#tell({ type: 'assign', spec: message.spec });
      case 'ack': {
        const acked = this.#deltasUpTo(message.seq);
        Atomics.store(this.#shared.cells, ACKED, acked);
        this.#credit.acknowledge(acked);
        return this.#watch.acknowledged();
      }
      case 'call':
        return this.#call(message);
      case 'flowDelta':
        return this.#tell({ type: 'flowDelta', ops: message.ops });
      case 'stop':
        return this.#askToStop();
    }
  }

  #call(message: CallMessage): void {
    this.#tell({ type: 'call', message, applied: this.#deltasUpTo(message.mark) });
  }

  /** How many of the main thread's deltas have a `seq` up to this one. */
  #deltasUpTo(seq: number): number {
    const own = this.#ownSeqs.filter((each) => each <= seq).length;
    return Math.max(0, seq - this.#base - own);
  }

  #tellUrl(url: string): void {
    const ops = [{ op: 'replace', path: '/vars/_url', value: url }];
    this.#writeDelta(`,"ops":${JSON.stringify(ops)}}\n`);
    this.#ownSeqs.push(this.#seq);
    this.#tell({ type: 'url', url });
  }

  #tell(message: ToMain): void {
    this.#port.postMessage(message);
  }

  #askToStop(): void {
    const { cells } = this.#shared;
    if (Atomics.exchange(cells, STOP, 1) !== 0) return;
    this.#tell({ type: 'stop' });
    this.#pokeUntilSeen(STOP_POKE_MS);
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

  #pokeUntilSeen(waitMs: number): void {
    setTimeout(() => {
      if (Atomics.load(this.#shared.cells, STOP_SEEN) !== 0) return;
      this.#poker.poke();
      this.#pokeUntilSeen(Math.min(STOP_POKE_MAX_MS, waitMs * 2));
    }, waitMs);
  }

  #orphaned(): void {
    if (!this.#connected) return killOwnGroup();
    Atomics.store(this.#shared.cells, ORPHANED, 1);
    this.#askToStop();
    this.#removeSocket();
    setTimeout(killOwnGroup, this.#boot.orphanGraceMs);
  }
}

if (parentPort === null) throw new TypeError('reporter-main runs as a worker thread only');
new ReporterThread(parentPort, workerData as ReporterStart).listen();
