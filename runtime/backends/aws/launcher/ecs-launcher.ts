/**
 * Works as ECS tasks, on EC2 instances that the flow starts and ends itself.
 *
 * A launch is over for the loop when its intent is durable; a machine and a task follow behind (`keeper.ts`), told as `starting`
 * facts that say why it does not run yet.
 *
 * `StopTask` ends a task by SIGTERM and, after the time-out of its task definition, SIGKILL: a grace cannot shorten that.
 */
import { background, isAppError } from '../../../errors/index.ts';
import type { Clock } from '../../../ports/clock.ts';
import type {
  Launcher,
  LaunchResult,
  StopResult,
  WorkFact,
  WorkRef,
} from '../../../ports/launcher.ts';
import type { LogSink } from '../../../ports/log-sink.ts';
import type { WorkSpec } from '../../../protocol/work-spec.ts';
import type { Deployment } from '../contract.ts';
import { AwsCalls, type LauncherClients } from './aws-calls.ts';
import { describeProblem } from './aws-failure.ts';
import {
  Book,
  keyOf,
  toEndFact,
  toFact,
  toLiveFact,
  type Machine,
  type RowObserver,
  type Run,
} from './book.ts';
import { Keeper } from './keeper.ts';
import { Machines } from './machines.ts';
import type { LauncherParts, SaidOfEnd } from './parts.ts';
import { LauncherRecords, type LauncherItems } from './records.ts';
import { endAsSaid, type MachineRow, type RunEnd, type RunRow } from './rows.ts';
import { Runs } from './runs.ts';
import { planRun } from './task-request.ts';
import { defaultLauncherTimings, type LauncherTimings } from './timings.ts';

export interface EcsLauncherOptions {
  readonly deployment: Deployment;
  readonly clients: LauncherClients;
  readonly records: LauncherItems;
  /** Token of the app's lease. */
  readonly fence: number;
  readonly clock: Clock;
  readonly timings?: LauncherTimings;
  readonly logs: LogSink;
  /** Partition of a work by its full name; `undefined` for one that is not known yet. @default - that of its run */
  readonly keyOf?: (work: string) => string | undefined;
  /** Asks a running work to end by itself, before SIGTERM. */
  readonly askToStop?: (ref: WorkRef) => Promise<void>;
  /**
   * Hands on everything that a work wrote, before its end is told; gives what its process said of that end.
   */
  readonly settle?: (ref: WorkRef) => Promise<SaidOfEnd | null>;
  /** Says why a new launch may not be now. */
  readonly admit?: (spec: WorkSpec) => Extract<LaunchResult, { ok: false }> | null;
  /** Hears every fact before those who subscribed do. Whether these missed something does not depend on it. */
  readonly note?: (fact: WorkFact) => void;
  /** Hears of every machine and run, those that earlier flows left included. */
  readonly observer?: RowObserver;
}

export class EcsLauncher implements Launcher {
  readonly #options: EcsLauncherOptions;
  readonly #parts: LauncherParts;
  readonly #records: LauncherRecords;
  readonly #runs: Runs;
  readonly #machines: Machines;
  readonly #keeper: Keeper;
  readonly #handlers = new Set<(fact: WorkFact) => void>();
  readonly #launching = new Map<string, Promise<LaunchResult>>();
  /** Ends that nobody has heard of: they were seen while no one listened, or while no flow was there. */
  #unheard: EndedRow[] = [];
  #closed: { readonly why: string; readonly done: Promise<void> } | null = null;

