/**
 * The reactive loop: applies what has arrived, runs the root flow if anything changed, commits, then acts.
 *
 * It owns the order of things; what each thing means is in the modules it composes.
 */
import { appError, toWire } from '../errors/index.ts';
import type { App } from '../component/app.ts';
import { ClassIndex } from '../component/class-ref.ts';
import type { Component } from '../component/component.ts';
import { liveDocument } from '../component/document.ts';
import { metaOf } from '../component/meta.ts';
import { flowsBelow, isFlow, isWork, withBelow, worksBelow } from '../component/tree.ts';
import { OPTIONS } from '../component/work-symbols.ts';
import type { Clock, ClockTimer } from '../ports/clock.ts';
import type { DeltaChannel } from '../ports/delta-channel.ts';
import type { Launcher } from '../ports/launcher.ts';
import type { StoreLease } from '../ports/state-store.ts';
import type { AppEvent, AppStage, WorkStatus, WorkSummary } from '../protocol/events.ts';
import type { StoredApp } from '../protocol/turn-record.ts';
import { STORE_VERSION } from '../protocol/version.ts';
import { cloneJson, type Json, type JsonObject } from '../state/json.ts';
import type { Operation } from '../state/operation.ts';
import { applyClientPatch } from './client-patch.ts';
import { Collector } from './collector.ts';
import { Committer } from './committer.ts';
import type { AppControl, PatchResult } from './control.ts';
import { Effects, toCallMessage, toWorkSpec, type Effect } from './effects.ts';
import { reach } from './failpoints.ts';
import { LoopBinding, unknownWork } from './flow-binding.ts';
import type { Item } from './inbox.ts';
import { Intake } from './intake.ts';
import { decide } from './reconcile.ts';
import { Recorder } from './recorder.ts';
import { restoreState, restoreTree } from './restore.ts';
import { Schedules } from './schedule.ts';
import type { EndSignal } from './suspension.ts';
import { defaultTimings, type Timings } from './timings.ts';
import { TreeKeeper } from './tree-keeper.ts';
import { Turn, type TurnOutcome } from './turn.ts';
import { WorkBook } from './work-book.ts';
import { WorkEvents } from './work-events.ts';
import { WORK_RECORD, type WorkState } from './work-state.ts';

/** What the loop needs from outside. */
export interface LoopPorts {
  readonly lease: StoreLease;
  readonly channel: DeltaChannel;
  readonly launcher: Launcher;
  readonly clock: Clock;
}

export interface LoopOptions {
  /** Name of the app. */
  readonly name: string;
  /** Exports of the app file, for finding classes again. */
  readonly exports: Record<string, unknown>;
  /** Adds classes that nobody exports to `exports`; for tests, which rebuild in the same process. @default false */
  readonly openExports?: boolean;
  readonly timings?: Partial<Timings>;
  /** Whether works without an explicit `startWithFlow` start with the app. @default true */
  readonly startWithFlow?: boolean;
  /** @default null - a work without calls keeps its process */
  readonly defaultIdleTimeoutMs?: number | null;
  /** Hears warnings for people. */
  readonly warn?: (message: string) => void;
}

/** How an app ended. */
export interface AppResult {
  readonly stage: 'stopped' | 'failed' | 'interrupted';
  readonly message: string;
  /** What made it fail; absent after `flow.fail()`. */
  readonly error?: unknown;
}

interface Ending {
  readonly stage: 'stopped' | 'failed';
  readonly message: string;
  readonly error?: unknown;
}

export class FlowLoop implements AppControl {
  readonly name: string;
  /** Resolves when the app has ended, all its works have, and everything is committed. */
  readonly ended: Promise<AppResult>;
  readonly #app: App;
  readonly #ports: LoopPorts;
  readonly #options: LoopOptions;
  readonly #timings: Timings;
  readonly #classes: ClassIndex;
  readonly #recorder = new Recorder();
  readonly #works: WorkBook;
  readonly #collector: Collector;
  readonly #schedules: Schedules;
  readonly #tree: TreeKeeper;
  readonly #events: WorkEvents;
  readonly #effects: Effects;
  readonly #intake: Intake;
  readonly #binding: LoopBinding;
  readonly #listeners = new Set<(event: AppEvent) => void>();
  readonly #waitingPatches: ((version: number) => void)[] = [];
  readonly #lastStatus = new Map<string, WorkStatus>();
  #committer: Committer | null = null;
  #treeNames: readonly string[] = [];
  #inbox: Item[] = [];
  #turn: Turn | null = null;
  #turnNumber = 0;
  #busy = false;
  #woken = false;
  #wantsRun = true;
  #urgent = false;
  #stage: AppStage = 'running';
  #ending: Ending | null = null;
  #interrupted = false;
  #closed = false;
  #pacedTimer: ClockTimer | null = null;
  #pacedAtMs = Number.POSITIVE_INFINITY;
  #idleTimer: ClockTimer | null = null;
  #unsubscribe: (() => void)[] = [];
  #resolveEnded: (result: AppResult) => void = () => undefined;

