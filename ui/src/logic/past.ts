/**
 * Which turns of the past are loaded, and which are asked for next.
 *
 * P1 What is loaded has no gap and ends right before the first turn that the stream told.
 * P2 Asking ends, whatever is answered: an app that was run afresh counts its versions anew, and has no turn that would join
 *    those of the run before it.
 */
import type { Turn } from './turns.ts';

const FIRST_PAGE = 1_000;
const PAGE = 2_000;
/** Turns loaded beyond the one that was asked for. */
const BEYOND = 50;

export interface Past {
  /** Oldest first. */
  readonly turns: readonly Turn[];
  /** Version of the oldest state that the app still has; `null` until it answered. */
  readonly oldest: number | null;
}

/** The oldest version that was asked for, as long as the page's own turns begin where they did. */
export interface Wanted {
  readonly before: number;
  readonly version: number;
}

export interface PageOfTurns {
  readonly from: number;
  readonly to: number;
  /** What is loaded already and follows. */
  readonly newer: readonly Turn[];
}

/**
 * What is missing next; `null` when nothing is.
 *
 * @param before - version of the first turn that is known without asking
 */
export function pageOf(
  before: number,
  { turns, oldest }: Past,
  wanted: Wanted | null,
): PageOfTurns | null {
  const last = turns.at(-1)?.version;
  // When the stream's first turn moves, the page begins anew.
  if (oldest === null || oldest >= before || (last !== undefined && last !== before - 1))
    return { from: Math.max(1, before - FIRST_PAGE), to: before - 1, newer: [] };
  const first = turns[0]?.version ?? before;
  if (wanted?.before !== before || wanted.version >= first || first <= oldest + 1) return null;
  const from = Math.max(oldest + 1, Math.min(wanted.version - BEYOND, first - PAGE));
  return { from, to: first - 1, newer: turns };
}

/** What is loaded when a page was answered; what does not join it is left, and nothing more is asked for. */
export function pastWith(
  { to, newer }: PageOfTurns,
  answer: { readonly oldest: number; readonly turns: readonly Turn[] },
): Past {
  if (answer.turns.at(-1)?.version !== to) return { turns: newer, oldest: to };
  return { turns: [...answer.turns, ...newer], oldest: answer.oldest };
}