  private constructor(options: EcsLauncherOptions) {
    this.#options = options;
    const { clients, clock, deployment, fence, logs } = options;
    const { app, tables } = deployment;
    const place = { client: clients.dynamodb, table: tables.state, fence };
    this.#records = new LauncherRecords(app, options.records, place);
    this.#parts = {
      deployment,
      clock,
      aws: new AwsCalls(clients, deployment),
      book: new Book(this.#records, options.observer),
      sight: {
        tasks: new Map(),
        asked: new Set(),
        askedAtMs: Number.NEGATIVE_INFINITY,
        containers: new Map(),
        placed: new Set(),
        groups: new Map(),
      },
      timings: options.timings ?? defaultLauncherTimings,
      wake: () => this.#keeper.wake(),
      paid: () => this.#keeper.paid(),
      log: (line) => logs.write({ source: 'flow', stream: 'stderr', at: clock.now(), line }),
      show: (run) => this.#show(run),
      settle: async (ref) => (await options.settle?.(ref)) ?? null,
    };
    this.#machines = new Machines(this.#parts);
    this.#runs = new Runs(this.#parts, this.#machines);
    this.#keeper = new Keeper(this.#parts, this.#runs, this.#machines, () => {
      this.#closed ??= { why: 'another flow acts for this app', done: Promise.resolve() };
    });
  }

  /**
   * Takes over what earlier flows of this app left: their tasks and machines are known when it resolves.
   *
   * @throws `STORE_UNREACHABLE` when the records cannot be read
   */
  static async open(options: EcsLauncherOptions): Promise<EcsLauncher> {
    const launcher = new EcsLauncher(options);
    await launcher.#load();
    await launcher.#keeper.look();
    return launcher;
  }

  launch(spec: WorkSpec): Promise<LaunchResult> {
    const key = keyOf(spec);
    const underWay = this.#launching.get(key);
    if (underWay !== undefined) return underWay;
    const result = this.#launch(spec).finally(() => this.#launching.delete(key));
    this.#launching.set(key, result);
    return result;
  }

  async stop(ref: WorkRef, graceMs: number): Promise<StopResult> {
    await this.#launching.get(keyOf(ref));
    const run = this.#parts.book.run(ref);
    if (run === undefined) return { forced: false };
    const { askToStop } = this.#options;
    const asks = askToStop !== undefined && run.row.state === 'running' && graceMs > 0;
    if (asks && run.row.stop === null) {
      const { work, epoch } = ref;
      background(askToStop({ work, epoch }), `asking ${work} to stop`);
    }
    this.#runs.stop(run, asks ? graceMs * this.#parts.timings.askShare : 0);
    const { forced } = await run.ended;
    return { forced };
  }

  async release(work: string): Promise<void> {
    const machines = this.#dedicatedTo(work);
    for (const machine of machines) this.#machines.giveBack(machine, `${work} released it`);
    await this.#within(this.#parts.timings.releaseWaitMs, allGone(machines));
  }

  async keep(work: string): Promise<void> {
    const { book, wake } = this.#parts;
    for (const machine of this.#dedicatedTo(work)) {
      const { state } = machine.row;
      if (state === 'booting' || state === 'ready') book.changeMachine(machine, { kept: true });
    }
    // Written with its next step, which is repeated until the table takes it.
    wake();
  }

  async observe(): Promise<readonly WorkFact[]> {
    const unheard: WorkFact[] = [];
    for (const row of this.#unheard.splice(0)) {
      // What those works wrote is handed on before their end is known (R7).
      const said = await this.#parts.settle(row);
      unheard.push(toEndFact(row, endAsSaid(row.end, said)));
    }
    this.#endMisplaced();
    return [...unheard, ...[...this.#parts.book.runs.values()].map((run) => toLiveFact(run))];
  }

  subscribe(handler: (fact: WorkFact) => void): () => void {
    this.#handlers.add(handler);
    return () => void this.#handlers.delete(handler);
  }

  /** Machines that are paid for now. */
  get machines(): readonly MachineRow[] {
    return this.#machines.all.map(({ row }) => row);
  }

  /** Whether AWS was asked, and no task and no machine of the app is left. */
  get hasNothing(): boolean {
    const { runs, machines } = this.#parts.book;
    return this.#keeper.hasReconciled && runs.size === 0 && machines.size === 0;
  }

  /** Leaves tasks and machines as they are, for the next flow. */
  leave(): void {
    this.#closed ??= { why: 'the flow is leaving', done: Promise.resolve() };
    this.#keeper.halt();
  }

  close(): Promise<void> {
    this.#closed ??= { why: 'the run is ending', done: this.#end() };
    return this.#closed.done;
  }

  async #load(): Promise<void> {
    const { book, clock, timings } = this.#parts;
    const { runs, machines } = await this.#records.load();
    for (const row of machines) {
      if (row.state !== 'terminated') book.addMachine(row, clock.monotonic());
      else this.#options.observer?.machine(row);
    }
    for (const row of runs.toSorted((a, b) => a.epoch - b.epoch)) {
      const older = book.note(row);
      if (older?.end) this.#forget(older);
      if (row.end !== null) continue;
      const run = book.addRun(row, clock.monotonic());
      if (run.taskSinceMs === null || row.taskTry === null) continue;
      // How long ECS has had to get to know this task; a clock that jumped makes it no older than matters.
      const ageMs = Math.max(0, clock.now() - row.taskTry.sentAt);
      run.taskSinceMs -= Math.min(ageMs, timings.missingMs);
    }
    for (const run of book.runs.values()) {
      // Its launch was recorded, that was not heard, and another one made in its place: two must never both work.
      const { work, epoch } = run.row;
      if ((book.newest(work)?.epoch ?? epoch) > epoch) book.changeRun(run, { stop: 'asked' });
    }
    for (const row of runs) {
      if (book.newest(row.work)?.epoch === row.epoch) this.#keepUnheard(row);
    }
  }

  #keepUnheard(row: RunRow): void {
    const { end } = row;
    if (end !== null && !isAsAsked(row)) this.#unheard.push({ ...row, end });
  }

  /** Ends processes that write where nobody reads any more: their class has another name in this deployment. */
  #endMisplaced(): void {
    const { book, wake } = this.#parts;
    for (const run of book.runs.values()) {
      const { work, key, end, stop } = run.row;
      if (end !== null || stop !== null || (this.#options.keyOf?.(work) ?? key) === key) continue;
      book.changeRun(run, { stop: 'asked' });
      wake();
    }
  }

  async #launch(spec: WorkSpec): Promise<LaunchResult> {
    const { book, clock, deployment, log, timings } = this.#parts;
    const { work, epoch } = spec;
    const ref = { work, epoch };
    if (this.#closed) return { ok: false, reason: 'closed', message: this.#closed.why };
    if ((book.newest(work)?.epoch ?? 0) >= epoch) return { ok: true, ref };
    const refusal = this.#options.admit?.(spec) ?? null;
    if (refusal !== null) return refusal;
    const planned = planRun(deployment, spec, clock.now());
    if (!planned.ok) return planned;
    const { row } = planned;
    try {
      // The input first: a run that is recorded can be started by whoever finds it.
      await this.#records.saveInput(row, spec);
      await this.#records.saveRun(row);
    } catch (error) {
      if (isAppError(error, 'STORE_CONFLICT'))
        return { ok: false, reason: 'fenced', message: error.message };
      const message = `the launch could not be recorded: ${describeProblem(error)}`;
      return { ok: false, reason: 'store', message, retryAfterMs: timings.callRetryMs };
    }
    const older = book.note(row);
    if (older?.end) this.#forget(older);
    const run = book.addRun(row, clock.monotonic());
    log(`launching ${work} (${row.hardware})`);
    this.#show(run);
    this.#keeper.wake();
    return { ok: true, ref };
  }

  #show(run: Run): void {
    const fact = toFact(run);
    const text = JSON.stringify(fact);
    if (run.told === text) return;
    run.told = text;
    this.#options.note?.(fact);
    const isHeard = this.#handlers.size > 0;
    if (!isHeard && run.over) this.#keepUnheard(run.row);
    for (const handler of this.#handlers) handler(fact);
  }

  #dedicatedTo(work: string): Machine[] {
    return this.#machines.all.filter(({ row }) => row.owner === `work:${work}`);
  }

  /** Drops an older run of a work; one that stays for once expires. */
  #forget(row: RunRow): void {
    const forgotten = this.#records.forgetRun(row).catch((error: unknown) => {
      this.#parts.log(`${keyOf(row)} is still recorded: ${describeProblem(error)}`);
    });
    background(forgotten, `forgetting ${keyOf(row)}`);
  }

  /** Waits for something, for a time. */
  async #within(ms: number, what: Promise<unknown>): Promise<void> {
    const { clock } = this.#parts;
    let cancel = (): void => undefined;
    const patience = new Promise<void>((resolve) => {
      const timer = clock.after(ms, resolve);
      cancel = () => timer.cancel();
    });
    await Promise.race([what, patience]);
    cancel();
  }

  async #end(): Promise<void> {
    const { book, log, timings } = this.#parts;
    await Promise.all(this.#launching.values());
    const stops = [...book.runs.values()].map((run) => this.stop(run.row, 0));
    await this.#within(timings.releaseWaitMs, Promise.all(stops));
    for (const machine of this.#machines.all) this.#machines.giveBack(machine, 'the run is ending');
    await this.#within(timings.releaseWaitMs, allGone(this.#machines.all));
    this.#keeper.halt();
    for (const { row } of this.#machines.all)
      log(`${row.instanceId} was given back, and its end was not seen; look for it in EC2`);
  }
}

/** A run whose end is known. */
type EndedRow = RunRow & { readonly end: RunEnd };

/** An end that the flow brought about is no news; a stop from outside is. */
function isAsAsked({ stop, end }: RunRow): boolean {
  return stop === 'asked' && end?.reason === 'stopped';
}

async function allGone(machines: readonly Machine[]): Promise<void> {
  await Promise.all(machines.map(({ gone }) => gone));
}
