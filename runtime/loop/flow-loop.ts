/**
 * The reactive loop: applies what has arrived, runs the root flow if anything changed, commits, then acts.
 *
 * It owns the order of things; what each thing means is in the modules it composes.
 */
import { background } from '../errors/index.ts';
import type { App } from '../component/app.ts';
import { ClassIndex } from '../component/class-ref.ts';
import type { Component } from '../component/component.ts';
import { liveDocument } from '../component/document.ts';
import { metaOf } from '../component/meta.ts';
import { flowsBelow, isFlow, withBelow, worksBelow } from '../component/tree.ts';
import type { AppEvent, AppStage, WorkSummary } from '../protocol/events.ts';
import type { StoredApp } from '../protocol/turn-record.ts';
import { STORE_VERSION } from '../protocol/version.ts';
import { cloneJson, type JsonObject } from '../state/json.ts';
import type { Operation } from '../state/operation.ts';
import { Arrivals } from './arrivals.ts';
import { Collector } from './collector.ts';
import { Committer } from './committer.ts';
import type { AppControl, PatchResult } from './control.ts';
import { Effects } from './effects.ts';
import { Ending } from './ending.ts';
import { reach } from './failpoints.ts';
import { LoopBinding } from './flow-binding.ts';
import { hardwareCheck } from './hardware-check.ts';
import { Intake } from './intake.ts';
import { Iterations } from './iterate.ts';
import type { AppResult, LoopOptions, LoopPorts } from './loop-options.ts';
import { rearmWorks, restoreWorks, startWithFlow } from './opening.ts';
import { Planner } from './planner.ts';
import { Recorder } from './recorder.ts';
import { restoreState, restoreTree } from './restore.ts';
import { Schedules } from './schedule.ts';
import { Teller } from './teller.ts';
import { defaultTimings, type Timings } from './timings.ts';
import { TreeKeeper } from './tree-keeper.ts';
import { Turn, type TurnOutcome } from './turn.ts';
import { Waker } from './waker.ts';
import { WorkBook } from './work-book.ts';
import { WorkEvents } from './work-events.ts';

