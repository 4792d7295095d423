import { useState } from 'react';
import type { WorkFacts } from '../data/facts.ts';
import type { View } from '../data/live-app.ts';
import { useApp } from '../data/use-app.ts';
import { count, duration, moment } from '../logic/format.ts';
import { valueAt } from '../logic/pointer.ts';
import type { WorkRow } from '../logic/works.ts';
import { IconButton } from '../parts/button.tsx';
import { CopyButton } from '../parts/copy.tsx';
import { Tabs } from '../parts/tabs.tsx';
import { StatusChip } from '../parts/status.tsx';
import { Since, useKnownNow } from '../parts/time.tsx';
import { AddressLink } from './address-link.tsx';
import { LogView } from './log-view.tsx';
import { StateTree } from './state-tree.tsx';
import { WorkActions } from './work-actions.tsx';
import { WorkName } from './work-line.tsx';

const TABS = ['overview', 'vars', 'logs'] as const;
type Tab = (typeof TABS)[number];
const TITLES: Record<Tab, string> = { overview: 'Overview', vars: 'Fields', logs: 'Logs' };

export interface WorkPaneProps {
  readonly name: string;
  /** `undefined` when there is no such work (any more). */
  readonly row: WorkRow | undefined;
  readonly facts: WorkFacts | undefined;
  readonly onClose: () => void;
}

/** Everything about one work. */
export function WorkPane({ name, row, facts, onClose }: WorkPaneProps) {
  const [tab, setTab] = useState<Tab>('overview');
  return (
    <section className="work-pane" aria-label={`Work ${name}`}>
      <header className="pane-head">
        <IconButton icon="back" label="Back to the list" className="phone-only" onClick={onClose} />
        <div className="pane-title">
          <h2>
            <WorkName name={name} />
          </h2>
          <p>
            {row === undefined ? (
              <span className="tag">gone</span>
            ) : (
              <StatusChip stage={row.status.stage} reason={row.status.reason} />
            )}
            {facts !== undefined && <span className="mono quiet">{facts.class}</span>}
          </p>
        </div>
        {row !== undefined && <WorkActions row={row} />}
        <IconButton icon="close" label="Close" className="desk-only" onClick={onClose} />
      </header>
      <Tabs label={`About ${name}`} tabs={TABS} titles={TITLES} chosen={tab} onChoose={setTab} />
      <div className="pane-body" role="tabpanel" aria-label={TITLES[tab]} key={tab}>
        {tab === 'logs' ? (
          <LogView source={name} />
        ) : row === undefined ? (
          <p className="empty">
            There is no work {name} any more. Its logs are kept as long as the app runs.
          </p>
        ) : tab === 'vars' ? (
          <Vars row={row} />
        ) : (
          <Overview row={row} facts={facts} />
        )}
      </div>
    </section>
  );
}

function Vars({ row }: { readonly row: WorkRow }) {
  const doc = useApp(selectDoc);
  const base = `${row.pointer}/vars`;
  const vars = doc === null ? undefined : valueAt(doc, base);
  if (vars === undefined) return null;
  return <StateTree doc={vars} base={base} label={`Fields of ${row.name}`} canEdit />;
}

function Overview({
  row,
  facts,
}: {
  readonly row: WorkRow;
  readonly facts: WorkFacts | undefined;
}) {
  const { status } = row;
  return (
    <div className="overview">
      {status.stage === 'failed' && <Failure row={row} />}
      {status.stage === 'pending' && status.message !== undefined && (
        <p className="callout">{status.message}</p>
      )}
      <dl className="facts">
        <Fact title="Up for">
          {typeof facts?.startedAt === 'number' ? <Since at={facts.startedAt} /> : 'not running'}
        </Fact>
        <Fact title="Hardware">{facts?.hardware ?? '–'}</Fact>
        <Fact title="Address">
          <AddressLink url={facts?.url ?? ''} name={row.name} />
        </Fact>
        <Fact title="Process">{facts?.pid ?? '–'}</Fact>
        <Fact title="Calls succeeded">{count(row.succeeded)}</Fact>
        <Fact title="Calls waiting">{count(row.waiting)}</Fact>
        {row.timeouts > 0 && <Fact title="Timed out">{count(row.timeouts)}</Fact>}
      </dl>
      <h3>Status history of the latest call</h3>
      <StatusHistory row={row} />
    </div>
  );
}

function Fact({ title, children }: { readonly title: string; readonly children: React.ReactNode }) {
  return (
    <div>
      <dt>{title}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** Why it failed, as the work itself told it. */
function Failure({ row }: { readonly row: WorkRow }) {
  const { reason = 'failed', message = '' } = row.status;
  const [first = '', ...rest] = message.split('\n');
  return (
    <div className="failure" role="group" aria-label="Why it failed">
      <div className="failure-head">
        <strong>{first === '' ? reason.replaceAll('_', ' ') : first}</strong>
        <CopyButton label="Copy the error" text={() => message} />
      </div>
      <p className="quiet">
        {reason.replaceAll('_', ' ')} · {moment(row.status.timestamp)}
      </p>
      {rest.length > 0 && (
        <pre tabIndex={0} aria-label="Stack">
          {rest.join('\n')}
        </pre>
      )}
    </div>
  );
}

/** Newest first; each status lasts until the one after it. */
function StatusHistory({ row }: { readonly row: WorkRow }) {
  const now = useKnownNow();
  const { statuses } = row;
  if (statuses.length === 0) return <p className="quiet">It was never asked for.</p>;
  const isOpen = !['succeeded', 'failed', 'stopped'].includes(row.status.stage);
  return (
    <ol className="history" reversed>
      {statuses
        .map((status, index) => ({ status, index, next: statuses[index + 1] }))
        .toReversed()
        .map(({ status, index, next }) => (
          <li key={index}>
            <StatusChip stage={status.stage} />
            <span className="quiet history-why">{status.reason?.replaceAll('_', ' ')}</span>
            <time className="number quiet" dateTime={new Date(status.timestamp).toISOString()}>
              {moment(status.timestamp)}
            </time>
            <span className="number history-for">
              {next !== undefined
                ? duration(next.timestamp - status.timestamp)
                : isOpen
                  ? duration(now - status.timestamp)
                  : ''}
            </span>
          </li>
        ))}
    </ol>
  );
}

const selectDoc = (view: View) => view.doc;
