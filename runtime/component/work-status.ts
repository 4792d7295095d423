/** Reading the call ledger in a work's `calls` document. Writing it is the loop's business. */
import type { WorkStatus } from '../protocol/events.ts';
import type { Json, JsonObject } from '../state/json.ts';

/** Ledger entry of one call. */
export interface CallEntry {
  /** `run`, or `start` for the process itself. */
  name: string;
  /** Dropped by compaction. */
  args?: Json[];
  attempt: number;
  statuses: WorkStatus[];
  /** How the latest attempt ended; absent while it has not. */
  outcome?: 'succeeded' | 'failed' | 'stopped';
  /** Re-sent this many times because its host was lost. */
  interruptions?: number;
  /** True after `start()`: the next `run` with these arguments may send it again. */
  rearmed?: boolean;
}

/** A work's `calls` document. Entries stand under their hash, and under `start` for the process itself. */
export interface CallsDocument {
  latest_call_hash: string | null;
  /** Hashes of waiting calls, first in first out. */
  queue?: string[];
  num_successes?: number;
  num_timeouts?: number;
}

/** Key of the entry that tells of the process while there was no call. */
export const START_ENTRY = 'start';

const NOT_STARTED: WorkStatus = Object.freeze({ stage: 'not_started', timestamp: 0 });

/** The typed view of a `calls` document. */
export function ledgerOf(calls: JsonObject): CallsDocument {
  return calls as unknown as CallsDocument;
}

/** Entry of a hash, if any. */
export function entryOf(calls: JsonObject, hash: string): CallEntry | undefined {
  const entry = Object.hasOwn(calls, hash) ? calls[hash] : undefined;
  return entry !== null && typeof entry === 'object' && !Array.isArray(entry)
    ? (entry as unknown as CallEntry)
    : undefined;
}

/** Entry of the call in flight, else of the latest one. */
export function latestEntry(calls: JsonObject): CallEntry | undefined {
  const hash = ledgerOf(calls).latest_call_hash;
  return hash === null ? undefined : entryOf(calls, hash);
}

/** Statuses of the call in flight, else of the latest one. */
export function statusesOf(calls: JsonObject): readonly WorkStatus[] {
  return latestEntry(calls)?.statuses ?? [];
}

/** The latest status; a constant for a work that was never asked for. */
export function statusOf(calls: JsonObject): WorkStatus {
  return statusesOf(calls).at(-1) ?? NOT_STARTED;
}
