/**
 * A list that draws only the rows that can be seen.
 *
 * V1 The scroller itself has the focus and names the active row (`aria-activedescendant`): a row that scrolls out of sight
 *    takes no focus with it.
 * V2 Rows have one height, so that any of a hundred thousand is found without drawing those above.
 */
import {
  useCallback,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
  type KeyboardEvent,
  type ReactNode,
} from 'react';

const OVERSCAN = 6;

export interface VirtualListProps {
  readonly count: number;
  readonly rowHeight: number;
  readonly role: 'grid' | 'tree' | 'listbox' | 'log';
  readonly label: string;
  /** Prefix of the rows' ids; {@link rowId} gives the whole. */
  readonly id: string;
  readonly row: (index: number) => ReactNode;
  /** Stays above the rows. */
  readonly header?: ReactNode;
  /** Row that keys act on; it is scrolled into sight when it changes. */
  readonly active?: number;
  readonly onActive?: (index: number) => void;
  /** Hears keys that do not move; returns whether it took one. */
  readonly onKey?: (event: KeyboardEvent<HTMLDivElement>) => boolean;
  /** Stays at the end as rows come. */
  readonly isFollowing?: boolean;
  /** A person scrolled: true when to the end. */
  readonly onScrolled?: (isAtEnd: boolean) => void;
  readonly className?: string;
  readonly columns?: number;
}

export function rowId(id: string, index: number): string {
  return `${id}-${index}`;
}

export function VirtualList(props: VirtualListProps) {
  const { count, rowHeight, active, isFollowing = false, onScrolled } = props;
  /** It may be named before there are rows. */
  const isActiveThere = active !== undefined && active >= 0 && active < count;
  const scroller = useRef<HTMLDivElement>(null);
  const header = useRef<HTMLDivElement>(null);
  const [range, setRange] = useState({ start: 0, end: 40 });
  /** Where following put the scroller: what is above it, a person scrolled to. */
  const followedTo = useRef(0);

  const measure = useCallback(() => {
    const element = scroller.current;
    if (element === null) return;
    const top = Math.max(0, element.scrollTop);
    const start = Math.max(0, Math.floor(top / rowHeight) - OVERSCAN);
    const end = Math.ceil((top + element.clientHeight) / rowHeight) + OVERSCAN;
    setRange((known) => (known.start === start && known.end === end ? known : { start, end }));
  }, [rowHeight]);

  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [measure]);

  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null || !isFollowing) return;
    element.scrollTop = element.scrollHeight;
    followedTo.current = element.scrollTop;
    measure();
  }, [count, isFollowing, measure]);

  useEffect(() => {
    const element = scroller.current;
    if (element === null || active === undefined || !isActiveThere) return;
    const top = active * rowHeight;
    const height = element.clientHeight - (header.current?.offsetHeight ?? 0);
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + rowHeight > element.scrollTop + height)
      element.scrollTop = top + rowHeight - height;
  }, [active, rowHeight, isActiveThere]);

  const scrolled = (): void => {
    measure();
    const element = scroller.current;
    if (element === null || onScrolled === undefined) return;
    const isAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight < rowHeight * 2;
    if (isAtEnd) onScrolled(true);
    else if (element.scrollTop < followedTo.current) onScrolled(false);
  };

  const start = Math.min(range.start, Math.max(0, count - 1));
  const end = Math.min(range.end, count);
  const rows: ReactNode[] = [];
  for (let index = start; index < end; index += 1) rows.push(props.row(index));
  const isActiveShown = active !== undefined && active >= start && active < end;
  return (
    <div
      ref={scroller}
      className={`virtual ${props.className ?? ''}`}
      role={props.role}
      aria-label={props.label}
      aria-activedescendant={isActiveShown ? rowId(props.id, active) : undefined}
      aria-live={props.role === 'log' ? 'off' : undefined}
      aria-rowcount={props.role === 'grid' ? count + 1 : undefined}
      aria-colcount={props.columns}
      tabIndex={0}
      onScroll={scrolled}
      onKeyDown={(event) => {
        if (event.target === scroller.current) moveByKey(event, props, scroller.current);
      }}
    >
      {props.header !== undefined && (
        <div ref={header} className="virtual-header" role="presentation">
          {props.header}
        </div>
      )}
      <div className="virtual-all" role="presentation" style={{ height: count * rowHeight }}>
        <div
          role="presentation"
          className="virtual-some"
          style={{ transform: `translateY(${start * rowHeight}px)` }}
        >
          {rows}
        </div>
      </div>
    </div>
  );
}

function moveByKey(
  event: KeyboardEvent<HTMLDivElement>,
  { active = -1, count, rowHeight, onActive, onKey }: VirtualListProps,
  element: HTMLDivElement | null,
): void {
  if (onKey?.(event) === true) return event.preventDefault();
  if (onActive === undefined || count === 0 || event.altKey || event.metaKey) return undefined;
  const page = Math.max(1, Math.floor((element?.clientHeight ?? 0) / rowHeight) - 2);
  const targets: Record<string, number> = {
    ArrowDown: active + 1,
    ArrowUp: active - 1,
    PageDown: active + page,
    PageUp: active - page,
    Home: 0,
    End: count - 1,
  };
  const target = targets[event.key];
  if (target === undefined) return undefined;
  event.preventDefault();
  return onActive(Math.min(count - 1, Math.max(0, target)));
}
