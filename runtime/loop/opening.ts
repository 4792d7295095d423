/**
 * Brings an app up: restores what is stored, or starts afresh.
 *
 * O1 What works did while no flow was there is applied before anything is decided about them.
 */
import type { App } from '../component/app.ts';
import { background } from '../errors/index.ts';
import { metaOf } from '../component/meta.ts';
import { flowsBelow, withBelow, worksBelow } from '../component/tree.ts';
import { OPTIONS } from '../component/work-symbols.ts';
import type { Launcher, WorkFact } from '../ports/launcher.ts';
import type { StoredApp } from '../protocol/turn-record.ts';
import { STORE_VERSION } from '../protocol/version.ts';
import { cloneJson, type Json } from '../state/json.ts';
import type { LoopParts } from './compose.ts';
import { reach } from './failpoints.ts';
import type { LoopOptions, LoopPorts } from './loop-options.ts';
import { restoreState, restoreTree } from './restore.ts';
import { COMPONENT_RECORD, type StoredDefinition } from './tree-keeper.ts';
import { WORK_RECORD, type WorkState } from './work-state.ts';

/** Stages of a work that its app's end interrupted. */
const UNDER_WAY: ReadonlySet<string> = new Set(['pending', 'started', 'running']);

/**
 * Opens an app; gives what ends the subscriptions.
 */
export async function openApp(
  app: App,
  ports: LoopPorts,
  parts: LoopParts,
  options: LoopOptions,
): Promise<() => void> {
  const { arrivals, committer, ending, planner, recorder, schedules, teller, tree, warn, works } =
    parts;
  const { flow } = app;
  const stored = await ports.lease.load();
  planner.tree = [...withBelow(flow)].map((each) => metaOf(each).name);
  if (stored) {
    const homeless = (record: StoredDefinition): void => {
      const { name } = record;
      recorder.meta(`${COMPONENT_RECORD}${name}`, null);
      if ('deleted' in record) return;
      const above = name.slice(0, name.lastIndexOf('.'));
      warn(`${name} is stored, but the app no longer has ${above} to hold it; it was left out`);
    };
    for (const record of restoreTree(app, stored, parts.classes, homeless)) tree.restored(record);
    restoreState(app, stored, warn);
    parts.appState.restore(stored.document['app_state']);
  }
  parts.bind(flow);
  const forgotten = stored ? restoreWorks(app, stored, parts) : [];
  if (!stored) for (const work of worksBelow(flow)) works.add(work);
  committer.startAt(stored?.version ?? 0);
  recorder.meta('version', STORE_VERSION);
  for (const component of withBelow(flow)) tree.noteFields(component);
  const unsubscribe = await listen(ports, parts, stored !== null);
  if (stored) {
    arrivals.apply();
    rearmWorks(stored, parts, ports.launcher);
    for (const name of forgotten)
      background(ports.launcher.release(name), `releasing the hardware of ${name}`);
  } else startWithFlow(options.startWithFlow ?? (() => true), parts);
  for (const each of [flow, ...flowsBelow(flow)]) schedules.restore(each);
  if (stored) ending.resume(stored);
  teller.changes('flow');
  // The whole document follows: what was told on the way is part of it.
  recorder.op({ op: 'replace', path: '', value: cloneJson(parts.document()) });
  recorder.attribute('flow');
  recorder.untold();
  committer.hurry();
  return unsubscribe;
}

async function listen(ports: LoopPorts, parts: LoopParts, catchUp: boolean): Promise<() => void> {
  const { channel, launcher, lease } = ports;
  const { arrivals, intake, works } = parts;
  // What a process did is taken in before what became of it (R7), also where both are long over.
  const facts: WorkFact[] = [];
  let hear = (fact: WorkFact): void => void facts.push(fact);
  const unsubscribe = [
    channel.subscribe((delta) => {
      reach('delta.received');
      const state = works.get(delta.work);
      if (state) intake.take(state, delta);
    }),
    launcher.subscribe((fact) => hear(fact)),
    () => intake.close(),
  ];
  facts.push(...(await launcher.observe()));
  for (const state of catchUp ? works.all() : []) {
    const missed = await lease.deltasAfter(state.name, state.mark);
    for (const delta of missed) intake.take(state, delta);
  }
  hear = (fact) => arrivals.post({ type: 'fact', fact });
  for (const fact of facts) hear(fact);
  return () => {
    for (const end of unsubscribe) end();
  };
}

/** Begins to keep the works of the tree, as they were stored; gives the names of those that are no longer in it. */
function restoreWorks(app: App, stored: StoredApp, { works, recorder }: LoopParts): string[] {
  const forgotten: string[] = [];
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
    works.forgetStored(name, record, stored.marks[name] ?? 0);
    recorder.meta(key, null);
    forgotten.push(name);
  }
  return forgotten;
}

/** Starts the works that were constructed with the app. */
function startWithFlow(byDefault: (hardware: string) => boolean, parts: LoopParts): void {
  const { clock, works } = parts;
  for (const state of works.all()) {
    const { startWithFlow: explicit, cloudCompute } = state.work?.[OPTIONS] ?? {};
    if (!(explicit ?? byDefault(cloudCompute?.name ?? ''))) continue;
    state.ledger.starting(clock.now());
    state.want('up');
    works.touch(state);
  }
}

/** After a restart: calls whose process is gone are sent again. */
function rearmWorks(stored: StoredApp, parts: LoopParts, launcher: Launcher): void {
  const { clock, collector, events, works } = parts;
  const stage = (stored.document['app_state'] as { stage?: Json } | undefined)?.stage;
  for (const state of works.all()) {
    const { active } = state.ledger;
    const isThere = state.seen?.epoch === state.epoch;
    if (!isThere) {
      state.clearAddresses();
      state.recycle = false;
    }
    if (active?.stage === 'running' && !isThere) {
      state.ledger.resend(clock.now(), 'the flow was restarted', false);
    }
    // An app that is run again after it had ended takes up what its end, or its failure, had stopped.
    if (stage !== 'running' && stage !== 'stopping' && active === null && wasStoppedByEnd(state)) {
      state.ledger.starting(clock.now());
      state.want('up');
    }
    // What was to be given back, or kept, when the flow died; doing that twice does no harm.
    if (state.wanted !== 'up' && !isThere) {
      if (!state.keepHardware) state.release = true;
      else if (launcher.keep)
        background(launcher.keep(state.name), `keeping the hardware of ${state.name}`);
    }
    events.adopted(state);
    // Writes that were stored may not have been sent.
    if (isThere) collector.repeatWrites(state);
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
