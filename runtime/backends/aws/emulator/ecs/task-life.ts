/**
 * One task from PENDING to STOPPED: its image, its secrets, its containers' processes, and why it ended.
 *
 * L1 A task ends once, with the first reason; what comes later (a second stop, exits that the stop caused) changes nothing of it.
 * L2 It is STOPPED only when none of its processes is left.
 * L3 What happens on an instance whose agent is not connected is told when the agent is back, or the instance is gone.
 */
import { background } from '../../../../errors/index.ts';
import { ServiceError } from '../service-error.ts';
import type { ContainerProcess } from './container-process.ts';
import { startContainer } from './container-start.ts';
import { beginFargateBilling } from './fargate-billing.ts';
import type { LifeHost } from './life-host.ts';
import type { Container, Task } from './task.ts';

/** Seconds between SIGTERM and SIGKILL, unless a container definition says otherwise. */
const STOP_TIMEOUT_SECONDS = 30;

/** Why a task ends, in the words of ECS. */
export interface End {
  readonly code: string;
  readonly reason: string;
}

export class TaskLife {
  readonly #task: Task;
  readonly #host: LifeHost;
  readonly #processes = new Map<Container, ContainerProcess>();
  readonly #watches: Promise<void>[] = [];
  readonly #ending = new AbortController();
  #end: End | null = null;
  #isHostGone = false;
  #waitingForAgent: (() => void)[] = [];

  constructor(task: Task, host: LifeHost) {
    this.#task = task;
    this.#host = host;
  }

