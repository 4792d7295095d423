import { useCallback, useDeferredValue, useEffect, useMemo, useState } from 'react';
import type { WorkStage } from '../../../runtime/protocol/events.ts';
import type { View } from '../data/live-app.ts';
import { useApp } from '../data/use-app.ts';
import { count } from '../logic/format.ts';
import { arrange, stageCounts, stageOrder, type WorkColumn } from '../logic/works.ts';
import { Icon } from '../parts/icon.tsx';
import { follow, go } from '../parts/route.ts';
import { SearchBox } from '../parts/search-box.tsx';
import { stageLabel, StatusShape } from '../parts/status.tsx';
import { VirtualList } from '../parts/virtual-list.tsx';
import { WorkPane } from './work-pane.tsx';
import { WORKS_ID, WorkHeader, WorkLine } from './work-line.tsx';

const ROW_PX = 40;

interface Sort {
  readonly column: WorkColumn;
  readonly isDown: boolean;
}

/** All works; the one that the URL names beside them. */
export function WorksPage({ item }: { readonly item: string | null }) {
  const works = useApp(selectWorks);
  const facts = useApp(selectFacts);
  const [text, setText] = useState('');
  const [stage, setStage] = useState<WorkStage | null>(null);
  const [sort, setSort] = useState<Sort | null>(null);
  const wanted = useDeferredValue(text);
  const counts = useMemo(() => stageCounts(works), [works]);
  const shown = useMemo(
    () => arrange(works, { text: wanted, stage }, sort, (name) => facts.get(name)?.hardware ?? ''),
    [works, facts, wanted, stage, sort],
  );
  const [active, setActive] = useState(0);
  useEffect(() => {
    const index = shown.findIndex(({ name }) => name === item);
    if (index >= 0) setActive(index);
    // Only when another work is chosen: the list may move under the chosen one.
  }, [item]);
  const open = useCallback((name: string) => go('works', name), []);
  const sortBy = useCallback(
    (column: WorkColumn) =>
      setSort((known) => {
        if (known?.column !== column) return { column, isDown: false };
        return known.isDown ? null : { column, isDown: true };
      }),
    [],
  );
  const chosen = item === null ? undefined : works.find(({ name }) => name === item);
  const at = Math.min(active, shown.length - 1);
  return (
    <div className={item === null ? 'works-page' : 'works-page with-pane'}>
      <section className="works-list" aria-label="All works">
        <div className="bar">
          <h2>Works</h2>
          <SearchBox label="Find works by name or hardware" value={text} onChange={setText} />
          <StageFilter counts={counts} all={works.length} stage={stage} onStage={setStage} />
        </div>
        {works.length === 0 ? (
          <div className="empty">
            <Icon name="works" />
            <h2>No works yet</h2>
            <p>Works appear here as soon as the flow has them.</p>
          </div>
        ) : (
          <VirtualList
            id={WORKS_ID}
            role="grid"
            label={`Works, ${shown.length} of ${works.length}`}
            className="works-grid"
            columns={6}
            count={shown.length}
            rowHeight={ROW_PX}
            active={at}
            onActive={setActive}
            onKey={({ key }) => {
              const row = shown[at];
              if (key === 'Escape' && item !== null) go('works');
              else if (key === 'Enter' && row !== undefined) open(row.name);
              else return false;
              return true;
            }}
            header={<WorkHeader sort={sort} onSort={sortBy} />}
            row={(index) => {
              const row = shown[index];
              if (row === undefined) return null;
              return (
                <WorkLine
                  key={row.name}
                  row={row}
                  facts={facts.get(row.name)}
                  index={index}
                  isActive={index === at}
                  isOpen={row.name === item}
                  onOpen={open}
                />
              );
            }}
          />
        )}
        {works.length > 0 && shown.length === 0 && (
          <p className="empty over">No work matches. There are {count(works.length)} in all.</p>
        )}
      </section>
      {item !== null && (
        <WorkPane
          key={item}
          name={item}
          row={chosen}
          facts={facts.get(item)}
          onClose={() => follow('works', null)}
        />
      )}
    </div>
  );
}

function StageFilter({
  counts,
  all,
  stage,
  onStage,
}: {
  readonly counts: ReadonlyMap<WorkStage, number>;
  readonly all: number;
  readonly stage: WorkStage | null;
  readonly onStage: (stage: WorkStage | null) => void;
}) {
  return (
    <div className="filters" role="group" aria-label="Show works that are">
      <button type="button" aria-pressed={stage === null} onClick={() => onStage(null)}>
        all <span className="number">{count(all)}</span>
      </button>
      {stageOrder
        .filter((each) => counts.has(each) || each === stage)
        .map((each) => (
          <button
            key={each}
            type="button"
            aria-pressed={each === stage}
            className={`stage-${each}`}
            onClick={() => onStage(each === stage ? null : each)}
          >
            <StatusShape stage={each} />
            {stageLabel(each)} <span className="number">{count(counts.get(each) ?? 0)}</span>
          </button>
        ))}
    </div>
  );
}

const selectWorks = (view: View) => view.works;
const selectFacts = (view: View) => view.facts;
