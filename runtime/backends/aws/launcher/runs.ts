/**
 * Runs: from the recorded intent to the recorded end.
 *
 * E1 The end of a run is recorded when it is first seen (ECS forgets stopped tasks), then what the work wrote is handed on,
 *    then it is told, once.
 * E2 A run that is to stop ends at once where no task can exist, and with its task otherwise.
 * E3 A run that is to stop on a machine whose agent is gone for good ends with that: its machine is ended under it.
 */
import type { Task } from '@aws-sdk/client-ecs';
import type { WorkRef } from '../../../ports/launcher.ts';
import { toAwsFailure } from './aws-failure.ts';
import type { Machine, Run } from './book.ts';
import type { Machines } from './machines.ts';
import type { LauncherParts } from './parts.ts';
import { Placing } from './placing.ts';
import { endAsSaid, type RunEnd, type StopCause } from './rows.ts';
import { toTaskSight, type TaskSight } from './task-status.ts';

/** Why ECS is told that a task is stopped; it shows in its console. */
const STOP_REASONS: Readonly<Record<StopCause, string>> = {
  asked: 'stormkite: the flow stopped the work',
  spot: 'stormkite: its spot instance is being taken back',
  host: 'stormkite: its machine is gone',
  start: 'stormkite: it did not start in time',
};
/** What a run that was stopped for a cause ended with, where nothing more is seen of it. */
const REASON_OF_STOP: Readonly<Record<StopCause, RunEnd['reason']>> = {
  asked: 'stopped',
  spot: 'interrupted',
  host: 'interrupted',
  start: 'exited',
};
/** Tasks that ECS found no place for, before a run is given up. */
const MAX_UNPLACED = 3;
/** A task that ECS does not know is told of from this time after its start; before, that is usual. */
const UNKNOWN_MS = 10_000;

export class Runs {
  readonly #parts: LauncherParts;
  readonly #machines: Machines;
  readonly #placing: Placing;

