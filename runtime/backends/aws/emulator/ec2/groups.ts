/**
 * Auto Scaling groups: each keeps as many instances as it is told to have.
 *
 * S1 An instance that ends in any other way than `TerminateInstanceInAutoScalingGroup` with a decrement, or scale-in, is replaced.
 * S2 What could not be launched is a failed activity and tried again later.
 * S3 Scale-in never takes a protected instance.
 */
import type { ClockTimer } from '../../../../ports/clock.ts';
import type { EmulatorContext } from '../context.ts';
import { uuid } from '../ids.ts';
import { ServiceError } from '../service-error.ts';
import { counts, type Activity, type Group } from './group.ts';
import {
  isInstance,
  type Instance,
  type InstanceListener,
  type Instances,
  type LaunchRefusal,
} from './instances.ts';
import type { InstanceType } from './instance-types.ts';
import type { Subnet } from './subnets.ts';

/** Activities that a group remembers. */
const MAX_ACTIVITIES = 200;

export interface LaunchAttempt {
  readonly type: InstanceType;
  readonly subnet: Subnet;
  readonly refusal: LaunchRefusal;
}

export class Groups implements InstanceListener {
  readonly #context: EmulatorContext;
  readonly #instances: Instances;
  readonly #groups = new Map<string, Group>();
  readonly #retries = new Map<string, ClockTimer>();

  constructor(context: EmulatorContext, instances: Instances) {
    this.#context = context;
    this.#instances = instances;
    instances.listen(this);
  }

  get all(): readonly Group[] {
    return [...this.#groups.values()];
  }

  find(name: string): Group | undefined {
    return this.#groups.get(name);
  }

  get(name: string): Group {
    const group = this.#groups.get(name);
    if (group === undefined)
      throw new ServiceError(
        'ValidationError',
        `AutoScalingGroup name not found - AutoScalingGroup '${name}' not found`,
      );
    return group;
  }

  /** The group of an instance that counts. */
  groupOf(instanceId: string): Group {
    const group = this.all.find((each) => this.members(each).some(({ id }) => id === instanceId));
    if (group === undefined)
      throw new ServiceError(
        'ValidationError',
        `Instance Id not found - No managed instance found for instance ID: ${instanceId}`,
      );
    return group;
  }

  /** Instances that the group has, oldest first. */
  members({ name }: Group): readonly Instance[] {
    return this.#instances.all.filter((instance) => instance.group === name && counts(instance));
  }

  add(group: Group): void {
    if (this.#groups.has(group.name))
      throw new ServiceError(
        'AlreadyExists',
        `AutoScalingGroup by this name already exists - A group with the name ${group.name} already exists`,
      );
    this.#groups.set(group.name, group);
    this.reconcile(group);
  }

  /** Removes it; its instances end. */
  remove(group: Group): void {
    group.isDeleting = true;
    this.#retries.get(group.name)?.cancel();
    for (const instance of this.members(group)) this.#end(group, instance, 'the group is deleted');
    this.#groups.delete(group.name);
  }

  setDesired(group: Group, desired: number): void {
    group.desired = desired;
    this.reconcile(group);
  }

  /** One more instance now: the first type that some subnet has; else why none could be had. */
  launchOne(
    group: Group,
    subnets: readonly Subnet[],
    cause: string,
  ): Instance | readonly LaunchAttempt[] {
    const attempts: LaunchAttempt[] = [];
    for (const type of group.types)
      for (const subnet of subnets) {
        const { name, market, tags } = group;
        const launched = this.#instances.launch({ type, market, subnet, group: name, tags });
        if (isInstance(launched)) {
          if (group.protectsNew) group.guarded.add(launched.id);
          this.#note(group, `Launching a new EC2 instance: ${launched.id}`, cause, 'Successful');
          return launched;
        }
        attempts.push({ type, subnet, refusal: launched });
      }
    const last = attempts.at(-1)?.refusal;
    const status = `${last?.message ?? 'The group has no instance type'} Launching EC2 instance failed.`;
    this.#note(
      group,
      'Launching a new EC2 instance.  Status Reason: ' + status,
      cause,
      'Failed',
      status,
    );
    return attempts;
  }

  /** Ends one instance; without `decrement` another takes its place. */
  terminate(group: Group, instance: Instance, decrement: boolean): Activity {
    if (decrement) group.desired -= 1;
    const activity = this.#end(group, instance, 'a user request');
    if (!decrement) this.#soon(group, 0);
    return activity;
  }

  /** Makes the number of instances what it is to be. */
  reconcile(group: Group): void {
    if (group.isDeleting) return;
    let missing = group.desired - this.members(group).length;
    if (missing > 0 && group.suspended.has('Launch')) return;
    for (; missing > 0; missing -= 1) {
      const cause = `an instance was started in response to a difference between desired and actual capacity, increasing the capacity to ${group.desired}.`;
      if (!isLaunched(this.launchOne(group, group.subnets, cause))) {
        this.#soon(group, this.#context.timings.groupRetryMs);
        return;
      }
    }
    const victims = this.members(group).filter(({ id }) => !group.guarded.has(id));
    for (const victim of victims.slice(0, Math.max(0, -missing)))
      this.#end(group, victim, 'a difference between desired and actual capacity');
  }

  close(): void {
    for (const timer of this.#retries.values()) timer.cancel();
    for (const group of this.all) group.isDeleting = true;
  }

  booted(): void {
    // A group counts an instance from its launch on.
  }

  shuttingDown(instance: Instance): void {
    this.#replace(instance);
  }

  terminated(instance: Instance): void {
    this.#replace(instance);
    const group = this.#groups.get(instance.group);
    group?.guarded.delete(instance.id);
    for (const activity of group?.activities ?? [])
      if (activity.status === 'InProgress' && activity.description.endsWith(instance.id)) {
        activity.status = 'Successful';
        activity.endedAt = this.#context.clock.now();
      }
  }

  died(): void {
    // Found out when EC2 does.
  }

  warned(): void {
    // Without capacity rebalancing a group waits for the end.
  }

  #replace({ group: name }: Instance): void {
    const group = this.#groups.get(name);
    if (group !== undefined) this.#soon(group, 0);
  }

  #soon(group: Group, ms: number): void {
    this.#retries.get(group.name)?.cancel();
    this.#retries.set(
      group.name,
      this.#context.clock.after(ms, () => this.reconcile(group)),
    );
  }

  #end(group: Group, instance: Instance, why: string): Activity {
    const cause = `instance ${instance.id} was taken out of service in response to ${why}.`;
    const description = `Terminating EC2 instance: ${instance.id}`;
    const activity = this.#note(group, description, cause, 'InProgress');
    group.guarded.delete(instance.id);
    this.#instances.terminate(instance, 'Client.UserInitiatedShutdown: User initiated shutdown');
    return activity;
  }

  #note(
    group: Group,
    description: string,
    cause: string,
    status: Activity['status'],
    message?: string,
  ): Activity {
    const startedAt = this.#context.clock.now();
    const activity: Activity = {
      id: uuid(),
      description,
      cause: `At ${new Date(startedAt).toISOString()} ${cause}`,
      startedAt,
      endedAt: status === 'InProgress' ? null : startedAt,
      status,
      message,
    };
    group.activities.unshift(activity);
    group.activities.length = Math.min(group.activities.length, MAX_ACTIVITIES);
    return activity;
  }
}

export function isLaunched(launched: Instance | readonly LaunchAttempt[]): launched is Instance {
  return !Array.isArray(launched);
}
