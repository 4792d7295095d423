import { background } from '../data/background.ts';
import {
  useDeferredValue,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from 'react';
import { LogFeed, type Line, type LogView as Lines } from '../data/log-feed.ts';
import { count, plural, timeOfDay } from '../logic/format.ts';
import { filterLines } from '../logic/log-lines.ts';
import { Button, IconButton } from '../parts/button.tsx';
import { copyText } from '../parts/copy.tsx';
import { notify } from '../parts/notices.tsx';
import { SearchBox } from '../parts/search-box.tsx';
import { VirtualList } from '../parts/virtual-list.tsx';
import { LogLineRow } from './log-line-row.tsx';

const ROW_PX = 22;
/** Wrapped lines have any height, so only so many are drawn. */
const WRAPPED = 500;

/** Lines of one source, or of all for `null`: as they come, or held still while a person reads. */
export function LogView({
  source,
  lead,
}: {
  readonly source: string | null;
  readonly lead?: React.ReactNode;
}) {
  const feed = useMemo(() => new LogFeed(source), [source]);
  const live = useSyncExternalStore(feed.subscribe, () => feed.view);
  /** What is shown while paused. */
  const [held, setHeld] = useState<Lines | null>(null);
  const [text, setText] = useState('');
  const [isErrors, setErrors] = useState(false);
  const [isWrapped, setWrapped] = useState(false);
  const wanted = useDeferredValue(text);
  const view = held ?? live;
  const lines = useMemo(
    () => filterLines(view.lines, wanted, isErrors),
    [view.lines, wanted, isErrors],
  );
  const isPaused = held !== null;
  const more = isPaused ? live.dropped + live.lines.length - held.dropped - held.lines.length : 0;
  const pause = (): void => setHeld((known) => known ?? feed.view);
  return (
    <div className="log-view">
      <div className="bar">
        {lead}
        <SearchBox label="Search lines" value={text} onChange={setText} />
        <div className="bar-tools">
          <button
            type="button"
            className="toggle"
            aria-pressed={isErrors}
            onClick={() => setErrors(!isErrors)}
          >
            stderr
          </button>
          <button
            type="button"
            className="toggle"
            aria-pressed={isWrapped}
            onClick={() => setWrapped(!isWrapped)}
          >
            wrap
          </button>
          <IconButton
            icon={isPaused ? 'play' : 'pause'}
            label={isPaused ? 'Follow new lines' : 'Pause'}
            aria-pressed={isPaused}
            onClick={() => setHeld(isPaused ? null : feed.view)}
          />
          <IconButton
            icon="copy"
            label="Copy these lines"
            onClick={() => background(copyLines(lines), 'copying')}
          />
          <IconButton
            icon="download"
            label="Download these lines"
            onClick={() => download(source, lines)}
          />
        </div>
      </div>
      <LogNote view={live} shown={lines.length} isWrapped={isWrapped} />
      <div className="log-lines">
        {lines.length === 0 ? (
          <p className="empty">
            {live.state === 'loading'
              ? 'Reading …'
              : view.lines.length === 0
                ? 'Nothing was printed yet.'
                : 'No line matches.'}
          </p>
        ) : isWrapped ? (
          <Wrapped
            lines={lines}
            search={wanted}
            hasSource={source === null}
            isFollowing={!isPaused}
            onScrolledUp={pause}
          />
        ) : (
          <VirtualList
            id="log-line"
            role="log"
            label="Lines"
            className="log-scroll"
            count={lines.length}
            rowHeight={ROW_PX}
            isFollowing={!isPaused}
            onScrolled={(isAtEnd) => {
              if (!isAtEnd) pause();
            }}
            row={(index) => {
              const line = lines[index];
              if (line === undefined) return null;
              return (
                <LogLineRow key={line.n} line={line} search={wanted} hasSource={source === null} />
              );
            }}
          />
        )}
        {isPaused && (
          <Button icon="down" look="primary" className="log-more" onClick={() => setHeld(null)}>
            {more > 0 ? plural(more, 'new line') : 'Follow'}
          </Button>
        )}
      </div>
    </div>
  );
}

function Wrapped({
  lines,
  search,
  hasSource,
  isFollowing,
  onScrolledUp,
}: {
  readonly lines: readonly Line[];
  readonly search: string;
  readonly hasSource: boolean;
  readonly isFollowing: boolean;
  readonly onScrolledUp: () => void;
}) {
  const scroller = useRef<HTMLDivElement>(null);
  /** Where following put the scroller: what is above it, a person scrolled to. */
  const followedTo = useRef(0);
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null || !isFollowing) return;
    element.scrollTop = element.scrollHeight;
    followedTo.current = element.scrollTop;
  }, [lines, isFollowing]);
  const scrolled = (): void => {
    const element = scroller.current;
    if (element === null) return;
    const isAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight < ROW_PX * 2;
    if (!isAtEnd && element.scrollTop < followedTo.current) onScrolledUp();
  };
  return (
    <div
      ref={scroller}
      className="log-scroll wrapped"
      role="log"
      aria-live="off"
      aria-label="Lines"
      tabIndex={0}
      onScroll={scrolled}
    >
      {lines.slice(-WRAPPED).map((line) => (
        <LogLineRow key={line.n} line={line} search={search} hasSource={hasSource} />
      ))}
    </div>
  );
}

/** What is not shown, and why. */
function LogNote({
  view,
  shown,
  isWrapped,
}: {
  readonly view: Lines;
  readonly shown: number;
  readonly isWrapped: boolean;
}) {
  const notes = [
    ...(view.state === 'broken'
      ? ['The lines stopped coming; trying again. Some may be missing.']
      : []),
    ...(view.dropped > 0 ? [`${plural(view.dropped, 'older line')} not shown here.`] : []),
    ...(isWrapped && shown > WRAPPED
      ? [`Wrapped: the newest ${count(WRAPPED)} of ${count(shown)}.`]
      : []),
  ];
  return notes.length === 0 ? null : <p className="log-note">{notes.join(' ')}</p>;
}

function textOf(lines: readonly Line[]): string {
  return lines
    .map(
      ({ at, source, stream, line }) =>
        `${new Date(at).toISOString()} ${source} ${stream} ${line}\n`,
    )
    .join('');
}

async function copyLines(lines: readonly Line[]): Promise<void> {
  const done = await copyText(textOf(lines));
  if (done) notify(`${plural(lines.length, 'line')} copied`);
  else notify('The browser does not let this page copy', 'failed');
}

function download(source: string | null, lines: readonly Line[]): void {
  const url = URL.createObjectURL(new Blob([textOf(lines)], { type: 'text/plain' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = `${source ?? 'app'}-${timeOfDay(Date.now()).slice(0, 8).replaceAll(':', '')}.log`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