  constructor(parts: LauncherParts, machines: Machines) {
    this.#parts = parts;
    this.#machines = machines;
    this.#placing = new Placing(parts, machines, (run, reason, message) =>
      this.#end(run, { reason, message, forced: false }),
    );
  }

  async step(run: Run): Promise<void> {
    const { book, clock } = this.#parts;
    await book.settleRun(run);
    const { row } = run;
    if (row.end !== null) {
      await this.#handOn(run, row.end);
      return;
    }
    if (row.taskArn !== null) await this.#watch(run, row.taskArn);
    else if (row.stop !== null && row.taskTry?.answered !== false)
      this.#end(run, { reason: 'stopped', message: 'ended before it was started', forced: false });
    else if (row.stop !== null || clock.monotonic() >= run.retryAtMs) await this.#placing.step(run);
    await book.settleRun(run);
    if (run.row.end !== null) await this.#handOn(run, run.row.end);
  }

  /** @param termInMs - milliseconds that the work is given to end by itself */
  stop(run: Run, termInMs: number): void {
    const { clock } = this.#parts;
    const due = clock.monotonic() + termInMs;
    run.termAtMs = Math.min(run.termAtMs ?? due, due);
    this.#ask(run, 'asked');
  }

  /** A task of ours whose ARN no row has: its run takes it, or it is stopped. */
  async found(arn: string, of: WorkRef | null): Promise<void> {
    const { aws, book, log } = this.#parts;
    const run = of === null ? undefined : book.run(of);
    if (run && run.row.end === null && run.row.taskArn === arn) return;
    if (run && run.row.end === null && run.row.taskArn === null) {
      // The answer of a call under way names it in a moment.
      if (!run.stepping) this.#placing.adopt(run, arn);
      return;
    }
    log(`stopping the task ${arn}, which no work wants${of === null ? '' : ` (${of.work})`}`);
    // It may be wanted by the flow that came after this one.
    await book.records.confirm();
    await aws.stopTask(arn, 'stormkite: no work wants this task');
  }

  #ask(run: Run, cause: StopCause): void {
    const { book, wake } = this.#parts;
    if (run.row.end !== null || run.row.stop === 'asked' || run.row.stop === cause) return;
    book.changeRun(run, { stop: cause });
    wake();
  }

  async #watch(run: Run, arn: string): Promise<void> {
    const { asked, tasks } = this.#parts.sight;
    const task = tasks.get(arn);
    if (task === undefined) {
      if (asked.has(arn)) await this.#missing(run, arn);
      else await this.#terminate(run, arn);
      return;
    }
    run.toldUnknown = false;
    const sight = toTaskSight(task, run.row.stop);
    if (sight.state === 'stopped') {
      this.#stopped(run, sight);
      return;
    }
    if (sight.state === 'starting') this.#starting(run, sight);
    if (sight.state === 'running') this.#running(run, sight);
    this.#watchHost(run, task);
    await this.#terminate(run, arn);
    this.#giveUpDeaf(run);
  }

  /** Not known yet, or no longer. */
  async #missing(run: Run, arn: string): Promise<void> {
    const { clock, log, sight, timings } = this.#parts;
    const since = run.taskSinceMs ?? clock.monotonic();
    // As of the last answer: while ECS cannot be asked, nothing is known of a task.
    const leftMs = since + timings.missingMs - sight.askedAtMs;
    if (leftMs > 0) {
      if (!run.toldUnknown && sight.askedAtMs - since >= UNKNOWN_MS) {
        const wait = `waiting up to ${Math.ceil(leftMs / 1_000)} s`;
        log(`ECS does not know the task ${arn} of ${run.row.work}; ${wait}`);
        run.toldUnknown = true;
      }
      await this.#terminate(run, arn);
      return;
    }
    const { stop } = run.row;
    if (stop === 'asked')
      this.#end(run, { reason: 'stopped', message: 'ended as asked', forced: false });
    else
      this.#end(run, {
        reason: 'lost',
        message: `ECS no longer knows the task ${arn}; how it ended was not seen`,
        forced: false,
      });
  }

  #starting(run: Run, { pending }: Extract<TaskSight, { state: 'starting' }>): void {
    const { clock, show, timings } = this.#parts;
    run.pending = pending;
    show(run);
    const since = run.taskSinceMs ?? clock.monotonic();
    if (clock.monotonic() - since > timings.startTimeoutMs) this.#ask(run, 'start');
  }

  #running(run: Run, { ports }: Extract<TaskSight, { state: 'running' }>): void {
    const { book, show } = this.#parts;
    const machine = this.#machineOf(run);
    if (machine && machine.row.internalIp !== '') {
      const { internalIp, publicIp } = machine.row;
      run.address = { internalIp, publicIp, ports };
    }
    if (run.row.state !== 'running') book.changeRun(run, { state: 'running' });
    show(run);
  }

  /** A task on a machine that is taken back, or is gone, ends now, whatever ECS still says of it. */
  #watchHost(run: Run, task: Task): void {
    const { clock, sight, timings } = this.#parts;
    const { instanceId } = run.row;
    if (instanceId === null) return;
    const machine = this.#machineOf(run);
    if (task.containerInstanceArn === undefined) {
      // It may be placed on this machine alone. ECS would start others for it in vain, and they are paid for.
      const isGone =
        !machine || machine.row.state === 'terminated' || this.#machines.isDeaf(machine);
      if (isGone) this.#ask(run, 'host');
      return;
    }
    const draining = sight.containers.get(instanceId)?.status === 'DRAINING';
    if (machine?.row.market === 'spot' && machine.row.state === 'ready' && draining)
      this.#ask(run, 'spot');
    if (machine && machine.row.state !== 'terminated') {
      run.hostLostSinceMs = null;
      return;
    }
    run.hostLostSinceMs ??= clock.monotonic();
    if (clock.monotonic() - run.hostLostSinceMs < timings.hostLostMs) return;
    const reason = run.row.stop === 'asked' ? 'stopped' : 'interrupted';
    this.#end(run, { reason, message: `its machine ${instanceId} is gone`, forced: false });
  }

  /** Without an agent no task ends, whatever ECS is asked for. Its run is over, so that its machine can go (E3). */
  #giveUpDeaf(run: Run): void {
    const { stop, end, instanceId } = run.row;
    const machine = this.#machineOf(run);
    if (stop === null || end !== null || run.stopSentAtMs === null || !machine) return;
    if (!this.#machines.isDeaf(machine)) return;
    const message = `it was told to stop, and the agent of its machine ${instanceId} does not answer`;
    this.#end(run, { reason: REASON_OF_STOP[stop], message, forced: true });
  }

  /** SIGTERM, and after the time-out of the task definition SIGKILL: `StopTask` does both. */
  async #terminate(run: Run, arn: string): Promise<void> {
    const { aws, book, clock, timings } = this.#parts;
    const { stop, end } = run.row;
    const nowMs = clock.monotonic();
    if (stop === null || end !== null || (stop === 'asked' && nowMs < (run.termAtMs ?? 0))) return;
    if (run.stopSentAtMs !== null && nowMs - run.stopSentAtMs < timings.stopAgainMs) return;
    await book.settleRun(run);
    run.stopSentAtMs = nowMs;
    try {
      await aws.stopTask(arn, STOP_REASONS[stop]);
    } catch (error) {
      // A task that ECS does not know (any more) needs no stop; one that it does not know yet is asked again.
      const failure = toAwsFailure(error);
      if (failure.outcome === 'refused' && !failure.denied) return;
      run.stopSentAtMs = null;
      throw error;
    }
  }

  #stopped(run: Run, sight: Extract<TaskSight, { state: 'stopped' }>): void {
    const { book, clock, timings, show } = this.#parts;
    const { row } = run;
    const number = row.taskTry?.number ?? 0;
    if (!sight.unplaced || row.stop !== null || number >= MAX_UNPLACED) {
      const { reason, message, killed } = sight;
      this.#end(run, { reason, message, forced: killed && row.stop !== null });
      return;
    }
    book.changeRun(run, { state: 'launching', taskArn: null });
    run.taskSinceMs = null;
    run.retryAtMs = clock.monotonic() + timings.callRetryMs;
    run.pending = { reason: 'capacity', message: sight.message };
    show(run);
  }

  #machineOf({ row }: Run): Machine | undefined {
    return row.instanceId === null ? undefined : this.#parts.book.machines.get(row.instanceId);
  }

  #end(run: Run, end: Omit<RunEnd, 'at'>): void {
    const { book, clock, wake } = this.#parts;
    if (run.row.end !== null) return;
    book.changeRun(run, { state: 'ended', end: { ...end, at: clock.now() } });
    wake();
  }

  /** E1 */
  async #handOn(run: Run, end: RunEnd): Promise<void> {
    if (run.over) return;
    const { book, settle, show, wake } = this.#parts;
    const said = await settle(run.row);
    const known = endAsSaid(end, said);
    if (known !== end) {
      book.changeRun(run, { end: known });
      await book.settleRun(run);
    }
    run.over = true;
    book.runs.delete(`${run.row.work}#${run.row.epoch}`);
    show(run);
    run.resolveEnded(run.row.end ?? end);
    wake();
  }
}
