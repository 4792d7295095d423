import { useCallback, useDeferredValue, useEffect, useMemo, useState } from 'react';
import type { CommittedTurn } from '../../../runtime/protocol/events.ts';
import { SETTLE_MS, usePast } from '../data/history.ts';
import type { View } from '../data/live-app.ts';
import { useApp } from '../data/use-app.ts';
import { count, plural } from '../logic/format.ts';
import { turnOf, type Turn } from '../logic/turns.ts';
import { Button } from '../parts/button.tsx';
import { Icon } from '../parts/icon.tsx';
import { follow } from '../parts/route.ts';
import { VirtualList } from '../parts/virtual-list.tsx';
import { Scrubber } from './scrubber.tsx';
import { TurnLine, TURNS_ID } from './turn-line.tsx';
import { TurnPane } from './turn-pane.tsx';

const ROW_PX = 36;
/** Version of an app that has just begun. */
const FIRST_VERSION = 1;

/** What the stream had told at some time. */
interface Moment {
  readonly turns: readonly CommittedTurn[];
  readonly version: number;
}

/** Turn by turn what happened: live, or held at the version that the URL names. */
export function TimelinePage({ item }: { readonly item: string | null }) {
  const live = useApp(selectTurns);
  const version = useApp(selectVersion);
  const asked = item === null || !/^\d+$/.test(item) ? null : Number(item);
  /** The list as it was when it was held still. */
  const [held, setHeld] = useState<Moment | null>(null);
  const isFrozen = asked !== null;
  // A lower version is of an app that was run afresh: what is held is not its past. One that has just begun has no turn to hold.
  const isOfAnother = held !== null && version < held.version;
  const isTooEarly = held !== null && held.version <= FIRST_VERSION && version > held.version;
  if (isFrozen !== (held !== null) || isOfAnother || isTooEarly)
    setHeld(isFrozen ? { turns: live, version } : null);
  const { turns: stream, version: newest } = held ?? { turns: live, version };
  const firstLive = stream[0]?.version ?? newest + 1;
  const [past, reach] = usePast(useDeferredValue(firstLive));
  const oldest = past.oldest === null ? firstLive : Math.min(past.oldest + 1, newest);
  const pastTurns = useMemo(
    () => past.turns.filter((turn) => turn.version < firstLive),
    [past.turns, firstLive],
  );
  const total = pastTurns.length + stream.length;
  /** Newest first. */
  const at = useCallback(
    (index: number): Turn | CommittedTurn | undefined => {
      const place = total - 1 - index;
      return place < pastTurns.length ? pastTurns[place] : stream[place - pastTurns.length];
    },
    [total, pastTurns, stream],
  );
  const lastVersion = at(0)?.version ?? 0;
  const active = asked === null ? -1 : lastVersion - asked;
  const choose = useCallback((wanted: number) => follow('timeline', String(wanted)), []);
  useEffect(() => {
    if (asked === null) return undefined;
    const timer = setTimeout(() => reach(asked), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [asked, reach]);
  const raw = asked === null ? at(0) : active >= 0 && active < total ? at(active) : undefined;
  const turn = useMemo(
    () => (raw === undefined ? null : 'deltas' in raw ? raw : turnOf(raw)),
    [raw],
  );
  if (total === 0)
    return (
      <section className="timeline-page" aria-label="Timeline">
        <div className="bar">
          <h2>Timeline</h2>
        </div>
        <div className="empty">
          <Icon name="timeline" />
          <h2>{past.problem === '' ? 'No turns to show yet' : 'The history could not be read'}</h2>
          <p>{past.problem === '' ? 'Each change of the state appears here.' : past.problem}</p>
        </div>
      </section>
    );
  return (
    <section className={isFrozen ? 'timeline-page frozen' : 'timeline-page'} aria-label="Timeline">
      <div className="bar">
        <h2>Timeline</h2>
        <LiveSwitch
          isFrozen={isFrozen}
          more={version - newest}
          onLive={() => follow('timeline', null)}
          onFreeze={() => choose(version)}
        />
      </div>
      <Scrubber
        oldest={Math.max(1, oldest)}
        newest={newest}
        version={asked ?? newest}
        past={pastTurns}
        stream={stream}
        onVersion={choose}
      />
      {past.oldest !== null && past.oldest > FIRST_VERSION && (
        <p className="log-note">
          The app keeps its history from version {count(past.oldest)} on; what was before is gone.
        </p>
      )}
      <div className="timeline-body">
        <VirtualList
          id={TURNS_ID}
          role="listbox"
          label="Turns, newest first"
          className="turn-list"
          count={total}
          rowHeight={ROW_PX}
          {...(active >= 0 ? { active } : {})}
          onActive={(index) => choose(at(index)?.version ?? version)}
          onScrolled={(isAtEnd) => {
            if (isAtEnd) reach((pastTurns[0]?.version ?? firstLive) - 1);
          }}
          row={(index) => {
            const each = at(index);
            if (each === undefined) return null;
            return (
              <TurnLine
                key={each.version}
                index={index}
                count={total}
                turn={each}
                isActive={each.version === asked}
                onChoose={choose}
              />
            );
          }}
        />
        {turn === null ? (
          <p className="empty">
            {asked !== null && asked > newest
              ? `Version ${count(asked)} is newer than these turns.`
              : asked !== null && asked < oldest
                ? `Version ${count(asked)} is not kept any more.`
                : past.problem || 'Reading this turn …'}
          </p>
        ) : (
          <TurnPane turn={turn} isFrozen={isFrozen} />
        )}
      </div>
    </section>
  );
}

function LiveSwitch({
  isFrozen,
  more,
  onLive,
  onFreeze,
}: {
  readonly isFrozen: boolean;
  readonly more: number;
  readonly onLive: () => void;
  readonly onFreeze: () => void;
}) {
  if (!isFrozen)
    return (
      <div className="bar-tools">
        <span className="live-mark">
          <span className="link-dot live" aria-hidden="true" />
          live
        </span>
        <Button icon="pause" onClick={onFreeze}>
          Freeze
        </Button>
      </div>
    );
  return (
    <div className="bar-tools">
      <span className="frozen-mark">
        frozen{more > 0 && <span className="number"> · {plural(more, 'newer turn')}</span>}
      </span>
      <Button icon="play" look="primary" onClick={onLive}>
        Go live
      </Button>
    </div>
  );
}

const selectTurns = (view: View) => view.turns;
const selectVersion = (view: View) => view.version;