  /** Processes of the task that run now. */
  get pids(): readonly number[] {
    return [...this.#processes.values()].flatMap(({ pid }) => pid ?? []);
  }

  /** Starts it where it was placed; resolves when it is STOPPED. */
  async run(): Promise<void> {
    const task = this.#task;
    const { context } = this.#host;
    try {
      if (this.#end === null && (await this.#prepare())) await this.#runContainers();
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      this.#finish({ code: error.code, reason: error.message });
    }
    await this.#stopContainers();
    await this.#agent();
    task.change(() => {
      task.times.executionStoppedAt = context.clock.now();
      task.lastStatus = 'DEPROVISIONING';
    });
    if (!this.#isHostGone) await this.#pause(context.timings.deprovisionMs);
    this.#stopped();
  }

  /** Asks it to end; {@link run} resolves when it has. */
  stop(end: End): void {
    this.#finish(end);
    // An agent that is not connected does not hear of it.
    if (this.#task.containerInstance?.agentConnected !== false) this.#ending.abort();
  }

  /** Its instance shuts down: containers get the time that is left; or it is gone, and so are they. */
  hostEnds(end: End, isGone: boolean): void {
    this.#finish(end);
    this.#isHostGone = true;
    if (isGone) this.kill();
    this.#ending.abort();
    this.#tellAgent();
  }

  agentReturned(): void {
    this.#tellAgent();
    if (this.#end !== null) this.#ending.abort();
  }

  /** SIGKILL to all its processes; nobody is told. */
  kill(): void {
    for (const process of this.#processes.values()) process.kill();
  }

  /** As the kernel does when a container takes more memory than it may. */
  runOutOfMemory(): void {
    for (const [container, process] of this.#processes) {
      container.reason = 'OutOfMemoryError: Container killed due to memory usage';
      process.kill();
    }
  }

  #finish(end: End): void {
    this.#end ??= end;
    const task = this.#task;
    if (task.desiredStatus === 'STOPPED') return;
    task.change(() => {
      task.desiredStatus = 'STOPPED';
      task.times.stoppingAt = this.#host.context.clock.now();
      if (task.isFargate && task.lastStatus === 'RUNNING') task.lastStatus = 'DEACTIVATING';
    });
  }

  #stopped(): void {
    const task = this.#task;
    const { clock, billing } = this.#host.context;
    task.change(() => {
      task.lastStatus = 'STOPPED';
      task.stopCode = this.#end?.code;
      task.stoppedReason = this.#end?.reason;
      task.times.stoppedAt = clock.now();
      for (const container of task.containers) container.lastStatus = 'STOPPED';
    });
    billing.end(task.arn, clock.now());
    task.containerInstance?.free(task);
    this.#host.ended(task);
  }

  /** Pulls the image; false when the task is to end before it began. */
  async #prepare(): Promise<boolean> {
    const task = this.#task;
    const { context } = this.#host;
    const { clock, faults, timings } = context;
    const { family } = task.wish.definition;
    const isMine = (fault: { readonly family?: string | undefined }): boolean =>
      (fault.family ?? family) === family;
    task.change(() => {
      task.lastStatus = 'PENDING';
      task.times.connectivityAt = clock.now();
      task.times.pullStartedAt = clock.now();
    });
    if (task.isFargate) beginFargateBilling(task, context);
    const stuck = faults.take('stuck-task', (fault) => fault.at === 'PENDING' && isMine(fault));
    await this.#pause(stuck === null ? timings.pullMs : Infinity);
    if (this.#ending.signal.aborted) return false;
    if (faults.take('no-image', isMine) !== null) {
      const image = task.containers[0]?.definition.image ?? '';
      throw new ServiceError(
        'TaskFailedToStart',
        `CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref ${image}: ${image}: not found`,
      );
    }
    task.change(() => {
      task.times.pullStoppedAt = clock.now();
    });
    return true;
  }

  async #runContainers(): Promise<void> {
    const task = this.#task;
    for (const container of task.containers) {
      const process = await startContainer(task, container, this.#host);
      container.lastStatus = 'RUNNING';
      this.#processes.set(container, process);
      const watch = this.#watch(container, process);
      this.#watches.push(watch);
      background(watch, 'watching a container');
    }
    task.change(() => {
      task.lastStatus = 'RUNNING';
      task.times.startedAt = this.#host.context.clock.now();
    });
    await this.#pause(Infinity);
  }

  /** Notes its exit; the end of an essential container, or of the last one, is the end of the task. */
  async #watch(container: Container, process: ContainerProcess): Promise<void> {
    const exitCode = await process.exited;
    await this.#agent();
    this.#processes.delete(container);
    this.#task.change(() => {
      if (!this.#isHostGone) container.exitCode = exitCode;
      container.lastStatus = 'STOPPED';
    });
    const isLast = this.#task.containers.every(({ lastStatus }) => lastStatus === 'STOPPED');
    if (container.definition.essential || isLast) {
      this.#finish({
        code: 'EssentialContainerExited',
        reason: 'Essential container in task exited',
      });
      this.#ending.abort();
    }
    await process.remove();
  }

  async #stopContainers(): Promise<void> {
    const { shutDownMs } = this.#host.context.timings;
    for (const [container, process] of this.#processes) {
      const seconds = container.definition.stopTimeout ?? STOP_TIMEOUT_SECONDS;
      const graceMs = this.#isHostGone ? shutDownMs : seconds * 1_000;
      background(process.stop(graceMs), 'stopping a container');
    }
    await Promise.all(this.#watches);
  }

  /** Resolves when ECS can hear of this task. */
  async #agent(): Promise<void> {
    if (this.#isHostGone || this.#task.containerInstance?.agentConnected !== false) return;
    await new Promise<void>((resolve) => this.#waitingForAgent.push(resolve));
  }

  #tellAgent(): void {
    const waiting = this.#waitingForAgent;
    this.#waitingForAgent = [];
    for (const resolve of waiting) resolve();
  }

  /** Waits, but not longer than until the task is to end. */
  #pause(ms: number): Promise<void> {
    const { signal } = this.#ending;
    return new Promise((resolve) => {
      if (signal.aborted && ms === Infinity) {
        resolve();
        return;
      }
      const timer = this.#host.context.clock.after(ms, resolve);
      signal.addEventListener(
        'abort',
        () => {
          timer.cancel();
          resolve();
        },
        { once: true },
      );
    });
  }
}
