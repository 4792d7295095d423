/** Brings the works up to where the app left them, or starts them with it. */
import type { App } from '../component/app.ts';
import { worksBelow } from '../component/tree.ts';
import { OPTIONS } from '../component/work-symbols.ts';
import type { Clock } from '../ports/clock.ts';
import type { StoredApp } from '../protocol/turn-record.ts';
import type { Json } from '../state/json.ts';
import type { Recorder } from './recorder.ts';
import type { WorkBook } from './work-book.ts';
import type { WorkEvents } from './work-events.ts';
import { WORK_RECORD, type WorkState } from './work-state.ts';

/** Stages of a work that its app's end interrupted. */
const UNDER_WAY: ReadonlySet<string> = new Set(['pending', 'started', 'running']);

export interface OpeningParts {
  readonly clock: Clock;
  readonly works: WorkBook;
  readonly recorder: Recorder;
  readonly events: WorkEvents;
}

/** Begins to keep the works of the tree, as they were stored. */
export function restoreWorks(app: App, stored: StoredApp, { works, recorder }: OpeningParts): void {
  works.restoreEpochs(stored.meta);
  const names = new Set<string>();
  for (const work of worksBelow(app.flow)) {
    const record = stored.meta[`${WORK_RECORD}${work.name}`];
    works.restore(work, record, stored.marks[work.name] ?? 0);
    names.add(work.name);
  }
  for (const [key, record] of Object.entries(stored.meta)) {
    const name = key.startsWith(WORK_RECORD) ? key.slice(WORK_RECORD.length) : '';
    if (name === '' || names.has(name)) continue;
    // It was deleted, and the flow ended before its process did.
    works.forgetStored(name, record);
    recorder.meta(key, null);
  }
}

/** Starts the works that were constructed with the app. */
export function startWithFlow(byDefault: boolean, { clock, works }: OpeningParts): void {
  for (const state of works.all()) {
    if (!(state.work?.[OPTIONS].startWithFlow ?? byDefault)) continue;
    state.ledger.starting(clock.now());
    state.want('up');
    works.touch(state);
  }
}

/** After a restart: calls whose process is gone are sent again. What was stored must have been applied before. */
export function rearmWorks(stored: StoredApp, { clock, events, works }: OpeningParts): void {
  const stage = (stored.document['app_state'] as { stage?: Json } | undefined)?.stage;
  for (const state of works.all()) {
    const { active } = state.ledger;
    const isThere = state.seen?.epoch === state.epoch;
    if (!isThere) state.clearAddresses();
    if (active?.stage === 'running' && !isThere) {
      state.ledger.resend(clock.now(), 'the flow was restarted', false);
    }
    // An app that is run again after it had ended takes up what its end, or its failure, had stopped.
    if (stage !== 'running' && active === null && wasStoppedByEnd(state)) {
      state.ledger.starting(clock.now());
      state.want('up');
    }
    events.adopted(state);
    works.touch(state);
  }
}

function wasStoppedByEnd(state: WorkState): boolean {
  const statuses = state.work?.statuses ?? [];
  const last = statuses.at(-1);
  if (last?.reason !== 'app_ended') return false;
  const before = statuses.at(-2)?.stage ?? 'not_started';
  return UNDER_WAY.has(before) || (before === 'failed' && state.work?.raiseException === true);
}
