import { useDeferredValue, useEffect, useMemo, useRef, useState } from 'react';
import type { Json } from '../../../runtime/state/json.ts';
import { useIsLive } from '../data/use-app.ts';
import { plural } from '../logic/format.ts';
import { segmentsOf } from '../logic/pointer.ts';
import { actionsAt, NO_ACTIONS, type Actions } from '../logic/places.ts';
import { indexOf, openTo, parentOf, treeRows, type TreeRow } from '../logic/tree.ts';
import { IconButton } from '../parts/button.tsx';
import { CopyButton } from '../parts/copy.tsx';
import { SearchBox } from '../parts/search-box.tsx';
import { VirtualList } from '../parts/virtual-list.tsx';
import { EditDialogs, type Editing } from './edit-dialogs.tsx';
import { StateRow } from './state-row.tsx';
import { useTreeSearch } from './tree-search.ts';

const ROW_PX = 28;

export interface StateTreeProps {
  /** What is shown. */
  readonly doc: Json;
  /** Where it stands in the app's state. */
  readonly base: string;
  readonly label: string;
  readonly canEdit?: boolean;
  readonly lead?: React.ReactNode;
  /** Pointer in the app's state of what is to be shown. */
  readonly target?: string | null;
  readonly onTarget?: (pointer: string) => void;
}

/** A part of the state as a tree: searched, opened, and edited where a person may. */
export function StateTree(props: StateTreeProps) {
  const { doc, base, label, canEdit = false, target = null, onTarget } = props;
  const [open, setOpen] = useState<ReadonlySet<string>>(() => firstOpen(doc, base));
  const [active, setActive] = useState<Pick<TreeRow, 'id' | 'pointer'> | null>(null);
  const [text, setText] = useState('');
  const [editing, setEditing] = useState<Editing | null>(null);
  const isLive = useIsLive();
  const search = useTreeSearch(doc, useDeferredValue(text));
  const rows = useMemo(() => treeRows(doc, open, search?.filter ?? null), [doc, open, search]);
  const relative = (pointer: string): string => pointer.slice(base.length);

  const shown = useRef<string | null>(null);
  useEffect(() => {
    if (target === null || target === shown.current) return;
    shown.current = target;
    const pointer = relative(target);
    setActive({ id: pointer, pointer });
    setOpen((known) => new Set([...known, ...openTo(doc, pointer)]));
    // Only when another target is named: the tree may change under it.
  }, [target]);

  const at = active === null ? -1 : indexOf(rows, active);
  const choose = (row: TreeRow | undefined): void => {
    if (row === undefined) return;
    setActive({ id: row.id, pointer: row.pointer });
    if (row.isPage) return;
    const pointer = base + row.pointer;
    shown.current = pointer;
    onTarget?.(pointer);
  };
  const toggle = (id: string, want?: boolean): void =>
    setOpen((known) => {
      const next = new Set(known);
      if (want ?? !known.has(id)) next.add(id);
      else next.delete(id);
      return next;
    });
  /** What a person may do with a row now; a page stands for the container that it is a part of. */
  const actionsOf = (row: TreeRow): Actions => {
    if (!canEdit || !isLive) return NO_ACTIONS;
    const actions = actionsAt(base + row.pointer, row.value);
    return row.isPage ? { ...NO_ACTIONS, add: actions.add } : actions;
  };
  const edit = (type: Editing['type'], { pointer, value }: TreeRow): void =>
    setEditing({ type, pointer: base + pointer, value });
  const keyed = (key: string): boolean => {
    const row = rows[at];
    if (row === undefined) return false;
    if (key === 'ArrowRight') {
      if (row.canOpen && !row.isOpen) toggle(row.id, true);
      else if (row.isOpen) choose(rows[at + 1]);
    } else if (key === 'ArrowLeft') {
      if (row.isOpen) toggle(row.id, false);
      else choose(parentOf(rows, at));
    } else if (key === ' ' || (key === 'Enter' && row.canOpen)) toggle(row.id);
    else if (key === 'Enter' || key === 'F2') {
      if (actionsOf(row).edit) edit('value', row);
    } else if (key === 'Insert' || key === '+') {
      // Many keyboards have no key to insert. What is no container gets a neighbour.
      const holder = actionsOf(row).add ? row : parentOf(rows, at);
      if (holder !== undefined && actionsOf(holder).add) edit('add', holder);
    } else if (key === 'Delete') {
      if (actionsOf(row).remove) edit('remove', row);
    } else return false;
    return true;
  };
  return (
    <div className="state-tree">
      <div className="bar">
        {props.lead}
        <SearchBox label="Find keys, values, /pointers" value={text} onChange={setText} />
        <div className="bar-tools">
          <IconButton
            icon="collapse"
            label="Close everything"
            onClick={() => setOpen(firstOpen(doc, base))}
          />
        </div>
      </div>
      {search !== null && (
        <p className="search-note" role="status">
          {search.count === 0
            ? 'Nothing matches'
            : `${search.isCut ? 'The first ' : ''}${plural(search.count, 'place')} found`}
        </p>
      )}
      {rows.length === 0 && (
        <p className="empty">
          {search === null ? 'There is nothing in here.' : 'No place matches.'}
        </p>
      )}
      {rows.length > 0 && (
        <VirtualList
          id={`tree${base}`}
          role="tree"
          label={label}
          className="tree-scroll"
          count={rows.length}
          rowHeight={ROW_PX}
          active={at}
          onActive={(index) => choose(rows[index])}
          onKey={({ key }) => keyed(key)}
          row={(index) => {
            const row = rows[index];
            if (row === undefined) return null;
            return (
              <StateRow
                key={row.id}
                listId={`tree${base}`}
                index={index}
                row={row}
                base={base}
                isActive={index === at}
                canEdit={canEdit}
                isOff={!isLive}
                onChoose={() => choose(row)}
                onToggle={() => toggle(row.id)}
                onEdit={setEditing}
              />
            );
          }}
        />
      )}
      <Crumbs pointer={base + (rows[at]?.pointer ?? '')} />
      {editing !== null && <EditDialogs editing={editing} onClose={() => setEditing(null)} />}
    </div>
  );
}

/** The fields of the flow are what a person looks for first. */
function firstOpen(doc: Json, base: string): ReadonlySet<string> {
  const isSmall = treeRows(doc, new Set()).length <= 12;
  return new Set(base === '' && isSmall ? ['/vars', '/works', '/flows'] : []);
}

function Crumbs({ pointer }: { readonly pointer: string }) {
  const segments = segmentsOf(pointer);
  return (
    <div className="crumbs">
      <span className="mono">{segments.length === 0 ? 'the whole document' : pointer}</span>
      <CopyButton label="Copy the pointer" text={() => pointer} />
    </div>
  );
}
