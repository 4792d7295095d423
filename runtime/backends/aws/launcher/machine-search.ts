/**
 * From a run that was recorded to an instance: one that is there, or exactly one that is started for it.
 *
 * S1 A call whose outcome is unknown is repeated with its token before anything else is started for that run.
 */
import type { FailedBoot, Run } from './book.ts';
import { toAwsFailure } from './aws-failure.ts';
import { decideCapacity, placesOf, type CapacityDecision, type Place } from './capacity.ts';
import { explainActivity, explainFull, explainProblems, kindOfProblem } from './explain.ts';
import type { Machines } from './machines.ts';
import type { LauncherParts } from './parts.ts';
import type { Patience } from './patience.ts';
import { isDedicated, type InstanceTry, type RunRow } from './rows.ts';
import { instanceToken } from './task-request.ts';

/** Machines that ran in vain before a launch is given up, at least. */
const MIN_DEAF_BOOTS = 3;

export class MachineSearch {
  readonly #parts: LauncherParts;
  readonly #machines: Machines;
  readonly #patience: Patience;

  constructor(parts: LauncherParts, machines: Machines, patience: Patience) {
    this.#parts = parts;
    this.#machines = machines;
    this.#patience = patience;
  }

  /** One step of a run without a machine. */
  async step(run: Run): Promise<void> {
    const { book, deployment, wake } = this.#parts;
    const { row } = run;
    const hardware = deployment.hardware[row.hardware];
    if (hardware === undefined) {
      this.#patience.end(run, 'exited', `the hardware ${row.hardware} is no longer deployed`);
      return;
    }
    const places = placesOf(hardware.pools, deployment.subnets);
    const decision = this.#decide(run, places);
    if (decision.do === 'use') {
      const machine = book.machines.get(decision.instanceId);
      if (!machine) return;
      this.#machines.claim(machine, run);
      const answered = row.instanceTry && { ...row.instanceTry, answered: true };
      book.changeRun(run, { instanceId: decision.instanceId, instanceTry: answered });
      await book.settleMachine(machine);
      wake();
    } else if (decision.do === 'refuse')
      this.#patience.end(run, 'exited', `${decision.pending.reason}: ${decision.pending.message}`);
    else if (row.instanceTry?.answered === false) await this.#start(run, row.instanceTry);
    else if (decision.do === 'wait') this.#patience.pend(run, decision.pending);
    else if (decision.do === 'start') await this.#begin(run, decision.place, decision.index);
    else this.#startOver(run, places);
  }