  constructor(app: App, ports: LoopPorts, options: LoopOptions) {
    this.name = options.name;
    this.#app = app;
    this.#ports = ports;
    this.#options = options;
    this.#timings = { ...defaultTimings, ...options.timings };
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    const { clock, lease } = ports;
    this.#classes = new ClassIndex(app, options.exports, { open: options.openExports ?? false });
    const recorder = this.#recorder;
    const warn = (message: string): void => this.#warn(message);
    const works = new WorkBook(recorder, warn);
    this.#works = works;
    this.#collector = new Collector(recorder, works);
    this.#schedules = new Schedules(clock, recorder, (fire) => this.#post({ type: 'fire', fire }));
    this.#tree = new TreeKeeper(recorder, works, {
      root: app.flow,
      classes: this.#classes,
      declaredHardware: declaredHardware(app),
      warn,
      adopted: (component) => this.#bind(component),
    });
    this.#events = new WorkEvents({
      clock,
      recorder,
      works,
      timings: this.#timings,
      defaultIdleTimeoutMs: options.defaultIdleTimeoutMs ?? null,
      raise: (error) => this.#fail(error),
      timedOut: (state, call, attempt) => this.#post({ type: 'timeout', state, call, attempt }),
      idled: (state) => this.#post({ type: 'idle', state }),
      turnWithin: (ms) => this.#turnWithin(ms),
      deltaApplied: (work, ops) => this.#emitDelta(work, ops),
      interrupted: () => this.#interrupted,
    });
    this.#effects = new Effects(ports, {
      stopGraceMs: this.#timings.stopGraceMs,
      launched: (state, epoch, result) => this.#post({ type: 'launched', state, epoch, result }),
      settled: (state) => {
        works.touch(state);
        this.#wake();
      },
    });
    this.#intake = new Intake(lease, (delta) => this.#post({ type: 'delta', delta }));
    this.#binding = new LoopBinding({
      clock,
      recorder,
      works,
      collector: this.#collector,
      schedules: this.#schedules,
      tree: this.#tree,
      paceMs: this.#timings.paceMs,
      turn: () => this.#turn,
      changedOutside: () => {
        this.#wantsRun = true;
        this.#wake();
      },
      turnWithin: (ms) => this.#turnWithin(ms),
      endOutside: (signal) => this.#endBy(signal),
    });
  }

  get stage(): AppStage {
    return this.#stage;
  }

  get version(): number {
    return this.#committer?.version ?? 0;
  }

  /** Turns that ran user code so far. */
  get turns(): number {
    return this.#turnNumber;
  }

  /**
   * Brings the app up: restores what is stored (or starts afresh), commits the first version, wakes the loop.
   *
   * @throws what the store throws; `WORK_CLASS_UNKNOWN` when a stored component's class is gone
   */
  async open(): Promise<void> {
    const { lease, clock } = this.#ports;
    const stored = await lease.load();
    this.#treeNames = [...withBelow(this.#app.flow)].map((each) => metaOf(each).name);
    if (stored) this.#restoreTree(stored);
    for (const component of withBelow(this.#app.flow)) this.#bind(component);
    for (const work of worksBelow(this.#app.flow)) {
      const state = this.#works.add(work);
      if (stored) state.restore(stored.meta[`${WORK_RECORD}${state.name}`], stored.marks[state.name] ?? 0);
    }
    this.#committer = new Committer(lease, this.#recorder, clock, stored?.version ?? 0, {
      app: this.name,
      groupMs: this.#timings.commitGroupMs,
      snapshot: (version) => this.#storedApp(version),
      onFailure: (error) => this.#storeFailed(error),
    });
    this.#recorder.meta('version', STORE_VERSION);
    for (const component of withBelow(this.#app.flow)) this.#tree.noteFields(component);
    await this.#listen(stored);
    if (stored) this.#rearm(stored);
    else this.#startWithFlow();
    for (const flow of [this.#app.flow, ...flowsBelow(this.#app.flow)]) this.#schedules.restore(flow);
    this.#recorder.op({ op: 'replace', path: '', value: cloneJson(this.document()) });
    this.#urgent = true;
    this.#emit({ type: 'stage', at: clock.now(), stage: this.#stage });
    this.#wake();
  }

  document(): JsonObject {
    return { ...liveDocument(this.#app.flow), app_state: { stage: this.#stage } };
  }

  patch(ops: readonly Operation[], check?: (document: JsonObject) => boolean): Promise<PatchResult> {
    if (this.#ending !== null || this.#interrupted) return Promise.resolve({ ok: false, why: 'ended' });
    return new Promise((done) => {
      this.#post({ type: 'patch', ops, check, done });
    });
  }

  works(): WorkSummary[] {
    const summaries: WorkSummary[] = [];
    for (const { work, ledger, seen, name } of this.#works.all()) {
      if (!work) continue;
      summaries.push({
        name,
        class: metaOf(work).subject,
        status: work.status,
        hardware: work.cloudCompute.name,
        url: work.url,
        pid: seen?.pid ?? null,
        calls: { waiting: ledger.waiting, succeeded: work.numSuccesses },
        vars: metaOf(work).fields?.snapshot() ?? {},
      });
    }
    return summaries;
  }

  command(work: string, verb: 'start' | 'stop' | 'delete'): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#post({ type: 'command', work, verb, done: (error) => (error ? reject(error) : resolve()) });
    });
  }

  async stop(message = ''): Promise<void> {
    this.#post({ type: 'end', message });
    await this.ended;
  }

  /**
   * Ends the works and leaves their calls open, so that a later run continues them (Ctrl-C).
   * Resolves when every process has ended and all is committed.
   */
  async interrupt(): Promise<void> {
    if (this.#closed) return;
    this.#interrupted = true;
    const { launcher } = this.#ports;
    const running = [...this.#works.all()].flatMap(({ name, seen }) => (seen ? [{ work: name, epoch: seen.epoch }] : []));
    await Promise.all(running.map((ref) => launcher.stop(ref, this.#timings.stopGraceMs)));
    this.#wake();
    this.#ports.clock.soon(() => this.#finish({ stage: 'interrupted', message: '' }));
    await this.ended;
  }

  subscribe(handler: (event: AppEvent) => void): () => void {
    this.#listeners.add(handler);
    return () => this.#listeners.delete(handler);
  }

  // --- waking -----------------------------------------------------------------------------------------------------

  #post(item: Item): void {
    if (this.#closed) {
      refuse(item);
      return;
    }
    this.#inbox.push(item);
    this.#wake();
  }

  #wake(): void {
    if (this.#woken || this.#closed) return;
    this.#woken = true;
    this.#ports.clock.soon(() => {
      this.#woken = false;
      this.#step();
    });
  }

  /** A turn that only the flow itself wants; others come first. */
  #turnWithin(ms: number): void {
    const { clock } = this.#ports;
    const at = clock.monotonic() + Math.max(0, ms);
    if (at >= this.#pacedAtMs) return;
    this.#pacedTimer?.cancel();
    this.#pacedAtMs = at;
    this.#pacedTimer = clock.after(Math.max(0, ms), () => {
      this.#pacedTimer = null;
      this.#pacedAtMs = Number.POSITIVE_INFINITY;
      this.#wantsRun = true;
      this.#wake();
    });
  }

  /** A turn that runs anyway is also the one that the flow itself wanted. */
  #cancelPaced(): void {
    this.#pacedTimer?.cancel();
    this.#pacedTimer = null;
    this.#pacedAtMs = Number.POSITIVE_INFINITY;
  }

  #armIdleTurn(): void {
    const { idleTurnMs } = this.#app.options;
    this.#idleTimer?.cancel();
    if (idleTurnMs === null || this.#ending) return;
    this.#idleTimer = this.#ports.clock.after(idleTurnMs, () => {
      this.#wantsRun = true;
      this.#wake();
    });
  }

  // --- one step: apply, run, commit, act --------------------------------------------------------------------------

  #step(): void {
    if (this.#busy || this.#closed) return;
    this.#busy = true;
    this.#collector.collect();
    this.#applyInbox();
    if (!this.#wantsRun || this.#ending !== null || this.#interrupted) {
      this.#settle();
      return;
    }
    this.#wantsRun = false;
    this.#cancelPaced();
    const outcome = this.#runTurn();
    if (outcome instanceof Promise) {
      outcome.then(
        (result) => this.#afterTurn(result),
        (error: unknown) => this.#afterTurn({ kind: 'failed', error }),
      );
    } else this.#afterTurn(outcome);
  }

  #applyInbox(): void {
    const items = this.#inbox;
    this.#inbox = [];
    for (const item of items) this.#apply(item);
    reach('delta.applied');
  }

  #apply(item: Item): void {
    switch (item.type) {
      case 'delta': {
        const state = this.#works.get(item.delta.work);
        if (state && this.#events.delta(state, item.delta)) this.#wantsRun = true;
        if (item.delta.event?.type === 'end') this.#urgent = true;
        return;
      }
      case 'fact': {
        const state = this.#works.get(item.fact.work);
        if (state && this.#events.fact(state, item.fact)) this.#wantsRun = true;
        return;
      }
      case 'launched':
        if (this.#events.launched(item.state, item.epoch, item.result)) this.#wantsRun = true;
        return;
      case 'timeout':
        if (this.#events.timeout(item.state, item.call, item.attempt)) this.#wantsRun = true;
        return;
      case 'idle':
        this.#events.idle(item.state);
        return;
      case 'fire':
        item.fire();
        this.#wantsRun = true;
        return;
      case 'patch':
        this.#applyPatch(item);
        return;
      case 'command':
        this.#applyCommand(item);
        return;
      case 'end':
        this.#end({ stage: 'stopped', message: item.message });
    }
  }

  #applyPatch({ ops, check, done }: Extract<Item, { type: 'patch' }>): void {
    if (this.#ending) return done({ ok: false, why: 'ended' });
    if (check && !check(this.document())) return done({ ok: false, why: 'stale' });
    const before = this.#recorder.pendingOps;
    try {
      const outcomes = applyClientPatch(this.#app.flow, ops, this.#recorder, this.#works);
      const last = outcomes.at(-1);
      if (last && !last.ok) return done({ ok: false, why: 'refused', outcomes, problem: last.message });
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      return done({ ok: false, why: 'refused', outcomes: [], problem });
    }
    this.#emitDelta('client', this.#recorder.opsSince(before));
    this.#waitingPatches.push((version) => done({ ok: true, version }));
    this.#wantsRun = true;
    this.#urgent = true;
  }

  #applyCommand({ work, verb, done }: Extract<Item, { type: 'command' }>): void {
    const target = this.#works.get(work)?.work;
    if (!target) return done(unknownWork(work));
    try {
      if (verb === 'start') this.#binding.startWork(target);
      else if (verb === 'stop') this.#binding.stopWork(target, false);
      else this.#binding.deleteWork(target);
      this.#wantsRun = true;
      done(null);
    } catch (error) {
      done(error);
    }
  }

  #runTurn(): TurnOutcome | Promise<TurnOutcome> {
    reach('turn.before');
    this.#turnNumber += 1;
    this.#turn = new Turn();
    const turn = this.#turn;
    const { clock } = this.#ports;
    const startedMs = clock.monotonic();
    const opsBefore = this.#recorder.pendingOps;
    const countBefore = this.#recorder.count;
    const slow = clock.after(this.#timings.slowTurnMs, () => {
      this.#warn(`a turn of the flow has been running for ${this.#timings.slowTurnMs} ms; move long work into a Work`);
    });
    const finish = (outcome: TurnOutcome): TurnOutcome => {
      slow.cancel();
      this.#turn = null;
      this.#collector.collect();
      const ms = clock.monotonic() - startedMs;
      if (ms > this.#timings.slowTurnMs) {
        this.#warn(`a turn of the flow took ${Math.round(ms)} ms; move long work into a Work`);
      }
      if (this.#recorder.count > countBefore) {
        this.#emitDelta('flow', this.#recorder.opsSince(opsBefore));
        this.#turnWithin(startedMs + this.#timings.paceMs - clock.monotonic());
      }
      if (outcome.kind === 'done') this.#schedules.reset();
      this.#emit({
        type: 'turn',
        at: clock.now(),
        version: this.version,
        turn: this.#turnNumber,
        ms,
        suspended: outcome.kind === 'suspended',
      });
      reach('turn.ran');
      return outcome;
    };
    const result = turn.run(this.#app.flow);
    return result instanceof Promise ? result.then(finish) : finish(result);
  }

  #afterTurn(outcome: TurnOutcome): void {
    if (outcome.kind === 'ended') this.#endBy(outcome.signal);
    else if (outcome.kind === 'failed') this.#fail(outcome.error);
    this.#armIdleTurn();
    this.#settle();
  }

  /** Decides what to do, commits, and lets it happen. */
  #settle(): void {
    const effects = this.#plan();
    const patches = this.#waitingPatches.splice(0);
    this.#emitStatuses();
    const urgent = this.#urgent || effects.length > 0 || patches.length > 0;
    this.#urgent = false;
    if (urgent) {
      this.#committer?.now(() => {
        for (const effect of effects) this.#effects.perform(effect);
        for (const acknowledge of patches) acknowledge(this.version);
      });
    } else this.#committer?.later();
    this.#busy = false;
    if (this.#inbox.length > 0 || (this.#wantsRun && this.#ending === null && !this.#interrupted)) this.#wake();
    this.#finishIfEnded();
  }

  #plan(): Effect[] {
    const effects: Effect[] = [];
    for (const { work, ops } of this.#collector.takeFlowWrites()) effects.push({ do: 'flow-delta', work, ops });
    if (this.#interrupted) return effects;
    for (const state of this.#works.takeTouched()) {
      const effect = this.#planWork(state);
      if (effect) effects.push(effect);
    }
    return effects;
  }

  #planWork(state: WorkState): Effect | null {
    const nowMs = this.#ports.clock.monotonic();
    const view = state.view();
    const action = decide({ ...view, allowed: state.work !== null && this.#ending === null, nowMs });
    if (action === 'retry-later') {
      this.#ports.clock.after(state.retryAtMs - nowMs, () => {
        this.#works.touch(state);
        this.#wake();
      });
      return null;
    }
    if (action === 'none') return null;
    state.busy = action;
    if (action === 'stop') {
      const epoch = state.seen?.epoch ?? state.epoch;
      if (state.seen) state.seen.state = 'stopping';
      return { do: 'stop', state, epoch };
    }
    if (action === 'launch') {
      state.epoch += 1;
      const spec = toWorkSpec(this.name, state, this.#tree.definitions, this.#treeNames);
      state.store();
      return { do: 'launch', state, spec };
    }
    const hadOverlay = state.replica.hasOverlay;
    const message = toCallMessage(state);
    if (!message) return null;
    if (hadOverlay) state.store();
    state.given = view.call;
    return { do: 'send', state, message };
  }

  // --- ending -----------------------------------------------------------------------------------------------------

  #endBy(signal: EndSignal): void {
    this.#end({ stage: signal.how === 'stop' ? 'stopped' : 'failed', message: signal.text });
  }

  #fail(error: unknown): void {
    this.#emit({ type: 'error', at: this.#ports.clock.now(), error: toWire(error) });
    this.#end({ stage: 'failed', message: '', error });
  }

  #end(ending: Ending): void {
    if (this.#ending || this.#interrupted) return;
    reach('end.before');
    this.#ending = ending;
    this.#setStage('stopping');
    for (const state of this.#works.all()) {
      if (!state.work) continue;
      state.ledger.stop(this.#ports.clock.now(), 'app_ended');
      state.want('stopped');
      this.#works.touch(state);
    }
    this.#idleTimer?.cancel();
    this.#pacedTimer?.cancel();
    this.#schedules.close();
    this.#urgent = true;
    this.#wake();
  }

  #finishIfEnded(): void {
    if (!this.#ending || this.#closed || this.#busy || this.#inbox.length > 0) return;
    for (const { seen, busy } of this.#works.all()) if (seen || busy !== null) return;
    this.#setStage(this.#ending.stage);
    this.#finish(this.#ending);
  }

  /** Commits the rest and closes the loop; ports are closed by whoever opened them. */
  #finish(result: AppResult): void {
    if (this.#closed) return;
    this.#applyInbox();
    this.#collector.collect();
    this.#closed = true;
    for (const state of this.#works.all()) state.clearTimers();
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#idleTimer?.cancel();
    this.#pacedTimer?.cancel();
    this.#schedules.close();
    this.#emitStatuses();
    reach('end.after');
    this.#committer?.now(() => this.#resolveEnded(result));
  }

  #storeFailed(error: unknown): void {
    this.#closed = true;
    for (const item of this.#inbox) refuse(item);
    this.#resolveEnded({ stage: 'failed', message: '', error });
  }

  #setStage(stage: AppStage): void {
    this.#stage = stage;
    this.#recorder.op({ op: 'replace', path: '/app_state/stage', value: stage });
    this.#emit({ type: 'stage', at: this.#ports.clock.now(), stage });
  }

  // --- opening ----------------------------------------------------------------------------------------------------

  #bind(component: Component): void {
    for (const each of withBelow(component)) metaOf(each).binding = this.#binding;
    if (isFlow(component) && this.#committer) this.#schedules.restore(component);
  }

  #restoreTree(stored: StoredApp): void {
    for (const definition of restoreTree(this.#app, stored, this.#classes)) this.#tree.restored(definition);
    restoreState(this.#app, stored, (message) => this.#warn(message));
  }

  async #listen(stored: StoredApp | null): Promise<void> {
    const { channel, launcher, lease } = this.#ports;
    this.#unsubscribe.push(
      channel.subscribe((delta) => {
        reach('delta.received');
        const state = this.#works.get(delta.work);
        if (state) this.#intake.take(state, delta);
      }),
      launcher.subscribe((fact) => this.#post({ type: 'fact', fact })),
    );
    for (const fact of await launcher.observe()) this.#post({ type: 'fact', fact });
    if (!stored) return;
    for (const state of this.#works.all()) {
      for (const delta of await lease.deltasAfter(state.name, state.mark)) this.#intake.take(state, delta);
    }
  }

  /** After a restart: what was stored is applied first, then calls whose process is gone are sent again. */
  #rearm(stored: StoredApp): void {
    const { clock } = this.#ports;
    const stage = (stored.document['app_state'] as { stage?: Json } | undefined)?.stage;
    this.#applyInbox();
    for (const state of this.#works.all()) {
      const { active } = state.ledger;
      if (active?.stage === 'running' && !state.seen) state.ledger.resend(clock.now(), 'the flow was restarted', false);
      // An app that was run again after it had ended takes up what its end, or its failure, had stopped.
      if (stage !== 'running' && active === null && endedWithApp(state)) {
        state.ledger.starting(clock.now());
        state.want('up');
      }
      this.#works.touch(state);
    }
    this.#ending = null;
    this.#stage = 'running';
  }

  #startWithFlow(): void {
    const { clock } = this.#ports;
    for (const state of this.#works.all()) {
      const explicit = state.work?.[OPTIONS].startWithFlow ?? null;
      if (!(explicit ?? this.#options.startWithFlow ?? true)) continue;
      state.ledger.starting(clock.now());
      state.want('up');
      this.#works.touch(state);
    }
  }

  #storedApp(version: number): StoredApp {
    const marks: Record<string, number> = {};
    const meta: Record<string, Json> = { version: STORE_VERSION };
    for (const state of this.#works.all()) {
      marks[state.name] = state.mark;
      meta[`${WORK_RECORD}${state.name}`] = state.toStored();
    }
    Object.assign(meta, this.#tree.toStored());
    return { version, document: cloneJson(this.document()) as JsonObject, marks, meta };
  }

  // --- telling ----------------------------------------------------------------------------------------------------

  #emit(event: AppEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  #emitDelta(source: string, ops: readonly Operation[]): void {
    if (this.#listeners.size === 0 || ops.length === 0) return;
    this.#emit({ type: 'delta', at: this.#ports.clock.now(), turn: this.#turnNumber, source, ops });
  }

  #emitStatuses(): void {
    if (this.#listeners.size === 0) return;
    for (const { name, ledger, work } of this.#works.all()) {
      const { status } = ledger;
      if (!work || status === this.#lastStatus.get(name) || status.stage === 'not_started') continue;
      this.#lastStatus.set(name, status);
      this.#emit({ type: 'status', at: this.#ports.clock.now(), work: name, status });
    }
  }

  #warn(message: string): void {
    this.#options.warn?.(message);
  }
}

function refuse(item: Item): void {
  if (item.type === 'patch') item.done({ ok: false, why: 'ended' });
  if (item.type === 'command') item.done(appError('FLOW_NOT_RUNNING', { method: item.verb }));
}

function endedWithApp(state: WorkState): boolean {
  const { status } = state.ledger;
  return status.reason === 'app_ended' || (status.stage === 'failed' && state.work?.raiseException === true);
}

function declaredHardware(app: App): Set<string> {
  const declared = new Set((app.options.hardware ?? []).map(({ name }) => name));
  for (const component of withBelow(app.flow)) if (isWork(component)) declared.add(component.cloudCompute.name);
  return declared;
}
