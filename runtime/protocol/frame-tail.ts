/**
 * The rest of a delta's frame after its `seq`, made once on the main thread: `,"ops":[…]}` or `,"ops":[…],"event":{…}}`, and a
 * line end. A socket passes it on as it is; who joins several of them cuts them open without parsing what they carry.
 */
import type { Operation } from '../state/operation.ts';
import type { WorkEvent } from './delta.ts';

const OPS = ',"ops":[';
const EVENT = '],"event":';
const END = '}\n';

export function formatTail(ops: readonly Operation[], event?: WorkEvent): string {
  const tail = event === undefined ? '' : `,"event":${JSON.stringify(event)}`;
  return `,"ops":${JSON.stringify(ops)}${tail}${END}`;
}

/** JSON texts of what a tail carries: its operations without their brackets, and its event. */
export interface TailParts {
  readonly ops: string;
  readonly event: string | null;
}

/** Cuts open what {@link formatTail} made. */
export function splitTail(tail: string): TailParts {
  // Without an event the list of operations is what comes last.
  const end = tail.length - END.length;
  if (tail[end - 1] === ']') return { ops: tail.slice(OPS.length, end - 1), event: null };
  // No event holds a list before a key of this name, and quotes within texts are escaped: the last place is the right one.
  const at = tail.lastIndexOf(EVENT);
  return { ops: tail.slice(OPS.length, at), event: tail.slice(at + EVENT.length, end) };
}
