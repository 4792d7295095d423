import { memo } from 'react';
import type { Line } from '../data/log-feed.ts';
import { timeOfDay } from '../logic/format.ts';
import { splitHits, withoutColours } from '../logic/log-lines.ts';

export const LogLineRow = memo(function LogLineRow({
  line,
  search,
  hasSource,
}: {
  readonly line: Line;
  readonly search: string;
  readonly hasSource: boolean;
}) {
  return (
    <div className={`log-line ${line.stream}`}>
      <time>{timeOfDay(line.at)}</time>
      {hasSource && <span className="log-source">{line.source}</span>}
      {line.stream === 'stderr' && <span className="off-screen">stderr: </span>}
      <span className="log-text">
        {splitHits(withoutColours(line.line), search).map((part, index) =>
          part.isHit ? <mark key={index}>{part.text}</mark> : part.text,
        )}
      </span>
    </div>
  );
});