  #decide(run: Run, places: readonly Place[]): CapacityDecision {
    const { book } = this.#parts;
    const { row, problems } = run;
    return decideCapacity({
      owner: row.owner,
      need: row,
      machines: this.#machines.sights(row.hardware),
      places,
      index: row.instanceTry === null ? 0 : row.instanceTry.index + 1,
      useless: ({ pool }) =>
        this.#isFull(pool.autoScalingGroup, pool.maxInstances) ||
        problems.some(
          ({ place, code }) =>
            place.pool.autoScalingGroup === pool.autoScalingGroup &&
            ['quota', 'iam'].includes(kindOfProblem(code)),
        ),
      othersStart:
        !isDedicated(row.owner) &&
        [...book.runs.values()].some(
          (other) =>
            other !== run &&
            other.row.owner === row.owner &&
            other.row.hardware === row.hardware &&
            other.row.end === null &&
            (book.starting.has(other) || other.row.instanceTry?.answered === false),
        ),
    });
  }

  #isFull(group: string, max: number): boolean {
    const { book, sight } = this.#parts;
    const listed = new Set<string>();
    for (const { InstanceId = '', LifecycleState = '' } of sight.groups.get(group) ?? [])
      if (!LifecycleState.startsWith('Terminat')) listed.add(InstanceId);
    for (const { row } of book.machines.values())
      if (row.autoScalingGroup === group && row.state !== 'terminated') listed.add(row.instanceId);
    const starting = [...book.starting.values()].filter((name) => name === group).length;
    return listed.size + starting >= max;
  }

  /** Every place was tried, or is useless: waits, then begins again. */
  #startOver(run: Run, places: readonly Place[]): void {
    const { book, timings } = this.#parts;
    const { instanceTry } = run.row;
    if (instanceTry !== null) {
      const changes = { ...instanceTry, index: -1, round: instanceTry.round + 1 };
      book.changeRun(run, { instanceTry: changes });
    }
    const waitMs = this.#patience.later(run, timings.capacityRetryMs);
    const pools = [...new Set(places.map(({ pool }) => pool))];
    this.#patience.pend(
      run,
      run.problems.length === 0 ? explainFull(pools) : explainProblems(run.problems, waitMs),
    );
    run.problems = [];
  }

  async #begin(run: Run, { pool, subnet }: Place, index: number): Promise<void> {
    const { deployment } = this.#parts;
    const { autoScalingGroup } = pool;
    const round = run.row.instanceTry?.round ?? 0;
    const token = instanceToken(deployment.app, run.row, { autoScalingGroup, subnet, round });
    await this.#start(run, { autoScalingGroup, subnet, token, index, round, answered: false });
  }

  async #start(run: Run, instanceTry: InstanceTry): Promise<void> {
    const { aws, book, clock, paid, timings } = this.#parts;
    const { autoScalingGroup, subnet, token } = instanceTry;
    const place = this.#placeOf(run.row, instanceTry);
    const types = place?.pool.instanceTypes.join(' or ') ?? 'machine';
    this.#patience.pend(run, { reason: 'capacity', message: `starting a ${types} in ${subnet}` });
    book.changeRun(run, { instanceTry });
    book.starting.set(run, autoScalingGroup);
    try {
      await book.settleRun(run);
      paid();
      const answer = await aws.launchInstance(autoScalingGroup, subnet, token);
      const [started] = answer.Instances ?? [];
      const id = started?.InstanceIds?.[0];
      if (started && id !== undefined && place) {
        const { InstanceType: type = '', AvailabilityZone: az = '' } = started;
        await this.#started(run, instanceTry, place, { id, type, az });
        return;
      }
      const [error] = answer.Errors ?? [];
      this.#failed(run, instanceTry, place, error?.ErrorCode ?? 'NoInstance', error?.ErrorMessage);
    } catch (error) {
      const failure = toAwsFailure(error);
      if (failure.outcome === 'unknown') throw error;
      if (this.#patience.deny(run, failure)) return;
      this.#failed(run, instanceTry, place, failure.name, failure.message);
      run.retryAtMs = clock.monotonic() + timings.callRetryMs;
    } finally {
      book.starting.delete(run);
      paid();
    }
  }

  async #started(
    run: Run,
    instanceTry: InstanceTry,
    { pool, subnet }: Place,
    { id, type, az }: { id: string; type: string; az: string },
  ): Promise<void> {
    const { book, wake } = this.#parts;
    const known = book.machines.get(id);
    const taken = known && (known.row.state === 'releasing' || known.row.state === 'terminated');
    if (taken || (known && isDedicated(known.row.owner) && known.row.owner !== run.row.owner)) {
      // An old answer: that instance is another's by now, or on its way out. The same place again, with a new token.
      const { index, round } = instanceTry;
      const changes = { ...instanceTry, index: index - 1, round: round + 1, answered: true };
      book.changeRun(run, { instanceTry: changes });
      wake();
      return;
    }
    const machine = known ?? this.#machines.started(id, run, pool, { type, az, subnet });
    this.#machines.claim(machine, run);
    book.changeRun(run, { instanceId: id, instanceTry: { ...instanceTry, answered: true } });
    if (run.failedBoots.length === 0) this.cameUp(run);
    await book.settleMachine(machine);
    wake();
  }

  #failed(
    run: Run,
    instanceTry: InstanceTry,
    place: Place | undefined,
    code: string,
    message = '',
  ): void {
    const { book, wake } = this.#parts;
    book.changeRun(run, { instanceTry: { ...instanceTry, answered: true } });
    if (place) run.problems.push({ place, code, message });
    wake();
  }

  /**
   * The machine that was started for a run never came up. When as many as there are places, and three at least, ran in vain, more
   * of them would only cost more. One that EC2 ended leaves the next for later.
   */
  bootFailed(run: Run, { message, isDeaf }: FailedBoot): void {
    const { deployment, timings } = this.#parts;
    const { hardware, instanceTry } = run.row;
    const deaf = run.failedBoots.filter((boot) => boot.isDeaf).length;
    const places = placesOf(deployment.hardware[hardware]?.pools ?? [], deployment.subnets);
    if (isDeaf && deaf >= Math.max(MIN_DEAF_BOOTS, places.length)) {
      const hint = 'look at its subnets, their way to the internet, and the image of its machines';
      this.#patience.end(run, 'exited', `boot: ${deaf} machines in a row: ${message}; ${hint}`);
      return;
    }
    const place = instanceTry && this.#placeOf(run.row, instanceTry);
    if (place) run.problems.push({ place, code: 'BootFailed', message });
    if (!isDeaf) this.#patience.later(run, timings.capacityRetryMs);
  }

  /** What went wrong before counts no more: a machine is there. */
  cameUp(run: Run): void {
    run.failedBoots = [];
    run.problems = [];
    run.waitMs = 0;
  }

  #placeOf(row: RunRow, { autoScalingGroup, subnet }: InstanceTry): Place | undefined {
    const pools = this.#parts.deployment.hardware[row.hardware]?.pools ?? [];
    const pool = pools.find((each) => each.autoScalingGroup === autoScalingGroup);
    return pool && { pool, subnet };
  }

  /** What took long and is not explained yet may be explained by the group's activities. */
  async explain(run: Run): Promise<void> {
    const { aws, clock, timings } = this.#parts;
    const { instanceTry, end } = run.row;
    if (end !== null || instanceTry === null || run.row.instanceId === null) return;
    if (clock.monotonic() - run.explainedAtMs < timings.explainAfterMs) return;
    run.explainedAtMs = clock.monotonic();
    const place = this.#placeOf(run.row, instanceTry);
    if (!place) return;
    const texts = await aws.failedActivities(instanceTry.autoScalingGroup, run.row.createdAt);
    for (const text of texts) {
      const pending = explainActivity(place.pool, text);
      if (!pending) continue;
      run.explained = pending;
      this.#patience.pend(run, pending);
      return;
    }
  }
}
