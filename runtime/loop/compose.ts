/** Puts the parts of a loop together; what each does is its own business. */
import { background } from '../errors/index.ts';
import type { App } from '../component/app.ts';
import { ClassIndex } from '../component/class-ref.ts';
import type { Component } from '../component/component.ts';
import { liveDocument } from '../component/document.ts';
import { metaOf } from '../component/meta.ts';
import { isFlow, withBelow } from '../component/tree.ts';
import type { WorkFact } from '../ports/launcher.ts';
import { STORE_VERSION } from '../protocol/version.ts';
import type { StoredApp } from '../protocol/turn-record.ts';
import { cloneJson, type JsonObject } from '../state/json.ts';
import { AppState } from './app-state.ts';
import { Arrivals } from './arrivals.ts';
import { Collector } from './collector.ts';
import { Committer } from './committer.ts';
import { Effects } from './effects.ts';
import { Ending } from './ending.ts';
import { LoopBinding } from './flow-binding.ts';
import { hardwareCheck } from './hardware-check.ts';
import { Intake } from './intake.ts';
import { Iterations } from './iterate.ts';
import type { LoopOptions, LoopPorts } from './loop-options.ts';
import { Planner } from './planner.ts';
import { Recorder } from './recorder.ts';
import { Schedules } from './schedule.ts';
import { Teller } from './teller.ts';
import { defaultTimings, type Timings } from './timings.ts';
import { TreeKeeper } from './tree-keeper.ts';
import { TurnRunner } from './turn-runner.ts';
import { Waker } from './waker.ts';
import { WorkBook } from './work-book.ts';
import { WorkEvents } from './work-events.ts';
import type { WorkState } from './work-state.ts';

export interface LoopHooks {
  /** Something is to be looked at. */
  readonly step: () => void;
  /** Nothing can be committed any more. */
  readonly lost: (error: unknown) => void;
}

export type LoopParts = ReturnType<typeof composeLoop>;

export function composeLoop(app: App, ports: LoopPorts, options: LoopOptions, hooks: LoopHooks) {
  const { clock, launcher, scope } = ports;
  const timings: Timings = { ...defaultTimings, ...options.timings };
  const warn = (message: string): void => options.warn?.(message);
  const classes = new ClassIndex(app, options.exports, { open: options.openExports ?? false });
  const recorder = new Recorder(Number.isFinite(timings.commitGroupChars));
  const teller = new Teller(clock, recorder);
  const waker = new Waker({ clock, idleTurnMs: app.options.idleTurnMs, step: hooks.step });
  const status = teller.status.bind(teller);
  const works = new WorkBook(recorder, { warn, status });
  const collector = new Collector(recorder, works);
  const schedules = new Schedules(clock, recorder, (fire) => arrivals.post({ type: 'fire', fire }));
  const iterations = new Iterations(recorder);
  const appState = new AppState(recorder);
  const document = (): JsonObject => ({
    ...liveDocument(app.flow),
    app_state: { ...appState.values, stage: ending.stage },
  });
  const snapshot = (version: number): StoredApp => {
    const { marks, meta } = works.toStored();
    const all = { version: STORE_VERSION, ...meta, ...tree.toStored(), ...ending.toStored() };
    return { version, document: cloneJson(document()) as JsonObject, marks, meta: all };
  };
  const committer = new Committer(ports.lease, recorder, clock, {
    app: options.name,
    groupMs: timings.commitGroupMs,
    groupChars: timings.commitGroupChars,
    before: () => {
      // A snapshot has what user code wrote outside of a turn; so must the record.
      collector.collect();
      teller.changes('flow');
    },
    snapshot,
    committed: (turn) => teller.committed(turn),
    onFailure: hooks.lost,
  });
  const shared = {
    clock,
    recorder,
    works,
    collector,
    schedules,
    iterations,
    committer,
    waker,
    teller,
  };
  const ending = new Ending(shared);
  /** Lets user code act through a component and all below it. */
  const bind = (component: Component): void => {
    for (const each of withBelow(component)) metaOf(each).binding = binding;
  };
  const tree = new TreeKeeper(recorder, works, {
    root: app.flow,
    classes,
    checkHardware: hardwareCheck(app, warn, options.refuseUndeclaredHardware ?? false),
    adopted: bind,
    left: (component) => {
      for (const each of withBelow(component)) if (isFlow(each)) schedules.forget(each);
    },
  });
  const events = new WorkEvents({
    ...shared,
    timings,
    defaultIdleTimeoutMs: options.defaultIdleTimeoutMs ?? (() => null),
    remoteWorks: options.remoteWorks ?? false,
    raise: (error) => ending.fail(error),
    timedOut: (state, call, attempt) => {
      const { callTimer } = state;
      // It may have ended in time, and the news of that be on its way.
      const judged = intake.catchUp(state).then(() => {
        if (state.callTimer === callTimer) arrivals.post({ type: 'timeout', state, call, attempt });
      });
      background(judged, `judging the timeout of ${state.name}`);
    },
    idled: (state) => arrivals.post({ type: 'idle', state }),
    interrupted: () => ending.isInterrupted,
  });
  const effects = new Effects(ports, {
    launched: (state, epoch, result) => arrivals.post({ type: 'launched', state, epoch, result }),
    absent: (state) => {
      state.retryAtMs = clock.monotonic() + timings.launchRetryMs;
    },
    settled: (state) => {
      works.touch(state);
      waker.wake();
    },
  });
  const planner = new Planner({
    ...shared,
    app: options.name,
    timings,
    definitions: tree.definitions,
    classes,
    wake: () => waker.wake(),
  });
  const turns = new TurnRunner({
    ...shared,
    root: app.flow,
    scope,
    timings,
    watch: options.watch,
    warn,
  });
  const binding = new LoopBinding({
    ...shared,
    tree,
    paceMs: timings.paceMs,
    turn: () => turns.current,
    entered: () => turns.entered,
    changedOutside: () => waker.wantTurn(),
    turnWithin: (ms) => waker.wantTurnIn(ms),
    endOutside: (signal) => ending.by(signal),
  });
  const endUnknown = ({ work, epoch }: WorkFact): void => {
    const ended = launcher.stop({ work, epoch }, timings.stopGraceMs);
    const released = ended.then(() => launcher.release(work));
    background(released, `ending ${work}, which the app does not know`);
  };
  const arrivals = new Arrivals({
    ...shared,
    root: app.flow,
    events,
    binding,
    appState,
    watch: options.watch,
    document,
    endUnknown,
    end: (message) => ending.ask({ stage: 'stopped', message }),
    isEnding: () => ending.isUnderWay,
  });
  const intake = new Intake<WorkState>({
    lease: ports.lease,
    clock,
    timings,
    accept: (delta) => arrivals.post({ type: 'delta', delta }),
    lost: (state, seq) => arrivals.post({ type: 'gap', state, seq }),
  });
  return {
    ...shared,
    intake,
    timings,
    warn,
    classes,
    ending,
    tree,
    events,
    effects,
    planner,
    turns,
    arrivals,
    appState,
    bind,
    document,
  };
}
