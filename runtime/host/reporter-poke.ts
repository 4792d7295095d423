/**
 * Calls a function on the main thread from the reporter thread, also while the main thread is in a busy loop.
 *
 * A session is attached for one call only, and never while the process exits: Node would wait for it to go.
 */
import { Session } from 'node:inspector';
import { EXITING, POKE_NAME, POKING } from './reporter-cells.ts';

/** Milliseconds after which a main thread that does not answer is taken to be blocked natively. */
const ANSWER_MS = 100;

const EXPRESSION = `globalThis[Symbol.for(${JSON.stringify(POKE_NAME)})]?.()`;

export class Poker {
  readonly #cells: Int32Array;
  #session: Session | null = null;

  /** @param cells - shared with the main thread */
  constructor(cells: Int32Array) {
    this.#cells = cells;
  }

  /** Does nothing while an earlier poke is not answered. */
  poke(): void {
    if (this.#session !== null) return;
    Atomics.store(this.#cells, POKING, 1);
    if (Atomics.load(this.#cells, EXITING) !== 0) return this.#over();
    const session = new Session();
    this.#session = session;
    session.connectToMainThread();
    const timer = setTimeout(() => this.#end(session), ANSWER_MS);
    session.post('Runtime.evaluate', { expression: EXPRESSION, silent: true }, () => {
      clearTimeout(timer);
      this.#end(session);
    });
  }

  #end(session: Session): void {
    if (this.#session !== session) return;
    this.#session = null;
    session.disconnect();
    this.#over();
  }

  #over(): void {
    Atomics.store(this.#cells, POKING, 0);
    Atomics.notify(this.#cells, POKING);
  }
}
