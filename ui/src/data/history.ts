/**
 * Turns of the past, as the app keeps them.
 *
 * H1 What is loaded has no gap and ends right before the first turn that the stream told.
 */
import { background } from './background.ts';
import { useCallback, useEffect, useState } from 'react';
import type { Json } from '../../../runtime/state/json.ts';
import type { Operation } from '../../../runtime/state/operation.ts';
import { explain, type Step } from '../logic/diff.ts';
import { opsOf, type Turn } from '../logic/turns.ts';
import type { HistoryAnswer } from './contract.ts';
import { askJson, Refused, told } from './server.ts';

const FIRST_PAGE = 1_000;
const PAGE = 2_000;
/** A slider that is dragged, or a key that is held, passes many versions: the app is asked for the one where it stops. */
export const SETTLE_MS = 120;

export interface Past {
  /** Oldest first. */
  readonly turns: readonly Turn[];
  /** Version of the oldest state that the app still has; `null` until it answered. */
  readonly oldest: number | null;
  readonly problem: string;
}

const NOTHING: Past = { turns: [], oldest: null, problem: '' };

/** @param before - version of the first turn that is known without asking */
export function usePast(before: number | null): [Past, (version: number) => void] {
  const [past, setPast] = useState<Past>(NOTHING);
  const load = useCallback(async (from: number, to: number, older: readonly Turn[]) => {
    try {
      const answer = await askJson<HistoryAnswer>(
        `history?from=${Math.max(1, from)}&to=${to}&limit=${to - from + 1}`,
      );
      setPast({ turns: [...answer.turns, ...older], oldest: answer.oldest, problem: '' });
    } catch (error) {
      setPast((known) => ({ ...known, problem: told(error) }));
    }
  }, []);
  useEffect(() => {
    if (before === null) return;
    const last = past.turns.at(-1)?.version;
    if (past.oldest !== null && (last === undefined || last === before - 1)) return;
    background(load(before - FIRST_PAGE, before - 1, []), 'reading the history');
    // When the stream's first turn moves on, the page begins anew.
  }, [before, past.oldest, past.turns, load]);
  const reach = useCallback(
    (version: number) => {
      const first = past.turns[0]?.version ?? before;
      if (first === null || past.oldest === null || first <= past.oldest + 1) return;
      if (version >= first) return;
      const from = Math.max(past.oldest + 1, Math.min(version - 50, first - PAGE));
      background(load(from, first - 1, past.turns), 'reading the history');
    },
    [past, before, load],
  );
  return [past, reach];
}

export type Then =
  | { readonly state: 'reading' }
  | {
      readonly state: 'known';
      readonly steps: readonly Step[];
      /** The state after the turn; `null` when the app does not keep it any more. */
      readonly after: Json | null;
    }
  | { readonly state: 'failed'; readonly problem: string };

const READING: Then = { state: 'reading' };

/** What a turn did, and the state after it; nothing is asked for `null`, nor for a turn that is left again at once. */
export function useThen(turn: Turn | null): Then {
  /** The latest answer, and which turn it is about. */
  const [answer, setAnswer] = useState<{ readonly turn: Turn | null; readonly told: Then }>({
    turn: null,
    told: READING,
  });
  useEffect(() => {
    if (turn === null) return undefined;
    const left = new AbortController();
    const look = async (): Promise<void> => {
      const now = await thenOf(turn, left.signal);
      if (!left.signal.aborted) setAnswer({ turn, told: now });
    };
    const timer = setTimeout(() => background(look(), 'reading a turn'), SETTLE_MS);
    return () => {
      clearTimeout(timer);
      left.abort();
    };
  }, [turn]);
  return turn !== null && answer.turn === turn ? answer.told : READING;
}

async function thenOf(turn: Turn, signal: AbortSignal): Promise<Then> {
  try {
    const before = await stateAt(turn.version - 1, signal);
    const { steps, after } = around(before, opsOf(turn));
    return { state: 'known', steps, after: after ?? (await stateAt(turn.version, signal)) };
  } catch (error) {
    return { state: 'failed', problem: told(error) };
  }
}

function around(
  before: Json | null,
  ops: readonly Operation[],
): { steps: readonly Step[]; after: Json | null } {
  try {
    const { steps, after } = explain(before ?? undefined, ops);
    return { steps, after: after ?? null };
  } catch {
    // Another app of the same name answers: show what was told, without what was before.
    return { steps: ops.map((op) => ({ op })), after: null };
  }
}

/** `null` when it is trimmed. */
async function stateAt(version: number, signal: AbortSignal): Promise<Json | null> {
  try {
    return await askJson<Json>(`history/${version}/state`, { signal });
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return null;
    throw error;
  }
}
