/**
 * Reads the layout again when the state has changed.
 *
 * K1 An app in which nothing changes reads nothing (R10); one that changes all the time reads at most every {@link PAUSE_MS}.
 * K2 It is never read in the middle of a turn, whose writes are not complete.
 */
import type { Flow } from '../component/flow.ts';
import type { Clock, ClockTimer } from '../ports/clock.ts';
import type { CommittedTurn } from '../protocol/events.ts';
import { evaluateLayout, type EvaluatedLayout } from './layout.ts';

/** Milliseconds between two readings. */
const PAUSE_MS = 100;

export interface LayoutKeeperParts {
  readonly root: Flow;
  readonly clock: Clock;
  readonly loop: {
    /** Whether a turn is under way. */
    readonly isTurning: boolean;
    commits(handler: (turn: CommittedTurn) => void): () => void;
  };
  readonly changed: (layout: EvaluatedLayout) => void;
}

/** Gives the layout at once and whenever it was read again; gives what ends that. */
export function keepLayout({ root, clock, loop, changed }: LayoutKeeperParts): () => void {
  let timer: ClockTimer | null = null;
  let lastMs = clock.monotonic();
  const read = (): void => {
    timer = null;
    if (loop.isTurning) {
      timer = clock.after(PAUSE_MS, read);
      return;
    }
    lastMs = clock.monotonic();
    changed(evaluateLayout(root));
  };
  changed(evaluateLayout(root));
  const end = loop.commits(() => {
    timer ??= clock.after(Math.max(0, lastMs + PAUSE_MS - clock.monotonic()), read);
  });
  return () => {
    timer?.cancel();
    end();
  };
}
