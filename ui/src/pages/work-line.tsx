import { memo } from 'react';
import type { WorkFacts } from '../data/facts.ts';
import { count } from '../logic/format.ts';
import type { WorkColumn, WorkRow } from '../logic/works.ts';
import { Icon } from '../parts/icon.tsx';
import { StatusChip } from '../parts/status.tsx';
import { Since } from '../parts/time.tsx';
import { rowId } from '../parts/virtual-list.tsx';
import { AddressLink } from './address-link.tsx';

export const WORKS_ID = 'work-row';

const COLUMNS: readonly (readonly [column: WorkColumn | 'address', title: string])[] = [
  ['name', 'Work'],
  ['status', 'Status'],
  ['since', 'Since'],
  ['calls', 'Calls'],
  ['hardware', 'Hardware'],
  ['address', 'Address'],
];

export function WorkHeader({
  sort,
  onSort,
}: {
  readonly sort: { readonly column: WorkColumn; readonly isDown: boolean } | null;
  readonly onSort: (column: WorkColumn) => void;
}) {
  return (
    <div role="row" className="work-line head">
      {COLUMNS.map(([column, title]) => {
        const isSorted = sort?.column === column;
        return (
          <span
            key={column}
            role="columnheader"
            className={`cell-${column}`}
            aria-sort={isSorted ? (sort.isDown ? 'descending' : 'ascending') : undefined}
          >
            {column === 'address' ? (
              title
            ) : (
              <button type="button" onClick={() => onSort(column)}>
                {title}
                {isSorted && <Icon name={sort.isDown ? 'down' : 'up'} />}
              </button>
            )}
          </span>
        );
      })}
    </div>
  );
}

export interface WorkLineProps {
  readonly row: WorkRow;
  readonly facts: WorkFacts | undefined;
  readonly index: number;
  readonly isActive: boolean;
  readonly isOpen: boolean;
  readonly onOpen: (name: string) => void;
}

/** One work in the list; drawn again only when something in it changed. */
export const WorkLine = memo(function WorkLine(props: WorkLineProps) {
  const { row, facts, index, isActive, isOpen, onOpen } = props;
  const { stage, reason, timestamp } = row.status;
  return (
    <div
      role="row"
      id={rowId(WORKS_ID, index)}
      aria-rowindex={index + 2}
      aria-selected={isOpen}
      className={`work-line${isActive ? ' active' : ''}${isOpen ? ' open' : ''}`}
      onClick={() => onOpen(row.name)}
    >
      <span role="gridcell" className="cell-name">
        <WorkName name={row.name} />
      </span>
      <span role="gridcell" className="cell-status">
        <StatusChip stage={stage} reason={reason} />
      </span>
      <span role="gridcell" className="cell-since number">
        {timestamp > 0 ? <Since at={timestamp} /> : <span className="nothing">–</span>}
      </span>
      <span role="gridcell" className="cell-calls number">
        {row.succeeded + row.waiting === 0 ? (
          <span className="nothing">–</span>
        ) : (
          <span title={`${row.succeeded} succeeded, ${row.waiting} waiting`}>
            {count(row.succeeded)}
            {row.waiting > 0 && <span className="waiting"> +{count(row.waiting)}</span>}
          </span>
        )}
      </span>
      <span role="gridcell" className="cell-hardware">
        {facts?.hardware ?? ''}
      </span>
      <span role="gridcell" className="cell-address">
        <AddressLink url={facts?.url ?? ''} name={row.name} />
      </span>
    </div>
  );
});

/** A full name with what it is below in a lighter tone. */
export function WorkName({ name }: { readonly name: string }) {
  const dot = name.lastIndexOf('.') + 1;
  return (
    <span className="work-name" title={name}>
      <span className="work-path">{name.slice(0, dot)}</span>
      {name.slice(dot)}
    </span>
  );
}
