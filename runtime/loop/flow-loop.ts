/**
 * The reactive loop: applies what has arrived, runs the root flow if anything changed, commits, then acts.
 *
 * It owns the order of things; what each thing means is in the modules it composes.
 */
import { background } from '../errors/index.ts';
import type { App } from '../component/app.ts';
import { metaOf } from '../component/meta.ts';
import type {
  AppEvent,
  AppStage,
  CommittedTurn,
  WorkStatus,
  WorkSummary,
} from '../protocol/events.ts';
import { cloneJson, type Json, type JsonObject } from '../state/json.ts';
import type { Operation } from '../state/operation.ts';
import { STAGE } from './app-state.ts';
import { composeLoop, type LoopParts } from './compose.ts';
import type { AppControl, ClientName, PatchResult } from './control.ts';
import type { AppResult, LoopOptions, LoopPorts } from './loop-options.ts';
import { openApp } from './opening.ts';
import { performTask } from './task.ts';
import type { TurnOutcome } from './turn.ts';
import type { WorkState } from './work-state.ts';

export type { AppResult, LoopOptions, LoopPorts } from './loop-options.ts';

export class FlowLoop implements AppControl {
  readonly name: string;
  /** Resolves when the app has ended, all its works have, and everything is committed. */
  readonly ended: Promise<AppResult>;
  readonly #app: App;
  readonly #ports: LoopPorts;
  readonly #options: LoopOptions;
  readonly #parts: LoopParts;
  /** The turn under way, until it is settled. */
  #turnOver: Promise<void> | null = null;
  #unsubscribe: () => void = () => undefined;
  /** Everything that is stored was taken in; before that no turn may run. */
  #opened = false;
  #closed = false;