export type { AppResult, LoopOptions, LoopPorts } from './loop-options.ts';

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
  readonly #teller: Teller;
  readonly #waker: Waker;
  readonly #works: WorkBook;
  readonly #collector: Collector;
  readonly #schedules: Schedules;
  readonly #iterations: Iterations;
  readonly #tree: TreeKeeper;
  readonly #committer: Committer;
  readonly #ending: Ending;
  readonly #events: WorkEvents;
  readonly #effects: Effects;
  readonly #planner: Planner;
  readonly #binding: LoopBinding;
  readonly #arrivals: Arrivals;
  #turn: Turn | null = null;
  /** The turn under way, until it is committed. */
  #turnOver: Promise<void> | null = null;
  #unsubscribe: (() => void)[] = [];
  #closed = false;

  constructor(app: App, ports: LoopPorts, options: LoopOptions) {
    this.name = options.name;
    this.#app = app;
    this.#ports = ports;
    this.#options = options;
    this.#timings = { ...defaultTimings, ...options.timings };
    this.#classes = new ClassIndex(app, options.exports, { open: options.openExports ?? false });
    const { clock } = ports;
    const recorder = this.#recorder;
    this.#teller = new Teller(clock, recorder);
    this.#waker = new Waker({
      clock,
      idleTurnMs: app.options.idleTurnMs,
      step: () => this.#step(),
    });
    this.#works = new WorkBook(recorder, {
      warn: (message) => this.#warn(message),
      status: (work, status) => this.#teller.status(work, status),
    });
    this.#collector = new Collector(recorder, this.#works);
    this.#schedules = new Schedules(clock, recorder, (fire) =>
      this.#arrivals.post({ type: 'fire', fire }),
    );
    this.#iterations = new Iterations(recorder);
    this.#committer = this.#createCommitter();
    this.#ending = new Ending({ ...this.#shared(), schedules: this.#schedules });
    this.ended = this.#ending.ended;
    this.#tree = this.#createTreeKeeper();
    this.#events = this.#createEvents();
    this.#effects = this.#createEffects();
    this.#planner = new Planner({
      app: this.name,
      clock,
      works: this.#works,
      collector: this.#collector,
      definitions: this.#tree.definitions,
      wake: () => this.#waker.wake(),
    });
    this.#binding = this.#createBinding();
    this.#arrivals = this.#createArrivals();
  }

  get stage(): AppStage {
    return this.#ending.stage;
  }

  get version(): number {
    return this.#committer.version;
  }

  /** Turns that ran user code so far. */
  get turns(): number {
    return this.#teller.turn;
  }

  /**
   * Brings the app up: restores what is stored (or starts afresh), commits the first version, wakes the loop.
   *
   * @throws what the store throws; `WORK_CLASS_UNKNOWN` when a stored component's class is gone
   */
  async open(): Promise<void> {
    const { lease, clock } = this.#ports;
    const { flow } = this.#app;
    const parts = { clock, works: this.#works, recorder: this.#recorder, events: this.#events };
    const stored = await lease.load();
    this.#planner.tree = [...withBelow(flow)].map((each) => metaOf(each).name);
    if (stored) this.#restoreTree(stored);
    for (const component of withBelow(flow)) this.#bind(component);
    if (stored) restoreWorks(this.#app, stored, parts);
    else for (const work of worksBelow(flow)) this.#works.add(work);
    this.#committer.startAt(stored?.version ?? 0);
    this.#recorder.meta('version', STORE_VERSION);
    for (const component of withBelow(flow)) this.#tree.noteFields(component);
    await this.#listen(stored);
    if (stored) {
      this.#arrivals.apply();
      rearmWorks(stored, parts);
    } else startWithFlow(this.#options.startWithFlow ?? true, parts);
    for (const each of [flow, ...flowsBelow(flow)]) this.#schedules.restore(each);
    // The whole document follows: what was recorded on the way is part of it.
    this.#teller.changes('flow');
    this.#recorder.op({ op: 'replace', path: '', value: cloneJson(this.document()) });
    this.#recorder.untold();
    this.#committer.hurry();
    this.#teller.emit({ type: 'stage', at: clock.now(), stage: this.stage });
    this.#waker.wake();
  }

  document(): JsonObject {
    return { ...liveDocument(this.#app.flow), app_state: { stage: this.stage } };
  }

  patch(
    ops: readonly Operation[],
    check?: (document: JsonObject) => boolean,
  ): Promise<PatchResult> {
    if (this.#ending.isUnderWay) return Promise.resolve({ ok: false, why: 'ended' });
    return new Promise((done) => {
      this.#arrivals.post({ type: 'patch', ops, check, done });
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
      this.#arrivals.post({
        type: 'command',
        work,
        verb,
        done: (error) => (error ? reject(error) : resolve()),
      });
    });
  }

  async stop(message = ''): Promise<void> {
    this.#arrivals.post({ type: 'end', message });
    await this.ended;
  }

  /**
   * Ends the works and leaves their calls open, so that a later run continues them (Ctrl-C).
   * Resolves when every process has ended and all is committed; a turn that does not end meanwhile is left out.
   */
  async interrupt(): Promise<void> {
    if (this.#closed) return;
    this.#ending.interrupt();
    const { clock, launcher } = this.#ports;
    const { stopGraceMs } = this.#timings;
    const running = [...this.#works.all()].flatMap(({ name, seen }) =>
      seen ? [{ work: name, epoch: seen.epoch }] : [],
    );
    const patience = new Promise<void>((resolve) => clock.after(stopGraceMs, resolve));
    await Promise.all([
      ...running.map((ref) => launcher.stop(ref, stopGraceMs)),
      ...(this.#turnOver ? [Promise.race([this.#turnOver, patience])] : []),
    ]);
    clock.soon(() => this.#finish({ stage: 'interrupted', message: '' }));
    await this.ended;
  }

  /** Drops the app where it stands, as if the flow had been killed: nothing more is committed or done. */
  abandon(): void {
    this.#giveUp({ stage: 'interrupted', message: '' });
  }

  subscribe(handler: (event: AppEvent) => void): () => void {
    return this.#teller.subscribe(handler);
  }

  // --- one step: apply, run, commit, act --------------------------------------------------------------------------

  #step(): void {
    if (this.#turnOver !== null || this.#closed) return;
    this.#collector.collect();
    this.#teller.changes('flow');
    this.#arrivals.apply();
    if (!this.#waker.isTurnWanted || this.#ending.isUnderWay) {
      this.#settle();
      return;
    }
    this.#waker.turnBegins();
    const outcome = this.#runTurn();
    if (!(outcome instanceof Promise)) {
      this.#afterTurn(outcome);
      return;
    }
    this.#turnOver = outcome.then((result) => {
      this.#turnOver = null;
      this.#afterTurn(result);
    });
    background(this.#turnOver, 'a turn');
  }

  #runTurn(): TurnOutcome | Promise<TurnOutcome> {
    reach('turn.before');
    const { clock } = this.#ports;
    const startedMs = clock.monotonic();
    const before = this.#recorder.count;
    this.#committer.hold();
    this.#teller.turn += 1;
    this.#turn = new Turn();
    const { slowTurnMs } = this.#timings;
    let warned = false;
    const slow = clock.after(slowTurnMs, () => {
      warned = true;
      this.#warn(
        `a turn of the flow has been running for ${slowTurnMs} ms; move long work into a Work`,
      );
    });
    const finish = (outcome: TurnOutcome): TurnOutcome => {
      slow.cancel();
      this.#turn = null;
      this.#collector.collect();
      this.#iterations.collect();
      const ms = clock.monotonic() - startedMs;
      if (ms > slowTurnMs && !warned) {
        this.#warn(`a turn of the flow took ${Math.round(ms)} ms; move long work into a Work`);
      }
      if (this.#recorder.count > before) this.#waker.wantTurnIn(this.#timings.paceMs - ms);
      if (outcome.kind === 'done') this.#schedules.reset();
      this.#teller.changes('flow');
      const suspended = outcome.kind === 'suspended';
      this.#teller.emit({
        type: 'turn',
        at: clock.now(),
        version: this.version,
        turn: this.turns,
        ms,
        suspended,
      });
      reach('turn.ran');
      return outcome;
    };
    const result = this.#turn.run(this.#app.flow);
    return result instanceof Promise ? result.then(finish) : finish(result);
  }

  #afterTurn(outcome: TurnOutcome): void {
    if (this.#closed) return;
    if (outcome.kind === 'ended') this.#ending.by(outcome.signal);
    else if (outcome.kind === 'failed') this.#ending.fail(outcome.error);
    else this.#waker.turnEnded();
    this.#settle();
  }

  /** Decides what to do, commits, and lets it happen. */
  #settle(): void {
    const effects = this.#ending.isInterrupted ? [] : this.#planner.plan(this.#ending.isAsked);
    this.#teller.changes('flow');
    if (effects.length > 0) {
      this.#committer.whenDurable(() => {
        for (const effect of effects) this.#effects.perform(effect);
      });
    }
    this.#committer.settle();
    if (!this.#arrivals.isEmpty || (this.#waker.isTurnWanted && !this.#ending.isUnderWay))
      this.#waker.wake();
    const result = this.#arrivals.isEmpty ? this.#ending.over() : null;
    if (result) this.#finish(result);
  }

  #finish(result: AppResult): void {
    if (this.#closed) return;
    if (this.#turnOver !== null) {
      this.#giveUp(result);
      return;
    }
    this.#arrivals.apply();
    this.#collector.collect();
    this.#close();
    this.#ending.finish(result);
  }

  /** Leaves out whatever is not committed. */
  #giveUp(result: AppResult): void {
    if (this.#closed) return;
    this.#close();
    this.#turn?.abandon();
    this.#ending.giveUp(result);
  }

  #close(): void {
    this.#closed = true;
    this.#arrivals.close();
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
  }

  // --- opening ----------------------------------------------------------------------------------------------------

  #bind(component: Component): void {
    for (const each of withBelow(component)) metaOf(each).binding = this.#binding;
  }

  #restoreTree(stored: StoredApp): void {
    for (const record of restoreTree(this.#app, stored, this.#classes)) this.#tree.restored(record);
    restoreState(this.#app, stored, (message) => this.#warn(message));
  }

  async #listen(stored: StoredApp | null): Promise<void> {
    const { channel, launcher, lease } = this.#ports;
    const intake = new Intake(lease, (delta) => this.#arrivals.post({ type: 'delta', delta }));
    this.#unsubscribe.push(
      channel.subscribe((delta) => {
        reach('delta.received');
        const state = this.#works.get(delta.work);
        if (state) intake.take(state, delta);
      }),
      launcher.subscribe((fact) => this.#arrivals.post({ type: 'fact', fact })),
    );
    for (const fact of await launcher.observe()) this.#arrivals.post({ type: 'fact', fact });
    if (!stored) return;
    for (const state of this.#works.all()) {
      for (const delta of await lease.deltasAfter(state.name, state.mark))
        intake.take(state, delta);
    }
  }

  #storedApp(version: number): StoredApp {
    const { marks, meta } = this.#works.toStored();
    const document = cloneJson(this.document()) as JsonObject;
    return {
      version,
      document,
      marks,
      meta: { version: STORE_VERSION, ...meta, ...this.#tree.toStored() },
    };
  }

  #warn(message: string): void {
    this.#options.warn?.(message);
  }

  // --- composition ------------------------------------------------------------------------------------------------

  #shared() {
    return {
      clock: this.#ports.clock,
      recorder: this.#recorder,
      works: this.#works,
      committer: this.#committer,
      waker: this.#waker,
      teller: this.#teller,
    };
  }

  #createCommitter(): Committer {
    const { lease, clock } = this.#ports;
    return new Committer(lease, this.#recorder, clock, {
      app: this.name,
      groupMs: this.#timings.commitGroupMs,
      before: () => this.#teller.changes('flow'),
      snapshot: (version) => this.#storedApp(version),
      onFailure: (error) => this.#giveUp({ stage: 'failed', message: '', error }),
    });
  }

  #createTreeKeeper(): TreeKeeper {
    return new TreeKeeper(this.#recorder, this.#works, {
      root: this.#app.flow,
      classes: this.#classes,
      checkHardware: hardwareCheck(this.#app, (message) => this.#warn(message)),
      adopted: (component) => this.#bind(component),
      left: (component) => {
        for (const each of withBelow(component)) if (isFlow(each)) this.#schedules.forget(each);
      },
    });
  }

  #createEvents(): WorkEvents {
    return new WorkEvents({
      clock: this.#ports.clock,
      recorder: this.#recorder,
      works: this.#works,
      timings: this.#timings,
      defaultIdleTimeoutMs: this.#options.defaultIdleTimeoutMs ?? null,
      raise: (error) => this.#ending.fail(error),
      timedOut: (state, call, attempt) =>
        this.#arrivals.post({ type: 'timeout', state, call, attempt }),
      idled: (state) => this.#arrivals.post({ type: 'idle', state }),
      interrupted: () => this.#ending.isInterrupted,
    });
  }

  #createEffects(): Effects {
    const { clock } = this.#ports;
    return new Effects(this.#ports, {
      stopGraceMs: this.#timings.stopGraceMs,
      launched: (state, epoch, result) =>
        this.#arrivals.post({ type: 'launched', state, epoch, result }),
      absent: (state) => {
        state.retryAtMs = clock.monotonic() + this.#timings.launchRetryMs;
      },
      settled: (state) => {
        this.#works.touch(state);
        this.#waker.wake();
      },
    });
  }

  #createBinding(): LoopBinding {
    return new LoopBinding({
      clock: this.#ports.clock,
      works: this.#works,
      collector: this.#collector,
      schedules: this.#schedules,
      iterations: this.#iterations,
      tree: this.#tree,
      paceMs: this.#timings.paceMs,
      turn: () => this.#turn,
      changedOutside: () => this.#waker.wantTurn(),
      turnWithin: (ms) => this.#waker.wantTurnIn(ms),
      endOutside: (signal) => this.#ending.by(signal),
    });
  }

  #createArrivals(): Arrivals {
    const { launcher } = this.#ports;
    return new Arrivals({
      ...this.#shared(),
      root: this.#app.flow,
      collector: this.#collector,
      events: this.#events,
      binding: this.#binding,
      launcher,
      document: () => this.document(),
      endUnknown: ({ work, epoch }) => {
        const ended = launcher
          .stop({ work, epoch }, this.#timings.stopGraceMs)
          .then(() => launcher.release(work));
        background(ended, `ending ${work}, which the app does not know`);
      },
      end: (message) => this.#ending.ask({ stage: 'stopped', message }),
      isEnding: () => this.#ending.isUnderWay,
    });
  }
}
