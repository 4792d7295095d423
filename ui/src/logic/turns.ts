/** Turns by who changed what. */
import type { ChangeSource, CommittedTurn } from '../../../runtime/protocol/events.ts';
import type { Operation } from '../../../runtime/state/operation.ts';

export interface Delta extends Omit<ChangeSource, 'ops'> {
  readonly ops: readonly Operation[];
}

/** One version of the state: the stream and the history tell the same. */
export interface Turn {
  readonly version: number;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly deltas: readonly Delta[];
}

/** A turn of the stream, its operations given to those who made them. */
export function turnOf({ version, at, ops, sources }: CommittedTurn): Turn {
  let from = 0;
  const deltas = sources.map(({ ops: length, ...source }) => {
    const own = ops.slice(from, from + length);
    from += length;
    return { ...source, ops: own };
  });
  return { version, at, deltas };
}

export function opsOf({ deltas }: Turn): Operation[] {
  return deltas.flatMap(({ ops }) => ops);
}

/** How many changes there were in equal spans of versions. */
export function activity(
  turns: readonly { readonly version: number; readonly size: number }[],
  range: { readonly from: number; readonly to: number },
  bars: number,
): readonly number[] {
  const sums = Array.from({ length: bars }, () => 0);
  const span = Math.max(1, range.to - range.from + 1);
  for (const { version, size } of turns) {
    const bar = Math.floor(((version - range.from) / span) * bars);
    if (bar >= 0 && bar < bars) sums[bar] = (sums[bar] ?? 0) + size;
  }
  return sums;
}