  constructor(app: App, ports: LoopPorts, options: LoopOptions) {
    this.name = options.name;
    this.#app = app;
    this.#ports = ports;
    this.#options = options;
    this.#parts = composeLoop(app, ports, options, {
      step: () => this.#step(),
      lost: (error) => this.#giveUp({ stage: 'failed', message: '', error }),
    });
    this.ended = this.#parts.ending.ended;
  }

  get stage(): AppStage {
    return this.#parts.ending.stage;
  }

  get version(): number {
    return this.#parts.committer.version;
  }

  /** Whether user code of a turn is under way. */
  get isTurning(): boolean {
    return this.#turnOver !== null;
  }

  /** Turns that ran user code so far. */
  get turns(): number {
    return this.#parts.teller.turn;
  }

  /**
   * Brings the app up: restores what is stored (or starts afresh), commits the first version, wakes the loop.
   *
   * @throws what the store throws; `WORK_CLASS_UNKNOWN` when a stored component's class is gone
   */
  async open(): Promise<void> {
    this.#unsubscribe = await openApp(this.#app, this.#ports, this.#parts, this.#options);
    const { teller, waker } = this.#parts;
    teller.emit({ type: 'stage', at: this.#ports.clock.now(), stage: this.stage });
    this.#opened = true;
    waker.wake();
  }

  document(): JsonObject {
    return this.#parts.document();
  }

  patch(
    ops: readonly Operation[],
    check?: (document: JsonObject) => boolean,
    by?: ClientName,
  ): Promise<PatchResult> {
    const { arrivals, ending } = this.#parts;
    if (ending.isUnderWay) return Promise.resolve({ ok: false, why: 'ended' });
    return new Promise((done) => {
      arrivals.post({ type: 'patch', ops, check, client: by?.client, done });
    });
  }

  perform<T>(task: () => T, by?: ClientName): Promise<Awaited<T> | undefined> {
    return performTask(task, by?.client, (item) => this.#parts.arrivals.post(item));
  }

  works(): WorkSummary[] {
    const summaries: WorkSummary[] = [];
    for (const { work, ledger, seen, seenSince, name } of this.#parts.works.all()) {
      if (!work) continue;
      summaries.push({
        name,
        class: metaOf(work).subject,
        status: work.status,
        statuses: cloneJson(work.statuses as unknown as Json) as unknown as WorkStatus[],
        startedAt: seenSince,
        hardware: work.cloudCompute.name,
        url: work.url,
        pid: seen?.pid ?? null,
        calls: { waiting: ledger.waiting, succeeded: work.numSuccesses },
        // They may be large, and few look at them.
        get vars() {
          return metaOf(work).fields?.snapshot() ?? {};
        },
      });
    }
    return summaries;
  }

  command(work: string, verb: 'start' | 'stop' | 'delete', by?: ClientName): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (error: unknown): void => (error ? reject(error) : resolve());
      this.#parts.arrivals.post({ type: 'command', work, verb, client: by?.client, done });
    });
  }

  async start(): Promise<void> {
    // It runs.
  }

  async stop(message = ''): Promise<void> {
    this.#parts.arrivals.post({ type: 'end', message });
    await this.ended;
  }

  /**
   * Ends the works and leaves their calls open, so that a later run continues them (Ctrl-C).
   * Resolves when every process has ended and all is committed; a turn that does not end meanwhile is left out.
   */
  async interrupt(): Promise<void> {
    const { launcher } = this.#ports;
    const { timings, works } = this.#parts;
    await this.#endWithoutResult(async () => {
      const seen = [...works.all()].flatMap(({ name, seen }) =>
        seen ? [{ work: name, epoch: seen.epoch }] : [],
      );
      await Promise.all(seen.map((ref) => launcher.stop(ref, timings.stopGraceMs)));
    });
  }

  /**
   * As {@link interrupt}, and machines are given back; the app's stage is `paused` until it is run again.
   */
  async pause(): Promise<void> {
    const { launcher } = this.#ports;
    const { ending, timings, works } = this.#parts;
    ending.pause();
    await this.#endWithoutResult(async () => {
      const end = async ({ name, seen }: WorkState): Promise<void> => {
        if (seen) await launcher.stop({ work: name, epoch: seen.epoch }, timings.stopGraceMs);
        await launcher.release(name);
      };
      await Promise.all([...works.all()].map(end));
    });
  }

  /** Ends this flow and leaves its works running, for the next one to take over. */
  async leave(): Promise<void> {
    this.#parts.arrivals.freeze();
    await this.#endWithoutResult(async () => undefined);
  }

  async #endWithoutResult(endWorks: () => Promise<void>): Promise<void> {
    if (this.#closed) return;
    const { ending, timings } = this.#parts;
    const { clock } = this.#ports;
    ending.interrupt();
    const patience = new Promise<void>((resolve) => clock.after(timings.stopGraceMs, resolve));
    const turn = this.#turnOver ? Promise.race([this.#turnOver, patience]) : undefined;
    await Promise.all([endWorks(), turn]);
    clock.soon(() => this.#finish({ stage: 'interrupted', message: '' }));
    await this.ended;
  }

  /** The last `seq` that arrived of a work, in order; 0 of one that is not known. */
  receivedOf(work: string): number {
    return this.#parts.works.get(work)?.received ?? 0;
  }

  /**
   * Says something of the app in the state, at `/app_state/<key>`; it stays there over restarts. No turn follows: the flow does
   * not see it. Nothing happens once the app has ended.
   *
   * @param key - other than `stage`, which is the loop's own
   */
  setAppState(key: string, value: Json): void {
    if (key === STAGE) throw new TypeError('the stage is written by the loop alone');
    this.#parts.arrivals.post({ type: 'app-state', key, value });
  }

  /** Ends the app as failed, because of an error outside of any turn. */
  fail(error: unknown): void {
    this.#parts.ending.fail(error);
  }

  /** Drops the app where it stands, as if the flow had been killed: nothing more is committed or done. */
  abandon(): void {
    this.#giveUp({ stage: 'interrupted', message: '' });
  }

  subscribe(handler: (event: AppEvent) => void): () => void {
    return this.#parts.teller.subscribe(handler);
  }

  commits(handler: (turn: CommittedTurn) => void): () => void {
    return this.#parts.teller.commits(handler);
  }

  /** Applies, and runs a turn if one is wanted (R3). */
  #step(): void {
    if (!this.#opened || this.#turnOver !== null || this.#closed) return;
    const { arrivals, collector, ending, teller, turns, waker } = this.#parts;
    collector.collect();
    teller.changes('flow');
    arrivals.apply();
    if (!waker.isTurnWanted || ending.isUnderWay) {
      this.#settle();
      return;
    }
    waker.turnBegins();
    const outcome = turns.run();
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

  #afterTurn(outcome: TurnOutcome): void {
    if (this.#closed) return;
    const { ending, waker } = this.#parts;
    if (outcome.kind === 'ended') ending.by(outcome.signal);
    else if (outcome.kind === 'failed') ending.fail(outcome.error);
    else waker.turnEnded();
    this.#settle();
  }

  /** Decides what to do, commits, and lets it happen (R2). */
  #settle(): void {
    const { arrivals, committer, effects, ending, planner, teller, waker } = this.#parts;
    const planned = ending.isInterrupted ? [] : planner.plan(ending.isAsked);
    teller.changes('flow');
    if (planned.length > 0) {
      committer.whenDurable(() => {
        for (const effect of planned) effects.perform(effect);
      });
    }
    committer.settle();
    if (!arrivals.isEmpty || (waker.isTurnWanted && !ending.isUnderWay)) waker.wake();
    const result = arrivals.isEmpty ? ending.over() : null;
    if (result) this.#finish(result);
  }

  #finish(result: AppResult): void {
    if (this.#closed) return;
    if (this.#turnOver !== null) {
      this.#giveUp(result);
      return;
    }
    this.#parts.arrivals.apply();
    this.#parts.collector.collect();
    this.#close();
    this.#parts.ending.finish(result);
  }

  /** Leaves out whatever is not committed. */
  #giveUp(result: AppResult): void {
    if (!this.#closed) {
      this.#close();
      this.#parts.turns.current?.abandon();
    }
    this.#parts.ending.giveUp(result);
  }

  #close(): void {
    this.#closed = true;
    this.#parts.arrivals.close();
    this.#unsubscribe();
  }
}
