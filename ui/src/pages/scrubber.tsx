import { useMemo } from 'react';
import type { CommittedTurn } from '../../../runtime/protocol/events.ts';
import { count, timeOfDay } from '../logic/format.ts';
import { activity, type Turn } from '../logic/turns.ts';
import { IconButton } from '../parts/button.tsx';
import { sizeOfTurn } from './turn-line.tsx';

const BARS = 120;
const HEIGHT = 28;

/** A slider over the versions, below bars that show where much changed; a dotted line where that was not read yet. */
export function Scrubber({
  oldest,
  newest,
  version,
  past,
  stream,
  onVersion,
}: {
  readonly oldest: number;
  readonly newest: number;
  readonly version: number;
  readonly past: readonly Turn[];
  readonly stream: readonly CommittedTurn[];
  readonly onVersion: (version: number) => void;
}) {
  const shown = Math.min(newest, Math.max(oldest, version));
  const turn =
    stream.find((each) => each.version === shown) ?? past.find((each) => each.version === shown);
  return (
    <div className="scrubber">
      <IconButton
        icon="back"
        label="One turn back"
        disabled={shown <= oldest}
        onClick={() => onVersion(shown - 1)}
      />
      <div className="scrubber-track">
        <Bars oldest={oldest} newest={newest} past={past} stream={stream} />
        <input
          type="range"
          aria-label="Version"
          aria-valuetext={`Version ${shown} of ${newest}`}
          min={oldest}
          max={Math.max(oldest, newest)}
          value={shown}
          onChange={({ target }) => onVersion(Number(target.value))}
        />
      </div>
      <IconButton
        icon="chevron"
        label="One turn forward"
        disabled={shown >= newest}
        onClick={() => onVersion(shown + 1)}
      />
      <p className="scrubber-at number">
        <strong>{count(shown)}</strong>
        <span className="quiet"> of {count(newest)}</span>
        <br />
        <span className="quiet">{turn === undefined ? ' ' : timeOfDay(turn.at)}</span>
      </p>
    </div>
  );
}

function Bars({
  oldest,
  newest,
  past,
  stream,
}: {
  readonly oldest: number;
  readonly newest: number;
  readonly past: readonly Turn[];
  readonly stream: readonly CommittedTurn[];
}) {
  const { path, unread } = useMemo(() => {
    const sizes = [...past, ...stream].map((turn) => ({
      version: turn.version,
      size: sizeOfTurn(turn),
    }));
    const sums = activity(sizes, { from: oldest, to: newest }, BARS);
    const most = Math.max(1, ...sums);
    // The square root lets small turns be seen beside large ones.
    const drawn = sums
      .map((sum, index) => {
        const height = sum === 0 ? 0 : Math.max(1, Math.sqrt(sum / most) * HEIGHT);
        return `M${index + 0.5} ${HEIGHT}v-${height.toFixed(1)}`;
      })
      .join('');
    const first = sizes[0]?.version ?? newest;
    return { path: drawn, unread: (BARS * (first - oldest)) / (newest - oldest + 1) };
  }, [oldest, newest, past, stream]);
  return (
    <svg
      className="bars"
      viewBox={`0 0 ${BARS} ${HEIGHT}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <path d={path} />
      {unread > 0 && <path className="unread" d={`M0 ${HEIGHT - 1}H${unread.toFixed(1)}`} />}
    </svg>
  );
}
