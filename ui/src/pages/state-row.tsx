import { memo, useEffect, useRef } from 'react';
import type { Json } from '../../../runtime/state/json.ts';
import { plural, preview, sizeOf, typeOf } from '../logic/format.ts';
import { actionsAt, NO_ACTIONS } from '../logic/places.ts';
import type { TreeRow } from '../logic/tree.ts';
import { IconButton } from '../parts/button.tsx';
import { CopyButton } from '../parts/copy.tsx';
import { Icon } from '../parts/icon.tsx';
import { rowId } from '../parts/virtual-list.tsx';
import type { Editing } from './edit-dialogs.tsx';

const PREVIEW_CHARS = 200;
const FLASH_MS = 700;
const INDENT_PX = 18;

interface StateRowProps {
  readonly listId: string;
  readonly index: number;
  readonly row: TreeRow;
  readonly base: string;
  readonly isActive: boolean;
  readonly canEdit: boolean;
  /** Nothing can be changed now. */
  readonly isOff: boolean;
  readonly onChoose: () => void;
  readonly onToggle: () => void;
  readonly onEdit: (editing: Editing) => void;
}

/** One place of the state; drawn again only when its value or its part in the tree changed. */
export const StateRow = memo(function StateRow(props: StateRowProps) {
  const { listId, index, row, base, isActive, canEdit, isOff, onChoose, onToggle, onEdit } = props;
  const pointer = base + row.pointer;
  const actions = canEdit && !row.isPage ? actionsAt(pointer, row.value) : NO_ACTIONS;
  const flash = useFlash(row.isOpen ? null : row.value);
  return (
    <div
      ref={flash}
      role="treeitem"
      id={rowId(listId, index)}
      aria-level={row.depth + 1}
      aria-setsize={row.siblings}
      aria-posinset={row.position}
      aria-expanded={row.canOpen ? row.isOpen : undefined}
      aria-selected={isActive}
      className={isActive ? 'state-row active' : 'state-row'}
      onClick={() => {
        onChoose();
        if (row.canOpen) onToggle();
      }}
      onDoubleClick={() => {
        if (actions.edit && !isOff && !row.canOpen)
          onEdit({ type: 'value', pointer, value: row.value });
      }}
    >
      <span className="state-indent" style={{ width: row.depth * INDENT_PX }} />
      <span className={row.isOpen ? 'twist open' : 'twist'}>
        {row.canOpen && <Icon name="chevron" />}
      </span>
      <span className={row.isPage ? 'state-key page' : 'state-key'}>{row.label}</span>
      <StateValue row={row} />
      {!row.isPage && (
        <span className="state-tools">
          {actions.edit && (
            <IconButton
              icon="edit"
              label={`Edit ${row.label}`}
              disabled={isOff}
              tabIndex={-1}
              onClick={act(() => onEdit({ type: 'value', pointer, value: row.value }))}
            />
          )}
          {actions.add && (
            <IconButton
              icon="plus"
              label={`Add to ${row.label}`}
              disabled={isOff}
              tabIndex={-1}
              onClick={act(() => onEdit({ type: 'add', pointer, value: row.value }))}
            />
          )}
          {actions.remove && (
            <IconButton
              icon="trash"
              label={`Remove ${row.label}`}
              disabled={isOff}
              tabIndex={-1}
              onClick={act(() => onEdit({ type: 'remove', pointer, value: row.value }))}
            />
          )}
          <CopyButton
            label={`Copy the value of ${row.label}`}
            text={() => JSON.stringify(row.value, null, 2)}
          />
        </span>
      )}
    </div>
  );
}, isSameRow);

/** Handlers are made anew with each drawing of the tree, yet do the same for the same row. */
function isSameRow(a: StateRowProps, b: StateRowProps): boolean {
  return (
    a.row.value === b.row.value &&
    a.row.id === b.row.id &&
    a.row.isOpen === b.row.isOpen &&
    a.row.canOpen === b.row.canOpen &&
    a.row.depth === b.row.depth &&
    a.row.position === b.row.position &&
    a.row.siblings === b.row.siblings &&
    a.index === b.index &&
    a.isActive === b.isActive &&
    a.isOff === b.isOff &&
    a.canEdit === b.canEdit
  );
}

function act(what: () => void): (event: React.MouseEvent) => void {
  return (event) => {
    event.stopPropagation();
    what();
  };
}

function StateValue({ row }: { readonly row: TreeRow }) {
  const type = typeOf(row.value);
  if (row.isPage) return null;
  if (type !== 'array' && type !== 'object')
    return <span className={`state-value ${type}`}>{preview(row.value, PREVIEW_CHARS)}</span>;
  if (!row.canOpen)
    return <span className="state-value peek">{type === 'array' ? '[]' : '{}'}</span>;
  const size = plural(sizeOf(row.value), type === 'array' ? 'item' : 'key');
  return (
    <>
      <span className="state-size">{size}</span>
      {!row.isOpen && <span className="state-value peek">{preview(row.value, PREVIEW_CHARS)}</span>}
    </>
  );
}

/** Lights a row up for a moment when its value changed, unless the person wants less motion. */
function useFlash(value: Json | null): React.RefObject<HTMLDivElement | null> {
  const element = useRef<HTMLDivElement>(null);
  const before = useRef(value);
  const running = useRef<Animation | null>(null);
  useEffect(() => {
    if (before.current === value) return;
    const wasKnown = before.current !== null && value !== null;
    before.current = value;
    if (!wasKnown || running.current?.playState === 'running' || !wantsMotion()) return;
    const colour = getComputedStyle(document.documentElement).getPropertyValue('--flash');
    running.current =
      element.current?.animate([{ backgroundColor: colour }, { backgroundColor: 'transparent' }], {
        duration: FLASH_MS,
        easing: 'ease-out',
      }) ?? null;
  }, [value]);
  return element;
}

const reduced = matchMedia('(prefers-reduced-motion: reduce)');

function wantsMotion(): boolean {
  return !reduced.matches;
}
