/**
 * The one clockwork of the launcher: looks at AWS, and lets every run and machine take its next step.
 *
 * P1 Steps follow from rows and from what is seen, never from where a procedure stood: a flow that was killed between any two
 *    of them is continued by the next one.
 * P2 It looks while something is paid for or changes, and for `quietMs` after the last paid call; otherwise nothing ticks (R10).
 *    Requests: with tasks running one `DescribeTasks` per 100 of them every `pollMs` and five calls every `reconcileMs`.
 * P3 Every `reconcileMs` all tasks and instances of the app are compared with the rows, in both directions (R5).
 */
import { background, isAppError } from '../../../errors/index.ts';
import type { ClockTimer } from '../../../ports/clock.ts';
import { describeProblem, toAwsFailure } from './aws-failure.ts';
import type { Entry, Run } from './book.ts';
import type { Machines } from './machines.ts';
import type { LauncherParts } from './parts.ts';
import type { Runs } from './runs.ts';
import { workTaskOf } from './task-request.ts';

export class Keeper {
  readonly #parts: LauncherParts;
  readonly #runs: Runs;
  readonly #machines: Machines;
  readonly #fenced: () => void;
  #timer: ClockTimer | null = null;
  #dueAtMs = 0;
  #stepsDue = false;
  #looking = false;
  #halted = false;
  #trouble = '';
  #reconciledAtMs = Number.NEGATIVE_INFINITY;
  #quietAtMs: number;

  constructor(parts: LauncherParts, runs: Runs, machines: Machines, fenced: () => void) {
    this.#parts = parts;
    this.#runs = runs;
    this.#machines = machines;
    this.#fenced = fenced;
    this.#quietAtMs = parts.clock.monotonic() + parts.timings.quietMs;
  }

  /** Whether all that is paid for was compared with the rows once. */
  get hasReconciled(): boolean {
    return this.#reconciledAtMs !== Number.NEGATIVE_INFINITY;
  }

  /** Nothing is done any more; what is under way ends by itself. */
  halt(): void {
    this.#halted = true;
    this.#timer?.cancel();
    this.#timer = null;
  }

  /** A paid call was made. */
  paid(): void {
    this.#quietAtMs = this.#parts.clock.monotonic() + this.#parts.timings.quietMs;
    this.#schedule();
  }

