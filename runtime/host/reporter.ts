/**
 * The main thread's side of reporting (R9): posts changes to the reporter thread, at once when they are few.
 *
 * P1 A change is posted when it is made while tokens and credit last; else it only marks {@link DIRTY}, and is posted
 *    when the main thread yields, when the reporter thread raises the flush flag (the next write sees it), or when it
 *    pokes (a busy loop that does not write).
 * P2 DIRTY is set before the clock is read, so whatever is left unposted for want of a token was marked within 1 ms of
 *    a post, and the thread, which looks some milliseconds after every post, finds it.
 * P3 A poke never drains in the middle of a change: it does nothing while a frame of `state/` is on the stack.
 * P4 Posts are numbered in order; the thread alone turns them into `seq`.
 */
import { Worker } from 'node:worker_threads';
import type { WorkNotice } from '../ports/work-channel.ts';
import type { WorkEvent } from '../protocol/delta.ts';
import { formatTail } from '../protocol/frame-tail.ts';
import type { Operation } from '../state/operation.ts';
import type { Fields } from '../state/tracked.ts';
import { workerEntry } from './process-entry.ts';
import {
  ACKED,
  createCells,
  DIRTY,
  EXITING,
  LEAVE,
  ORPHANED,
  POKE_NAME,
  POKING,
  STOP,
  STOP_SEEN,
  WRITTEN,
} from './reporter-cells.ts';
import type { ReporterStart, ToMain, ToReporter } from './reporter-cells.ts';
import { Credit } from './reporter-credit.ts';
import { isChangingState } from './reporter-stack.ts';
import { TouchedPaths } from './reporter-touched.ts';
import type { WorkBoot } from './work-boot.ts';

/** Deltas that may be posted at once after a pause; refilled at one per millisecond. */
const BURST = 64;
/** Milliseconds until a yielding writer without tokens posts. */
const PACE_MS = 1;
/** Milliseconds that a local process waits at its end for its last deltas to leave it. */
const EXIT_FLUSH_MS = 5_000;

const VARS = '/vars';

export class Reporter {
  readonly #worker: Worker;
  readonly #exitFlushMs: number;
  readonly #shared = createCells();
  readonly #cells = this.#shared.cells;
  readonly #credit = new Credit();
  readonly #touched = new TouchedPaths();
  #fields: Fields | null = null;
  #handler: ((message: ToMain) => void) | null = null;
  #early: ToMain[] = [];
  #onStopFlag: () => void = () => undefined;
  /** Posts of all kinds, and of deltas. */
  #posts = 0;
  #deltas = 0;
  #tokens = BURST;
  #tokensAt = 0;
  #busy = false;
  #scheduled = false;
  #dead = false;

