/**
 * From a run with a machine to a task that ECS knows.
 *
 * L1 A run has at most one task: another token is used only after an answer that no task was made (R5).
 * L2 A call whose outcome is unknown is repeated word for word, as long as its token holds; after that its task is looked for,
 *    and if there is none the run is lost rather than started twice.
 * L3 A new try takes what is deployed now: the task definition that the run was planned with ends with its deployment.
 */
import type { RunTaskCommandOutput } from '@aws-sdk/client-ecs';
import { describeFailure, toAwsFailure, type AwsFailure } from './aws-failure.ts';
import type { Run } from './book.ts';
import { fits } from './capacity.ts';
import { sightOf } from './machine-room.ts';
import { MachineSearch } from './machine-search.ts';
import type { Machines } from './machines.ts';
import type { LauncherParts } from './parts.ts';
import { Patience, type EndRun } from './patience.ts';
import { isDedicated, type TaskTry } from './rows.ts';
import { definitionOf, taskToken, toRunTask, workTaskOf } from './task-request.ts';

export class Placing {
  readonly #parts: LauncherParts;
  readonly #patience: Patience;
  readonly #search: MachineSearch;

  constructor(parts: LauncherParts, machines: Machines, end: EndRun) {
    this.#parts = parts;
    this.#patience = new Patience(parts, end);
    this.#search = new MachineSearch(parts, machines, this.#patience);
  }

  /** One step of a run without a task. */
  async step(run: Run): Promise<void> {
    const { row } = run;
    if (row.taskTry?.answered === false) await this.#runTask(run, row.taskTry);
    else if (row.instanceId === null) await this.#search.step(run);
    else await this.#place(run, row.instanceId);
    await this.#search.explain(run);
  }

  async #place(run: Run, instanceId: string): Promise<void> {
    const { book, clock, deployment, timings } = this.#parts;
    const { row } = run;
    const machine = book.machines.get(instanceId);
    const state = machine?.row.state ?? 'terminated';
    if (!machine || state === 'releasing' || state === 'terminated') {
      const why = machine?.row.why ?? 'it is gone';
      book.changeRun(run, { instanceId: null });
      this.#patience.pend(run, {
        reason: 'capacity',
        message: `${instanceId} cannot be used: ${why}`,
      });
      const failed = run.failedBoots.find((boot) => boot.instanceId === instanceId);
      if (failed) this.#search.bootFailed(run, failed);
      return;
    }
    if (state === 'booting') {
      const message = `waiting for ${instanceId} (${machine.row.type}) to register with the cluster`;
      this.#patience.pend(run, run.explained ?? { reason: 'boot', message });
      return;
    }
    if (run.failedBoots.length > 0) this.#search.cameUp(run);
    const sight = sightOf(this.#parts, machine, run);
    if (sight.closed || !fits(row, sight.free)) {
      if (isDedicated(row.owner) && !sight.empty) {
        const message = `${instanceId} is still used by what ran there before`;
        this.#patience.pend(run, { reason: 'capacity', message });
      } else book.changeRun(run, { instanceId: null });
      run.retryAtMs = clock.monotonic() + timings.callRetryMs;
      return;
    }
    run.placingSinceMs ??= clock.monotonic();
    const taskDefinition = definitionOf(deployment, row);
    if (taskDefinition === undefined) {
      const message = `not_declared: the class or variant of ${row.work} is no longer deployed`;
      this.#patience.end(run, 'exited', message);
      return;
    }
    if (taskDefinition !== row.taskDefinition) book.changeRun(run, { taskDefinition });
    const number = row.taskTry === null ? 0 : row.taskTry.number + 1;
    await this.#runTask(run, {
      token: taskToken(deployment.app, row, number),
      number,
      instanceId,
      capacityProvider: machine.row.capacityProvider,
      ...(deployment.allowExec === undefined ? {} : { allowExec: deployment.allowExec }),
      sentAt: clock.now(),
      answered: false,
    });
  }

  async #runTask(run: Run, taskTry: TaskTry): Promise<void> {
    const { aws, book, clock, deployment, paid, timings } = this.#parts;
    // After a long absence the token may no longer hold, and the task may have come and gone (L2).
    if (clock.now() - taskTry.sentAt > timings.tokenMs) {
      await this.#find(run);
      return;
    }
    book.changeRun(run, { taskTry });
    await book.settleRun(run);
    paid();
    try {
      this.#answered(run, taskTry, await aws.runTask(toRunTask(deployment, run.row, taskTry)));
    } catch (error) {
      const failure = toAwsFailure(error);
      const [existing] = failure.resourceIds;
      if (existing !== undefined) this.adopt(run, existing);
      else if (failure.outcome === 'unknown') throw error;
      else this.#refused(run, taskTry, failure);
    } finally {
      paid();
    }
  }

  #answered(run: Run, taskTry: TaskTry, { tasks, failures }: RunTaskCommandOutput): void {
    const { book, timings } = this.#parts;
    const arn = tasks?.[0]?.taskArn;
    if (arn !== undefined) {
      this.adopt(run, arn);
      return;
    }
    const { reason = 'no reason given', detail = '' } = failures?.[0] ?? {};
    book.changeRun(run, { taskTry: { ...taskTry, answered: true } });
    if (!isDedicated(run.row.owner)) book.changeRun(run, { instanceId: null });
    const message = `ECS did not place the task on ${taskTry.instanceId}: ${reason}${detail === '' ? '' : ` (${detail})`}`;
    this.#patience.pend(run, { reason: 'capacity', message });
    this.#patience.later(run, timings.callRetryMs);
    this.#patience.giveUpInTime(run, message);
  }

  #refused(run: Run, taskTry: TaskTry, failure: AwsFailure): void {
    const { book, timings } = this.#parts;
    book.changeRun(run, { taskTry: { ...taskTry, answered: true } });
    const message = `RunTask was refused: ${describeFailure(failure)}`;
    if (failure.final) {
      this.#patience.end(run, 'exited', message);
      return;
    }
    if (this.#patience.deny(run, failure)) return;
    this.#patience.pend(run, { reason: failure.denied ? 'iam' : 'capacity', message });
    this.#patience.later(run, timings.callRetryMs);
    this.#patience.giveUpInTime(run, message);
  }

  /** The task of this run is known. */
  adopt(run: Run, taskArn: string): void {
    const { book, clock, wake } = this.#parts;
    const { taskTry } = run.row;
    book.changeRun(run, {
      taskArn,
      state: 'starting',
      taskTry: taskTry && { ...taskTry, answered: true },
    });
    run.taskSinceMs = clock.monotonic();
    run.explained = null;
    run.waitMs = 0;
    run.denials = 0;
    this.#patience.pend(run, { reason: 'starting', message: 'the task was handed to ECS' });
    wake();
  }

  /** Looks for the task of a call whose answer was never heard. */
  async #find(run: Run): Promise<void> {
    const { aws } = this.#parts;
    const arns = [...(await aws.listTasks('RUNNING')), ...(await aws.listTasks('STOPPED'))];
    for (const [arn, task] of await aws.describeTasks(arns)) {
      const whose = workTaskOf(task);
      if (whose?.work !== run.row.work || whose.epoch !== run.row.epoch) continue;
      this.adopt(run, arn);
      return;
    }
    this.#patience.end(
      run,
      'lost',
      'the flow was away while it was started, and no task of it is left',
    );
  }
}
