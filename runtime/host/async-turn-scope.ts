import { AsyncLocalStorage } from 'node:async_hooks';
import type { TurnScope } from '../ports/turn-scope.ts';

/** Follows what a turn starts through promises, timers and callbacks. */
export class AsyncTurnScope implements TurnScope {
  readonly #storage = new AsyncLocalStorage<object>();

  enter<T>(turn: object, code: () => T): T {
    return this.#storage.run(turn, code);
  }

  isInside(turn: object): boolean {
    return this.#storage.getStore() === turn;
  }
}