  constructor(boot: WorkBoot) {
    this.#exitFlushMs = boot.kind === 'socket' ? EXIT_FLUSH_MS : boot.timings.exitFlushMs;
    const { buffer } = this.#shared;
    const start: ReporterStart = { boot, pid: process.pid, buffer };
    this.#worker = new Worker(workerEntry(import.meta.url, 'reporter-main'), { workerData: start });
    this.#worker.on('message', (message: ToMain) => this.#hear(message));
    // Without the thread the flow cannot be reached any more.
    this.#worker.on('error', (error) => {
      this.#dead = true;
      process.stderr.write(
        `stormkite: the reporter of this work failed: ${error.stack ?? error.message}\n`,
      );
      process.exit(70);
    });
    Object.defineProperty(globalThis, Symbol.for(POKE_NAME), { value: () => this.#poke() });
  }

  /** Hears what the reporter thread posts, also what came before. */
  listen(handler: (message: ToMain) => void): void {
    this.#handler = handler;
    const early = this.#early;
    this.#early = [];
    for (const message of early) handler(message);
  }

  /** Hears, possibly in the middle of user code, that the stop flag was raised. */
  set onStopFlag(handler: () => void) {
    this.#onStopFlag = handler;
  }

  /** Streams the changes of these fields from now on. */
  attach(fields: Fields): void {
    this.#fields = fields;
    fields.hooks = {
      ...fields.hooks,
      onDirty: () => this.#onDirty(),
      flushFlag: this.#shared.flushFlag,
      onFlushRequested: () => this.#onFlushRequested(),
    };
  }

  get stopAsked(): boolean {
    return Atomics.load(this.#cells, STOP) !== 0;
  }

  /** Exit code of a process that ends because it was asked to. */
  get stopCode(): number {
    return Math.max(0, Atomics.load(this.#cells, STOP) - 1);
  }

  get orphaned(): boolean {
    return Atomics.load(this.#cells, ORPHANED) !== 0;
  }

  /** Number of the latest delta that was posted. */
  get deltas(): number {
    return this.#deltas;
  }

  /** The process was told to stop by a signal. */
  raiseStop(): void {
    Atomics.compareExchange(this.#cells, STOP, 0, 1);
  }

  stopSeen(): void {
    Atomics.store(this.#cells, STOP_SEEN, 1);
  }

  /** Reports an event after all changes before it (R7), whatever is under way. */
  emit(event: WorkEvent): void {
    this.#undisturbed(() => this.#drain(event));
  }

  /** Posts pending changes now, whatever is under way. */
  flush(): void {
    this.#undisturbed(() => this.#drain());
  }

  say(message: WorkNotice): void {
    this.#post({ type: 'say', message });
  }

  announce(host: string, port: number): void {
    this.#post({ type: 'announce', host, port });
  }

  calling(active: boolean): void {
    this.#post({ type: 'calling', active });
  }

  /** What of a call's fold is to be applied: pending changes are posted first, so that they count too. */
  foldable(fold: readonly Operation[], applied: number): Operation[] {
    return this.#undisturbed(() => {
      this.#drain();
      return this.#touched.withoutConflicts(fold, applied);
    });
  }

  /** Blocks until nothing of this process can be lost any more. For the `exit` event only. */
  flushAndWait(): void {
    if (Atomics.load(this.#cells, LEAVE) !== 0) return;
    this.flush();
    Atomics.store(this.#cells, EXITING, 1);
    this.#waitWhile(WRITTEN, (written) => ((this.#posts - written) | 0) > 0);
    this.#waitWhile(POKING, (poking) => poking !== 0);
  }

  #waitWhile(cell: number, holds: (value: number) => boolean): void {
    const deadline = performance.now() + this.#exitFlushMs;
    for (;;) {
      const value = Atomics.load(this.#cells, cell);
      const left = deadline - performance.now();
      if (!holds(value) || left <= 0 || this.#dead) return;
      Atomics.wait(this.#cells, cell, value, left);
    }
  }

  #hear(message: ToMain): void {
    if (message.type === 'leave') this.#leaveIfTold();
    if (this.#handler) this.#handler(message);
    else this.#early.push(message);
  }

  #onDirty(): void {
    Atomics.store(this.#cells, DIRTY, 1);
    if (this.#flushWithToken() || this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#onYield());
  }

  #onYield(): void {
    if (this.#dirty && this.#tokens < 1 && !this.#flushWithToken()) {
      setTimeout(() => this.#onYield(), PACE_MS);
      return;
    }
    this.#scheduled = false;
    // What has no credit now is asked for by the thread later.
    if (this.#dirty) this.#flushWithToken();
  }

  get #dirty(): boolean {
    return Atomics.load(this.#cells, DIRTY) !== 0;
  }

  /** Posts if a token and credit are there; what was not posted costs no token (P2). */
  #flushWithToken(): boolean {
    const now = performance.now();
    this.#tokens = Math.min(BURST, this.#tokens + now - this.#tokensAt);
    this.#tokensAt = now;
    if (this.#tokens < 1 || !this.#flushIfPossible()) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Without credit the changes stay where they are; the thread asks again when there is room. */
  #flushIfPossible(): boolean {
    return this.#undisturbed(() => {
      this.#credit.acknowledge(Atomics.load(this.#cells, ACKED));
      if (this.#credit.available) return this.#drain();
      Atomics.store(this.#shared.flushFlag, 0, 0);
      return false;
    });
  }

  /** The writer is fast: it is served by the flag alone until it pauses. */
  #onFlushRequested(): void {
    if (!this.#flushIfPossible()) return;
    this.#tokens = 0;
    this.#tokensAt = performance.now();
  }

  /** From a message or a poke, whichever reaches this thread. */
  #leaveIfTold(): void {
    const leave = Atomics.load(this.#cells, LEAVE);
    if (leave > 0) process.exit(leave - 1);
  }

  #poke(): void {
    this.#leaveIfTold();
    if (this.#busy || isChangingState()) return;
    if (this.stopAsked) this.#onStopFlag();
    if (this.#dirty) this.#flushIfPossible();
  }

  /** Gives the pending changes and the event to the thread; false when there were none. */
  #drain(event?: WorkEvent): boolean {
    Atomics.store(this.#cells, DIRTY, 0);
    Atomics.store(this.#shared.flushFlag, 0, 0);
    const ops = toDocumentPaths(this.#fields?.drain() ?? []);
    if (ops.length === 0 && event === undefined) return false;
    this.#deltas += 1;
    this.#touched.note(ops, this.#deltas);
    const frame = formatTail(ops, event);
    this.#credit.spend(frame.length);
    this.#post(frame);
    return true;
  }

  /** Keeps pokes, which may come at any moment, out of what they would disturb. */
  #undisturbed<T>(action: () => T): T {
    this.#busy = true;
    try {
      return action();
    } finally {
      this.#busy = false;
    }
  }

  #post(message: ToReporter): void {
    this.#posts += 1;
    this.#worker.postMessage(message);
  }
}

/** `/loss` of the fields is `/vars/loss` of the work's document. */
function toDocumentPaths(ops: readonly Operation[]): Operation[] {
  return ops.map((op) =>
    'from' in op
      ? { ...op, from: VARS + op.from, path: VARS + op.path }
      : { ...op, path: VARS + op.path },
  );
}
