/**
 * What the flow makes durable: turn records, and the application they add up to (R2).
 */
import { applyPatch } from '../state/apply.ts';
import type { Json, JsonObject } from '../state/json.ts';
import type { Operation } from '../state/operation.ts';

/** One committed turn (or several, committed together). */
export interface TurnRecord {
  /** The version that this record leads to: the previous one plus 1. */
  readonly version: number;
  /** Epoch milliseconds. */
  readonly at: number;
  /** Changes of the state document. */
  readonly ops: readonly Operation[];
  /** High-water marks that moved: full name of a work to the `seq` applied last (R1). */
  readonly marks: Readonly<Record<string, number>>;
  /** Changed records that are not part of the visible state (intents, overlays, definitions); `null` removes. */
  readonly meta: Readonly<Record<string, Json>>;
}

/** The whole application as it was committed. */
export interface StoredApp {
  readonly version: number;
  readonly document: JsonObject;
  readonly marks: Record<string, number>;
  readonly meta: Record<string, Json>;
}

/** Adds one record to a stored application, in place of it. */
export function foldTurn(stored: StoredApp, turn: TurnRecord): StoredApp {
  const { doc } = applyPatch(stored.document, turn.ops, 'each');
  const meta = { ...stored.meta };
  for (const [key, value] of Object.entries(turn.meta)) {
    if (value === null) delete meta[key];
    else meta[key] = value;
  }
  const marks = { ...stored.marks, ...turn.marks };
  return { version: turn.version, document: doc as JsonObject, marks, meta };
}
