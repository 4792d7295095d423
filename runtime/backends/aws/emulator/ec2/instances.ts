/**
 * EC2 instances: named slots with a size, which boot after a while, are billed by the second, and end.
 *
 * I1 A launch is refused, with AWS's own words, when its type has no capacity in its subnet or its vCPUs exceed the quota.
 * I2 Billing begins with the launch and ends when the instance is shutting down; both happen exactly once.
 */
import type { EmulatorContext } from '../context.ts';
import { resourceId } from '../ids.ts';
import { ServiceError } from '../service-error.ts';
import type { ClockTimer } from '../../../../ports/clock.ts';
import type { InstanceType } from './instance-types.ts';
import { spotDollarsPerHour } from './spot-prices.ts';
import type { Subnet } from './subnets.ts';

/** Of the time until it registers, the part in which an instance is `pending`. */
const PENDING_SHARE = 0.3;

export type Market = 'on-demand' | 'spot';

export interface Instance {
  readonly id: string;
  readonly type: InstanceType;
  readonly market: Market;
  readonly subnet: Subnet;
  /** Name of its Auto Scaling group. */
  readonly group: string;
  /** Epoch milliseconds. */
  readonly launchedAt: number;
  readonly tags: Readonly<Record<string, string>>;
  state: 'pending' | 'running' | 'shutting-down' | 'terminated';
  /** Why it ends, as EC2 says it. */
  stateReason: string;
}

export interface LaunchRefusal {
  readonly code: string;
  readonly message: string;
}

/** Who follows the instances' lives. */
export interface InstanceListener {
  /** Its ECS agent is up. */
  booted(instance: Instance): void;
  /** Its processes are asked to end. */
  shuttingDown(instance: Instance): void;
  /** Nothing of it runs any more. */
  terminated(instance: Instance): void;
  /** Its processes died at once and nobody knows yet. */
  died(instance: Instance): void;
  /** It is going to be taken back. */
  warned(instance: Instance): void;
}

export class Instances {
  readonly #context: EmulatorContext;
  readonly #listeners: InstanceListener[] = [];
  readonly #instances = new Map<string, Instance>();
  readonly #timers = new Map<string, ClockTimer[]>();

  constructor(context: EmulatorContext) {
    this.#context = context;
  }

  listen(listener: InstanceListener): void {
    this.#listeners.push(listener);
  }

