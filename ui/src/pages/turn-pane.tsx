import { useMemo, useState } from 'react';
import type { Json } from '../../../runtime/state/json.ts';
import { useThen, type Then } from '../data/history.ts';
import type { View } from '../data/live-app.ts';
import { useApp } from '../data/use-app.ts';
import { diffOf, type Change, type Step } from '../logic/diff.ts';
import { count, moment, plural, preview } from '../logic/format.ts';
import type { Turn } from '../logic/turns.ts';
import { CopyButton } from '../parts/copy.tsx';
import { Tabs } from '../parts/tabs.tsx';
import { StateTree } from './state-tree.tsx';
import { nameOf, SourceTag } from './turn-line.tsx';

const TABS = ['changes', 'state', 'diff'] as const;
const TITLES = { changes: 'Changes', state: 'State then', diff: 'Diff with now' };
/** Changes drawn of one turn or of one difference. */
const LIMIT = 300;
const VALUE_CHARS = 120;

/** One turn: what changed, the state after it, and what changed since. */
export function TurnPane({ turn, isFrozen }: { readonly turn: Turn; readonly isFrozen: boolean }) {
  const [tab, setTab] = useState<(typeof TABS)[number]>('changes');
  // A live timeline moves on before the app could answer.
  const then = useThen(isFrozen ? turn : null);
  return (
    <div className="turn-pane">
      <header>
        <h3>
          Version <span className="number">{count(turn.version)}</span>
        </h3>
        <time className="quiet number">{moment(turn.at)}</time>
      </header>
      <Tabs label="About this turn" tabs={TABS} titles={TITLES} chosen={tab} onChoose={setTab} />
      <div className="pane-body" role="tabpanel" aria-label={TITLES[tab]}>
        {tab === 'changes' ? (
          <Deltas turn={turn} then={isFrozen ? then : null} />
        ) : !isFrozen ? (
          <p className="empty">Freeze the timeline, or choose a turn, to see the state of it.</p>
        ) : then.state === 'reading' ? (
          <p className="empty">Reading the state of version {count(turn.version)} …</p>
        ) : then.state === 'failed' ? (
          <p className="empty">{then.problem}</p>
        ) : then.after === null ? (
          <p className="empty">
            The state of version {count(turn.version)} is not kept any more; what this turn changed
            is.
          </p>
        ) : tab === 'state' ? (
          <StateTree doc={then.after} base="" label={`State of version ${turn.version}`} />
        ) : (
          <DiffWithNow then={then.after} />
        )}
      </div>
    </div>
  );
}

function Deltas({ turn, then }: { readonly turn: Turn; readonly then: Then | null }) {
  const steps = then?.state === 'known' ? then.steps : null;
  if (turn.deltas.length === 0)
    return (
      <p className="empty no-changes">
        Nothing of the state changed: the app noted how far it was.
      </p>
    );
  let from = 0;
  return (
    <div className="deltas">
      {turn.deltas.map((delta, index) => {
        const own: readonly Step[] =
          steps?.slice(from, from + delta.ops.length) ?? delta.ops.map((op) => ({ op }));
        from += delta.ops.length;
        return (
          <section key={index} aria-label={`Changes by ${nameOf(delta.source, delta.client)}`}>
            <h4>
              <SourceTag name={nameOf(delta.source, delta.client)} />
              <span className="quiet">{plural(delta.ops.length, 'change')}</span>
              <CopyButton
                label="Copy as JSON Patch"
                text={() => JSON.stringify(delta.ops, null, 2)}
              />
            </h4>
            <ul className="steps">
              {own.slice(0, LIMIT).map((step, place) => (
                <StepLine key={place} step={step} />
              ))}
            </ul>
            {own.length > LIMIT && (
              <p className="quiet">… and {plural(own.length - LIMIT, 'more change')}.</p>
            )}
          </section>
        );
      })}
    </div>
  );
}

const SIGNS = { add: '+', remove: '−', replace: '~', move: '→', copy: '⧉', test: '?' } as const;

function StepLine({ step: { op, before } }: { readonly step: Step }) {
  const after = op.op === 'add' || op.op === 'replace' ? op.value : undefined;
  return (
    <li className={`step ${op.op}`}>
      <span className="sign" aria-hidden="true">
        {SIGNS[op.op]}
      </span>
      <span className="off-screen">{op.op}</span>
      <span className="mono step-path">{'from' in op ? `${op.from} → ${op.path}` : op.path}</span>
      <Values before={before} after={after} />
    </li>
  );
}

function Values({
  before,
  after,
}: {
  readonly before?: Json | undefined;
  readonly after?: Json | undefined;
}) {
  return (
    <span className="mono values">
      {before !== undefined && <del>{preview(before, VALUE_CHARS)}</del>}
      {after !== undefined && <ins>{preview(after, VALUE_CHARS)}</ins>}
    </span>
  );
}

function DiffWithNow({ then }: { readonly then: Json }) {
  const doc = useApp(selectDoc);
  // As of when it was opened: a difference that runs away cannot be read.
  const [now, setNow] = useState(doc);
  const { changes, isCut } = useMemo(() => diffOf(then, now ?? then, LIMIT), [then, now]);
  return (
    <div className="deltas">
      <p className="bar-line">
        <span>
          {changes.length === 0
            ? 'Nothing differs from the state now.'
            : `${isCut ? 'The first ' : ''}${plural(changes.length, 'place')} changed since.`}
        </span>
        {now !== doc && (
          <button type="button" className="link" onClick={() => setNow(doc)}>
            Compare again
          </button>
        )}
      </p>
      <ul className="steps">
        {changes.map((change) => (
          <ChangeLine key={change.pointer} change={change} />
        ))}
      </ul>
    </div>
  );
}

const KINDS = { added: 'add', removed: 'remove', changed: 'replace' } as const;

function ChangeLine({ change }: { readonly change: Change }) {
  return (
    <li className={`step ${KINDS[change.kind]}`}>
      <span className="sign" aria-hidden="true">
        {SIGNS[KINDS[change.kind]]}
      </span>
      <span className="off-screen">{change.kind}</span>
      <span className="mono step-path">{change.pointer}</span>
      <Values before={change.before} after={change.after} />
    </li>
  );
}

const selectDoc = (view: View) => view.doc;
