/**
 * Gives machines back, in the one order that ends the bill.
 *
 * G1 A machine is terminated only when ECS says, after it was closed to new tasks, that it has none. One whose agent is gone
 *    for good is an exception: ECS would count its tasks for ever, so it goes when no run is on it.
 * G2 `terminatedAt` is when EC2 confirmed that it shuts down: there the bill ends.
 * G3 Its group is told to want one instance less, or it would start another one.
 */
import type { ContainerInstance } from '@aws-sdk/client-ecs';
import { describeFailure, toAwsFailure } from './aws-failure.ts';
import type { Machine } from './book.ts';
import type { LauncherParts } from './parts.ts';

/** States of EC2 in which nothing is billed any more. */
const OVER: ReadonlySet<string> = new Set(['shutting-down', 'terminated']);

/** Why EC2 ends an instance that it could not start ("Instance terminates immediately"). */
const NOT_STARTED =
  /^(Server\.(InsufficientInstanceCapacity|InternalError)|Client\.(VolumeLimitExceeded|InternalError|InvalidSnapshot\.NotFound))$/;

export class Releasing {
  readonly #parts: LauncherParts;

  constructor(parts: LauncherParts) {
    this.#parts = parts;
  }

  /** Whether the instance is no more; asked of EC2 only where its group does not list it. */
  async isGone(machine: Machine): Promise<boolean> {
    const { aws, sight } = this.#parts;
    const { autoScalingGroup, instanceId } = machine.row;
    const listed = sight.groups
      .get(autoScalingGroup)
      ?.find(({ InstanceId }) => InstanceId === instanceId);
    if (listed && !listed.LifecycleState?.startsWith('Terminat')) return false;
    const instance = await aws.instance(instanceId);
    // EC2 may not know an instance yet that was started a moment ago.
    if (instance === null && this.#isYoung(machine)) return false;
    if (instance !== null && !OVER.has(instance.State?.Name ?? '')) return false;
    const failed =
      machine.row.registeredAt === null && NOT_STARTED.test(instance?.StateReason?.Code ?? '');
    this.#over(
      machine,
      failed ? 'EC2 could not start it' : 'it ended without being asked to',
      failed,
    );
    return true;
  }

  #isYoung({ knownAtMs }: Machine): boolean {
    const { clock, timings } = this.#parts;
    return clock.monotonic() - knownAtMs < timings.missingMs;
  }

  /** Whether its agent is gone for good. */
  isDeaf({ deafSinceMs }: Machine): boolean {
    const { clock, timings } = this.#parts;
    return deafSinceMs !== null && clock.monotonic() - deafSinceMs > timings.bootTimeoutMs;
  }

  /** One step of a machine that is given back. */
  async step(machine: Machine): Promise<void> {
    const { aws, book, paid, sight, timings, clock } = this.#parts;
    const { instanceId, autoScalingGroup } = machine.row;
    const container = await this.#container(machine);
    if (container?.containerInstanceArn) {
      if (container.status === 'ACTIVE')
        await aws.setContainerInstance(container.containerInstanceArn, 'DRAINING');
      const now = await this.#container(machine);
      this.#noteAgent(machine, now);
      const tasks = (now?.runningTasksCount ?? 0) + (now?.pendingTasksCount ?? 0);
      const isUsed = book.runsOn(instanceId).length > 0;
      if (tasks > 0 && (isUsed || !this.isDeaf(machine))) {
        await this.#keepOrWait(machine, container.containerInstanceArn);
        return;
      }
    }
    paid();
    const instance = await aws.instance(instanceId);
    if (instance === null ? !this.#isYoung(machine) : OVER.has(instance.State?.Name ?? '')) {
      this.#over(machine, machine.row.why);
      return;
    }
    machine.retryAtMs = clock.monotonic() + timings.pollMs;
    const listed = sight.groups
      .get(autoScalingGroup)
      ?.find(({ InstanceId }) => InstanceId === instanceId);
    const { endedSentAtMs } = machine;
    if (listed?.LifecycleState?.startsWith('Terminat')) return;
    // Asking twice for one instance could take away the group's capacity for another one.
    if (endedSentAtMs !== null && clock.monotonic() - endedSentAtMs < timings.stopAgainMs) return;
    machine.endedSentAtMs = clock.monotonic();
    await this.#terminate(machine);
  }

  async #terminate({ row }: Machine): Promise<void> {
    const { aws, log } = this.#parts;
    try {
      await aws.unprotect(row.autoScalingGroup, row.instanceId);
    } catch (error) {
      // One that still boots or already ends has no protection to lose.
      const failure = toAwsFailure(error);
      if (failure.outcome !== 'refused' || failure.denied) throw error;
    }
    try {
      await aws.terminate(row.instanceId);
    } catch (error) {
      const failure = toAwsFailure(error);
      if (failure.outcome !== 'refused' || failure.denied) throw error;
      log(`${row.instanceId} could not be ended yet: ${describeFailure(failure)}`);
    }
  }

  /** Tasks are on a machine that is to go: if a run still uses it, it stays; else their end is waited for. */
  async #keepOrWait(machine: Machine, arn: string): Promise<void> {
    const { aws, book, clock, log, timings } = this.#parts;
    machine.retryAtMs = clock.monotonic() + timings.pollMs;
    if (book.runsOn(machine.row.instanceId).length === 0) return;
    await aws.setContainerInstance(arn, 'ACTIVE');
    book.changeMachine(machine, { state: 'ready', releasedAt: null, why: '' });
    log(`${machine.row.instanceId} is used again and stays`);
  }

  #noteAgent(machine: Machine, container: ContainerInstance | undefined): void {
    if (container?.agentConnected === true) machine.deafSinceMs = null;
    else machine.deafSinceMs ??= this.#parts.clock.monotonic();
  }

  async #container({ row }: Machine): Promise<ContainerInstance | undefined> {
    const { aws, sight } = this.#parts;
    const arn =
      row.containerInstanceArn ?? sight.containers.get(row.instanceId)?.containerInstanceArn;
    if (!arn) return undefined;
    return (await aws.describeContainerInstances([arn])).get(row.instanceId);
  }

  #over(machine: Machine, why: string, failed = false): void {
    const { book, clock, log, wake } = this.#parts;
    const { releasedAt, instanceId } = machine.row;
    const terminatedAt = clock.now();
    book.changeMachine(machine, {
      state: 'terminated',
      terminatedAt,
      releasedAt: releasedAt ?? terminatedAt,
      kept: false,
      why,
      ...(failed ? { failed } : {}),
    });
    log(`${instanceId} is billed no longer: ${why}`);
    wake();
  }
}