  get all(): readonly Instance[] {
    return [...this.#instances.values()];
  }

  get(id: string): Instance {
    const found = this.#instances.get(id);
    if (found === undefined)
      throw new ServiceError(
        'InvalidInstanceID.NotFound',
        `The instance ID '${id}' does not exist`,
      );
    return found;
  }

  launch(wish: {
    readonly type: InstanceType;
    readonly market: Market;
    readonly subnet: Subnet;
    readonly group: string;
    readonly tags: Readonly<Record<string, string>>;
  }): Instance | LaunchRefusal {
    const refusal = this.#refusal(wish);
    if (refusal !== null) return refusal;
    const { clock, billing, faults, timings } = this.#context;
    const instance: Instance = {
      ...wish,
      id: resourceId('i'),
      launchedAt: clock.now(),
      state: 'pending',
      stateReason: '',
    };
    this.#instances.set(instance.id, instance);
    billing.start({
      id: instance.id,
      kind: 'instance',
      type: wish.type.name,
      market: wish.market,
      dollarsPerHour:
        wish.market === 'spot' ? spotDollarsPerHour(wish.type) : wish.type.dollarsPerHour,
      launchedAt: instance.launchedAt,
    });
    const slow = faults.take(
      'slow-boot',
      ({ instanceType }) => instanceType === undefined || instanceType === wish.type.name,
    );
    const usualMs = wish.type.gpus > 0 ? timings.gpuBootMs : timings.bootMs;
    const bootMs = slow === null ? usualMs : slow.ms;
    this.#after(instance, (bootMs ?? usualMs) * PENDING_SHARE, () => {
      instance.state = 'running';
    });
    if (bootMs !== null)
      this.#after(instance, bootMs, () => this.#tell((each) => each.booted(instance)));
    return instance;
  }

  /** Shuts it down; the second time nothing happens. */
  terminate(instance: Instance, reason: string): void {
    if (instance.state === 'shutting-down' || instance.state === 'terminated') return;
    const { timings } = this.#context;
    this.#beginEnd(instance, reason);
    this.#tell((each) => each.shuttingDown(instance));
    this.#after(instance, timings.shutDownMs, () => this.#finish(instance));
  }

  /** Takes a spot instance back after its warning. */
  interrupt(instance: Instance, noticeMs = this.#context.timings.spotNoticeMs): void {
    this.#tell((each) => each.warned(instance));
    const reason = 'Server.SpotInstanceTermination: Instance termination due to no capacity';
    this.#after(instance, noticeMs, () => this.terminate(instance, reason));
  }

  /** Kills it without a word. */
  die(instance: Instance): void {
    this.#tell((each) => each.died(instance));
    this.#after(instance, this.#context.timings.hostLossMs, () => {
      this.#beginEnd(instance, 'Server.InternalError: Internal error on launch');
      this.#finish(instance);
    });
  }

  /** Ends all at once and bills no longer. */
  close(): void {
    for (const instance of this.all) {
      this.#beginEnd(instance, 'Client.UserInitiatedShutdown: the emulator was closed');
      instance.state = 'terminated';
    }
  }

  #beginEnd(instance: Instance, reason: string): void {
    this.#cancel(instance);
    this.#context.billing.end(instance.id, this.#context.clock.now());
    if (instance.state === 'terminated') return;
    instance.state = 'shutting-down';
    instance.stateReason = reason;
  }

  #finish(instance: Instance): void {
    instance.state = 'terminated';
    this.#tell((each) => each.terminated(instance));
  }

  #refusal({
    type,
    market,
    subnet,
  }: {
    readonly type: InstanceType;
    readonly market: Market;
    readonly subnet: Subnet;
  }): LaunchRefusal | null {
    const { faults } = this.#context;
    const isScarce = faults.take(
      'no-capacity',
      (fault) =>
        (fault.instanceType ?? type.name) === type.name &&
        (fault.subnet ?? subnet.id) === subnet.id &&
        (fault.market ?? market) === market,
    );
    if (isScarce !== null)
      return {
        code: 'InsufficientInstanceCapacity',
        message: `We currently do not have sufficient ${type.name} capacity in the Availability Zone you requested (${subnet.zone}). Our system will be working on provisioning additional capacity.`,
      };
    const quota = faults.quotaVcpus(type.family, market);
    const used = this.all
      .filter(
        (each) =>
          each.market === market &&
          each.type.family === type.family &&
          (each.state === 'pending' || each.state === 'running'),
      )
      .reduce((sum, each) => sum + each.type.vcpus, 0);
    if (used + type.vcpus <= quota) return null;
    return market === 'spot'
      ? { code: 'MaxSpotInstanceCountExceeded', message: 'Max spot instance count exceeded' }
      : {
          code: 'VcpuLimitExceeded',
          message: `You have requested more vCPU capacity than your current vCPU limit of ${quota} allows for the instance bucket that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.`,
        };
  }

  #tell(what: (listener: InstanceListener) => void): void {
    for (const listener of this.#listeners) what(listener);
  }

  #after(instance: Instance, ms: number, call: () => void): void {
    const timers = this.#timers.get(instance.id) ?? [];
    timers.push(this.#context.clock.after(ms, call));
    this.#timers.set(instance.id, timers);
  }

  #cancel(instance: Instance): void {
    for (const timer of this.#timers.get(instance.id) ?? []) timer.cancel();
    this.#timers.delete(instance.id);
  }
}

/** Whether a launch gave an instance. */
export function isInstance(launched: Instance | LaunchRefusal): launched is Instance {
  return 'id' in launched;
}
