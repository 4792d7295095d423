/**
 * Calls a function on the main thread from the reporter thread, also while the main thread is in a busy loop.
 *
 * A session is attached for one call only: one that is attached when the process exits makes Node wait for it.
 */
import { Session } from 'node:inspector';
import { POKE_NAME } from './reporter-cells.ts';

/** Milliseconds after which a main thread that does not answer is taken to be blocked natively. */
const ANSWER_MS = 100;

const EXPRESSION = `globalThis[Symbol.for(${JSON.stringify(POKE_NAME)})]?.()`;

export class Poker {
  #session: Session | null = null;

  /** Does nothing while an earlier poke is not answered. */
  poke(): void {
    if (this.#session !== null) return;
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
  }
}
