/**
 * Notices a turn that never yields, in which Ctrl-C cannot reach the program, and gives the signals back to the system, so
 * that Ctrl-C ends the process at once. The works end with it, and what was committed is there for `--resume`.
 *
 * W1 A thread watches; it sleeps while no turn is under way (R10).
 * W2 A turn that waits for something (it is asynchronous) is none that never yields: the main thread still answers.
 * W3 When the turn ends after all, the program hears the signals again.
 */
import { Worker } from 'node:worker_threads';
import { background } from '../errors/index.ts';
import { workerEntry } from './process-entry.ts';
import {
  ANSWER,
  ASLEEP,
  CELLS,
  RELEASE_NAME,
  TURN,
  type TurnWatchStart,
} from './turn-watch-cells.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** How long a turn may keep the program from hearing anything. */
const LIMIT_MS = 3_000;

type Signal = (typeof SIGNALS)[number];

export class TurnWatch {
  readonly #cells = new Int32Array(new SharedArrayBuffer(CELLS * Int32Array.BYTES_PER_ELEMENT));
  readonly #worker: Worker;
  readonly #taken = new Map<Signal, NodeJS.SignalsListener[]>();

  constructor(limitMs = LIMIT_MS) {
    const start: TurnWatchStart = { cells: this.#cells, limitMs };
    this.#worker = new Worker(workerEntry(import.meta.url, 'turn-watch-main'), {
      workerData: start,
    });
    this.#worker.on('message', (turn: number) => this.#answer(turn));
    // Without the thread a turn is simply not watched.
    this.#worker.on('error', () => undefined);
    this.#worker.unref();
    Object.defineProperty(globalThis, Symbol.for(RELEASE_NAME), {
      value: () => this.#release(),
      configurable: true,
    });
  }

  begin(): void {
    Atomics.add(this.#cells, TURN, 1);
    if (Atomics.load(this.#cells, ASLEEP) !== 0) Atomics.notify(this.#cells, TURN);
  }

  end(): void {
    Atomics.add(this.#cells, TURN, 1);
    if (this.#taken.size > 0) this.#restore();
  }

  close(): void {
    background(this.#worker.terminate(), 'ending the watch of turns');
    Reflect.deleteProperty(globalThis, Symbol.for(RELEASE_NAME));
    this.#restore();
  }

  #answer(turn: number): void {
    Atomics.store(this.#cells, ANSWER, turn);
    Atomics.notify(this.#cells, ANSWER);
  }

  /** Called by the thread in the middle of user code. */
  #release(): void {
    for (const signal of SIGNALS) {
      this.#taken.set(signal, process.listeners(signal));
      process.removeAllListeners(signal);
    }
  }

  #restore(): void {
    for (const [signal, listeners] of this.#taken) {
      for (const listener of listeners) process.on(signal, listener);
    }
    this.#taken.clear();
  }
}
