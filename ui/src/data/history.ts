/** Turns of the past, as the app keeps them. */
import { background } from './background.ts';
import { useCallback, useEffect, useState } from 'react';
import type { Json } from '../../../runtime/state/json.ts';
import type { Operation } from '../../../runtime/state/operation.ts';
import { explain, type Step } from '../logic/diff.ts';
import { pageOf, pastWith, type PageOfTurns, type Past, type Wanted } from '../logic/past.ts';
import { opsOf, type Turn } from '../logic/turns.ts';
import type { HistoryAnswer } from './contract.ts';
import { askJson, Refused, told } from './server.ts';

/** Milliseconds until what could not be read is asked for again. */
const AGAIN_MS = 2_000;
/** A slider that is dragged, or a key that is held, passes many versions: the app is asked for the one where it stops. */
export const SETTLE_MS = 120;

/** What is loaded, and why not more. */
interface PastView extends Past {
  readonly problem: string;
}

const NOTHING: PastView = { turns: [], oldest: null, problem: '' };

/**
 * @param before - version of the first turn that is known without asking
 * @returns what is loaded, and how to ask for everything back to a version; what could not be read is asked for again
 */
export function usePast(before: number): [PastView, (version: number) => void] {
  const [past, setPast] = useState<PastView>(NOTHING);
  const [wanted, setWanted] = useState<Wanted | null>(null);
  useEffect(() => {
    const page = pageOf(before, past, wanted);
    if (page === null) return undefined;
    const left = new AbortController();
    const load = async (): Promise<void> => {
      const now = await loaded(page, past, left.signal);
      if (!left.signal.aborted) setPast(now);
    };
    const waitMs = past.problem === '' ? 0 : AGAIN_MS;
    const timer = setTimeout(() => background(load(), 'reading the history'), waitMs);
    return () => {
      clearTimeout(timer);
      left.abort();
    };
  }, [before, past, wanted]);
  const reach = useCallback(
    (version: number) =>
      setWanted((known) =>
        known?.before === before && known.version <= version ? known : { before, version },
      ),
    [before],
  );
  return [past, reach];
}

async function loaded(page: PageOfTurns, past: PastView, signal: AbortSignal): Promise<PastView> {
  const { from, to } = page;
  try {
    const answer = await askJson<HistoryAnswer>(
      `history?from=${from}&to=${to}&limit=${Math.max(0, to - from + 1)}`,
      { signal },
    );
    return { ...pastWith(page, answer), problem: '' };
  } catch (error) {
    return { ...past, problem: told(error) };
  }
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
