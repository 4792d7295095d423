/**
 * All tasks: those that wait for capacity, those that run, those that stopped and can still be described.
 *
 * T1 A task waits in PROVISIONING until its capacity provider has an instance with room; each change of instances or tasks is a reason to look again.
 * T2 A new task is not seen by other operations at once, and a stopped one is forgotten after an hour, as in ECS.
 */
import { background } from '../../../../errors/index.ts';
import type { ClockTimer } from '../../../../ports/clock.ts';
import type { Instance } from '../ec2/instances.ts';
import { nameOf, type Arns } from '../ids.ts';
import { isFargateProvider } from './cluster.ts';
import type { ContainerInstance } from './container-instance.ts';
import type { LifeHost } from './life-host.ts';
import { choose } from './placement.ts';
import { Task, type TaskWish } from './task.ts';
import { TaskLife, type End } from './task-life.ts';

interface Entry {
  readonly task: Task;
  readonly life: TaskLife;
  /** Monotonic milliseconds from which it is seen. */
  readonly visibleAt: number;
  /** May be placed. */
  isReady: boolean;
  isStarted: boolean;
}

export class Tasks {
  readonly #host: LifeHost;
  readonly #zone: string;
  readonly #entries = new Map<string, Entry>();
  readonly #runs = new Set<Promise<void>>();
  readonly #timers = new Set<ClockTimer>();
  readonly #ended: ((task: Task) => void)[] = [];
  #isClosed = false;

  constructor(host: Omit<LifeHost, 'ended'>, zone: string) {
    this.#host = { ...host, line: (line) => host.line(line), ended: (task) => this.#onEnded(task) };
    this.#zone = zone;
  }

  get arns(): Arns {
    return this.#host.context.arns;
  }

  get all(): readonly Task[] {
    return [...this.#entries.values()].map(({ task }) => task);
  }

  /** Tasks that wait for capacity of a provider. */
  waitingFor(capacityProvider: string): readonly Task[] {
    return this.all.filter(
      ({ lastStatus, desiredStatus, wish }) =>
        lastStatus === 'PROVISIONING' &&
        desiredStatus === 'RUNNING' &&
        wish.capacityProvider === capacityProvider,
    );
  }

  /** Calls for every task that is STOPPED. */
  onEnded(call: (task: Task) => void): void {
    this.#ended.push(call);
  }

  /** By id or ARN, if operations see it yet and still. */
  find(idOrArn: string): Task | undefined {
    const entry = this.#entries.get(nameOf(idOrArn));
    return entry !== undefined && this.isVisible(entry.task) ? entry.task : undefined;
  }

  /** Whether operations other than `RunTask` see it. */
  isVisible(task: Task): boolean {
    const entry = this.#entries.get(task.id);
    return entry !== undefined && this.#host.context.clock.monotonic() >= entry.visibleAt;
  }

  pidsOf(task: Task): readonly number[] {
    return this.#entries.get(task.id)?.life.pids ?? [];
  }

  /** Makes a task, with a place if the caller chose one, and starts it when it can be. */
  add(wish: TaskWish, place: ContainerInstance | null): Task {
    const { context } = this.#host;
    const { arns, clock, timings, faults } = context;
    const task = new Task(arns, wish, this.#zone, clock.now());
    const { family } = wish.definition;
    const isMine = (fault: { readonly family?: string | undefined }): boolean =>
      (fault.family ?? family) === family;
    const hidden = faults.take('hidden-task', isMine);
    const stuck =
      task.lastStatus === 'PROVISIONING' &&
      faults.take('stuck-task', (fault) => fault.at === 'PROVISIONING' && isMine(fault)) !== null;
    const entry: Entry = {
      task,
      life: new TaskLife(task, this.#host),
      visibleAt: clock.monotonic() + (hidden?.ms ?? timings.visibleMs),
      isReady: false,
      isStarted: false,
    };
    this.#entries.set(task.id, entry);
    if (place !== null) {
      task.place(place);
      this.#start(entry);
    } else if (!stuck) {
      this.#after(timings.provisionMs, () => {
        entry.isReady = true;
        this.placeWaiting();
      });
    }
    return task;
  }

  stop(task: Task, end: End): void {
    const entry = this.#entries.get(task.id);
    if (entry === undefined || task.lastStatus === 'STOPPED') return;
    // "StopTask" takes a task's tags away.
    task.change(() => {
      task.tags = [];
    });
    entry.life.stop(end);
    if (!entry.isStarted) this.#begin(entry);
  }

  outOfMemory(task: Task): void {
    this.#entries.get(task.id)?.life.runOutOfMemory();
  }

  /** Starts those that wait and now have room, oldest first. */
  placeWaiting(): void {
    for (const entry of this.#entries.values()) {
      const { task, isReady, isStarted } = entry;
      if (!isReady || isStarted || task.desiredStatus === 'STOPPED') continue;
      const { capacityProvider } = task.wish;
      if (task.isFargate || (capacityProvider !== null && isFargateProvider(capacityProvider))) {
        this.#start(entry);
        continue;
      }
      const place = choose(task);
      if (place === null) continue;
      task.place(place);
      this.#start(entry);
    }
  }

  /** The instance of these tasks shuts down, or is gone. */
  hostEnds(instance: ContainerInstance, isGone: boolean): void {
    const reason = `Host EC2 (instance ${instance.instance.id}) terminated.`;
    for (const entry of this.#on(instance))
      entry.life.hostEnds({ code: hostStopCode(instance.instance), reason }, isGone);
  }

  /** All processes on an instance die; nobody is told. */
  killOn(instance: ContainerInstance): void {
    for (const entry of this.#on(instance)) entry.life.kill();
  }

  agentReturned(instance: ContainerInstance): void {
    for (const entry of this.#on(instance)) entry.life.agentReturned();
  }

  /** Kills everything; resolves when all is gone. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const timer of this.#timers) timer.cancel();
    for (const { task, life, isStarted } of this.#entries.values())
      if (isStarted && task.lastStatus !== 'STOPPED')
        life.hostEnds({ code: 'TerminationNotice', reason: 'The emulator was closed' }, true);
    // One that failed was told of when it did, and is no reason not to wait for the others.
    await Promise.allSettled(this.#runs);
  }

  #on(instance: ContainerInstance): readonly Entry[] {
    return [...this.#entries.values()].filter(
      ({ task }) => task.containerInstance === instance && task.lastStatus !== 'STOPPED',
    );
  }

  #start(entry: Entry): void {
    if (!this.#isClosed) this.#begin(entry);
  }

  #begin(entry: Entry): void {
    entry.isStarted = true;
    const run = entry.life.run();
    const kept = run.finally(() => this.#runs.delete(kept));
    this.#runs.add(kept);
    background(kept, 'a task of the emulator');
  }

  #onEnded(task: Task): void {
    this.#after(this.#host.context.timings.stoppedVisibleMs, () => {
      this.#entries.delete(task.id);
    });
    if (this.#isClosed) return;
    this.placeWaiting();
    for (const call of this.#ended) call(task);
  }

  #after(ms: number, call: () => void): void {
    const timer = this.#host.context.clock.after(ms, () => {
      this.#timers.delete(timer);
      call();
    });
    this.#timers.add(timer);
  }
}

/** EC2 takes spot instances back; everything else is somebody's decision or a failure. */
function hostStopCode({ stateReason }: Instance): string {
  return stateReason.startsWith('Server.SpotInstanceTermination')
    ? 'SpotInterruption'
    : 'TerminationNotice';
}