  /** Steps are due. */
  wake(): void {
    this.#schedule();
    if (this.#stepsDue || this.#halted) return;
    this.#stepsDue = true;
    this.#parts.clock.soon(() => {
      this.#stepsDue = false;
      this.#steps();
    });
  }

  /** Looks at everything, then lets steps be taken; failures are told and the next look makes up for them. */
  async look(): Promise<void> {
    if (this.#looking || this.#halted) return;
    this.#looking = true;
    this.#timer?.cancel();
    this.#timer = null;
    try {
      await this.#look();
      this.#trouble = '';
    } catch (error) {
      this.#told(error, 'looking at AWS');
    } finally {
      this.#looking = false;
      this.#schedule();
    }
    this.wake();
  }

  async #look(): Promise<void> {
    const { aws, book, clock, sight, timings } = this.#parts;
    const arns = [...book.runs.values()].flatMap(({ row }) => row.taskArn ?? []);
    const askedAtMs = clock.monotonic();
    const tasks = await aws.describeTasks(arns);
    sight.tasks = tasks;
    sight.asked = new Set(arns);
    sight.askedAtMs = askedAtMs;
    const startedMs = clock.monotonic();
    const due = startedMs - this.#reconciledAtMs >= timings.reconcileMs;
    if (due || this.#isChanging) {
      sight.groups = await aws.groups();
      const placed = [...tasks].filter(([, task]) => task.containerInstanceArn !== undefined);
      // After the tasks: what they take is counted in what the machines have left.
      sight.containers = await aws.containerInstances();
      sight.placed = new Set(placed.map(([arn]) => arn));
      this.#machines.notice();
    } else await this.#lookAtSpot();
    if (!due) return;
    await this.#findTasks();
    this.#reconciledAtMs = startedMs;
  }

  /** A spot machine is told two minutes before it goes: the agent closes it, nobody tells its tasks. */
  async #lookAtSpot(): Promise<void> {
    const { aws, sight } = this.#parts;
    const arns = this.#machines.all.flatMap(({ row }) =>
      row.market === 'spot' ? (row.containerInstanceArn ?? []) : [],
    );
    if (arns.length === 0) return;
    const seen = await aws.describeContainerInstances(arns);
    sight.containers = new Map([...sight.containers, ...seen]);
  }

  /** P3 */
  async #findTasks(): Promise<void> {
    const { aws, book } = this.#parts;
    const listed = await aws.listTasks('RUNNING');
    const known = new Set([...book.runs.values()].map(({ row }) => row.taskArn));
    const strange = listed.filter((arn) => !known.has(arn));
    for (const [arn, task] of await aws.describeTasks(strange)) {
      if (task.lastStatus === 'STOPPED' || task.desiredStatus === 'STOPPED') continue;
      await this.#runs.found(arn, workTaskOf(task));
    }
  }

  #steps(): void {
    const { book, clock } = this.#parts;
    for (const run of book.runs.values())
      this.#step(run, `the run ${run.row.work}#${run.row.epoch}`, () => this.#runs.step(run));
    for (const machine of book.machines.values()) {
      if (clock.monotonic() < machine.retryAtMs) continue;
      const { instanceId } = machine.row;
      this.#step(machine, `the machine ${instanceId}`, () => this.#machines.step(machine));
    }
  }

  #step(entry: Entry, what: string, take: () => Promise<void>): void {
    if (this.#halted) return;
    if (entry.stepping) {
      entry.again = true;
      return;
    }
    entry.stepping = true;
    entry.again = false;
    const over = this.#parts.book.records
      .confirm()
      .then(take)
      .then(
        () => {
          entry.trouble = '';
        },
        (error: unknown) => this.#failed(entry, error, what),
      )
      .then(() => {
        entry.stepping = false;
        if (entry.again) this.wake();
      });
    background(over, what);
  }

  #failed(entry: Entry, error: unknown, what: string): void {
    const { clock, log, timings } = this.#parts;
    if (this.#isFenced(error)) return;
    entry.retryAtMs = clock.monotonic() + timings.callRetryMs;
    const problem = describeProblem(error);
    if (entry.trouble !== problem) log(`${what}: ${problem}; trying again`);
    entry.trouble = problem;
    if (isRun(entry)) this.#explain(entry, error, problem);
  }

  #explain(run: Run, error: unknown, problem: string): void {
    if (run.row.end !== null || run.row.state === 'running') return;
    run.pending = { reason: toAwsFailure(error).denied ? 'iam' : 'aws', message: problem };
    this.#parts.show(run);
  }

  #told(error: unknown, what: string): void {
    if (this.#isFenced(error)) return;
    const problem = describeProblem(error);
    if (this.#trouble !== problem) this.#parts.log(`${what}: ${problem}; trying again`);
    this.#trouble = problem;
  }

  /** Another flow acts: this one does nothing more (R4). */
  #isFenced(error: unknown): boolean {
    if (!isAppError(error, 'STORE_CONFLICT')) return false;
    this.halt();
    this.#fenced();
    return true;
  }

  get #isChanging(): boolean {
    const { book } = this.#parts;
    for (const { row } of book.runs.values())
      if (row.state !== 'running' || row.stop !== null || row.end !== null) return true;
    for (const { row } of book.machines.values()) if (row.state !== 'ready') return true;
    return false;
  }

  /** P2: what begins to change is looked at soon, also where the next look was far away. */
  #schedule(): void {
    if (this.#halted || this.#looking) return;
    const { book, clock, timings } = this.#parts;
    const nowMs = clock.monotonic();
    const isPolled = book.runs.size > 0 || this.#isChanging;
    const isWatched = book.machines.size > 0 || nowMs < this.#quietAtMs;
    if (!isPolled && !isWatched) return;
    const dueAtMs = nowMs + (isPolled ? timings.pollMs : timings.reconcileMs);
    if (this.#timer !== null && this.#dueAtMs <= dueAtMs) return;
    this.#timer?.cancel();
    this.#dueAtMs = dueAtMs;
    this.#timer = clock.after(dueAtMs - nowMs, () => {
      this.#timer = null;
      background(this.look(), 'looking at AWS');
    });
  }
}

function isRun(entry: Entry): entry is Run {
  return 'pending' in entry;
}
