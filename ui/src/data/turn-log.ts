/** The latest turns, as the stream tells them. */
import type { CommittedTurn } from '../../../runtime/protocol/events.ts';

/** Turns kept; older ones are asked for. */
const MAX_TURNS = 3_000;
/** Operations kept in all, so that a few huge turns do not fill the page's memory. */
const MAX_OPS = 60_000;

export class TurnLog {
  #turns: CommittedTurn[] = [];
  #ops = 0;
  #list: readonly CommittedTurn[] | null = null;

  add(turn: CommittedTurn): void {
    this.#turns.push(turn);
    this.#ops += turn.ops.length;
    this.#list = null;
    if (this.#turns.length > MAX_TURNS || this.#ops > MAX_OPS) this.#trim();
  }

  /** There is a gap: what came before does not lead to what comes. */
  clear(): void {
    this.#turns = [];
    this.#ops = 0;
    this.#list = null;
  }

  /** Oldest first, without a gap; the same array until a turn is added. */
  list(): readonly CommittedTurn[] {
    return (this.#list ??= this.#turns.slice());
  }

  /** Drops a quarter at once, so that this is seldom. */
  #trim(): void {
    const dropped = this.#turns.splice(0, Math.ceil(this.#turns.length / 4));
    for (const { ops } of dropped) this.#ops -= ops.length;
  }
}
