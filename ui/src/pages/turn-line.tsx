import { memo } from 'react';
import type { CommittedTurn } from '../../../runtime/protocol/events.ts';
import { count, plural, timeOfDay } from '../logic/format.ts';
import type { Turn } from '../logic/turns.ts';
import { rowId } from '../parts/virtual-list.tsx';

export const TURNS_ID = 'turn-row';
/** Sources named in one line; the rest is counted. */
const NAMED = 2;

/** One turn in the list. */
export const TurnLine = memo(function TurnLine({
  index,
  count: total,
  turn,
  isActive,
  onChoose,
}: {
  readonly index: number;
  /** How many turns the list has. */
  readonly count: number;
  readonly turn: Turn | CommittedTurn;
  readonly isActive: boolean;
  readonly onChoose: (version: number) => void;
}) {
  const sources = 'deltas' in turn ? turn.deltas : turn.sources;
  const names = [...new Set(sources.map(({ source, client }) => nameOf(source, client)))];
  return (
    <div
      role="option"
      id={rowId(TURNS_ID, index)}
      aria-setsize={total}
      aria-posinset={index + 1}
      aria-selected={isActive}
      className={isActive ? 'turn-line active' : 'turn-line'}
      onClick={() => onChoose(turn.version)}
    >
      <span className="turn-version number">{count(turn.version)}</span>
      <span className="turn-sources">
        {names.slice(0, NAMED).map((name) => (
          <SourceTag key={name} name={name} />
        ))}
        {names.length > NAMED && <span className="quiet">+{names.length - NAMED}</span>}
      </span>
      <span className="turn-size number" title={plural(sizeOfTurn(turn), 'change')}>
        {count(sizeOfTurn(turn))}
      </span>
      <time className="number quiet">{timeOfDay(turn.at)}</time>
    </div>
  );
});

export function sizeOfTurn(turn: Turn | CommittedTurn): number {
  if (!('deltas' in turn)) return turn.ops.length;
  return turn.deltas.reduce((sum, { ops }) => sum + ops.length, 0);
}

export function nameOf(source: string, client: string | undefined): string {
  return source === 'client' && client !== undefined ? `client: ${client}` : source;
}

/** Who made a change; works, the flow and clients look different. */
export function SourceTag({ name }: { readonly name: string }) {
  const kind = name === 'flow' ? 'flow' : name.startsWith('client') ? 'client' : 'work';
  return (
    <span className={`source ${kind}`} title={name}>
      {name.replace(/^client: /, '').replace(/^root\./, '')}
    </span>
  );
}
