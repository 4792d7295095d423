/**
 * Machines: recorded as soon as they are known, held while they are of use.
 *
 * H1 An instance in one of our groups has a record, at the latest with the next look at the groups.
 * H2 A machine without a run goes after `idleMachineMs`, or at once when it is released; `kept` ones stay.
 */
import type { CapacityPool } from '../contract.ts';
import type { Machine, Run } from './book.ts';
import type { MachineSight } from './capacity.ts';
import { isOpen, sightOf } from './machine-room.ts';
import type { LauncherParts } from './parts.ts';
import { Releasing } from './releasing.ts';
import { NOBODY, type MachineRow } from './rows.ts';

export class Machines {
  readonly #parts: LauncherParts;
  readonly #releasing: Releasing;

  constructor(parts: LauncherParts) {
    this.#parts = parts;
    this.#releasing = new Releasing(parts);
  }

  /** Everything that is or will be paid for. */
  get all(): Machine[] {
    return [...this.#parts.book.machines.values()];
  }

  /** Notices instances of our groups that no record names (H1), and those that are gone. */
  notice(): void {
    const { book, clock, deployment, sight, log } = this.#parts;
    const busy = new Set(book.starting.values());
    for (const [hardware, { pools }] of Object.entries(deployment.hardware)) {
      for (const pool of pools) {
        // The answer of a call under way names its instance; until then it is nobody's business.
        if (busy.has(pool.autoScalingGroup)) continue;
        for (const each of sight.groups.get(pool.autoScalingGroup) ?? []) {
          const { InstanceId: id, LifecycleState = '' } = each;
          if (!id || book.machines.has(id) || LifecycleState.startsWith('Terminat')) continue;
          const row = newMachine(id, hardware, pool, { owner: NOBODY, work: null }, clock.now());
          const machine = book.addMachine(
            { ...row, type: each.InstanceType ?? '', az: each.AvailabilityZone ?? '' },
            clock.monotonic(),
          );
          machine.dirty = true;
          log(`${id} of ${pool.autoScalingGroup} was started by no work; it is used or given back`);
        }
      }
    }
  }

  /** Machines of one kind, as the decision about capacity sees them. */
  sights(hardware: string): MachineSight[] {
    return this.all
      .filter(({ row }) => row.hardware === hardware)
      .map((machine) => sightOf(this.#parts, machine));
  }

  /** Takes note of an instance that was started for a run. */
  started(
    id: string,
    run: Run,
    pool: CapacityPool,
    more: { readonly type: string; readonly az: string; readonly subnet: string },
  ): Machine {
    const { book, clock, log } = this.#parts;
    const { owner, work, hardware } = run.row;
    const row = { ...newMachine(id, hardware, pool, { owner, work }, clock.now()), ...more };
    const machine = book.addMachine(row, clock.monotonic());
    machine.dirty = true;
    log(`${id} (${row.type || pool.instanceTypes.join(' or ')}) was started for ${work}`);
    return machine;
  }

  /** A run will use this machine. */
  claim(machine: Machine, { row }: Run): void {
    machine.idleSinceMs = null;
    if (machine.row.owner === row.owner && !machine.row.kept) return;
    this.#parts.book.changeMachine(machine, { owner: row.owner, work: row.work, kept: false });
  }

  giveBack(machine: Machine, why: string): void {
    const { book, clock, wake } = this.#parts;
    if (machine.row.state === 'releasing' || machine.row.state === 'terminated') return;
    const changes = { state: 'releasing', releasedAt: clock.now(), why, kept: false } as const;
    book.changeMachine(machine, changes);
    machine.retryAtMs = 0;
    wake();
  }

  /** Whether its agent has not been heard of for so long that it never will be: its tasks do not end any more. */
  isDeaf(machine: Machine): boolean {
    return this.#releasing.isDeaf(machine);
  }

  async step(machine: Machine): Promise<void> {
    const { book } = this.#parts;
    await book.settleMachine(machine);
    switch (machine.row.state) {
      case 'booting':
        await this.#boot(machine);
        break;
      case 'ready':
        await this.#watch(machine);
        break;
      case 'releasing':
        await this.#releasing.step(machine);
        break;
      case 'terminated':
        book.machines.delete(machine.row.instanceId);
        machine.resolveGone();
    }
    await book.settleMachine(machine);
  }

  async #boot(machine: Machine): Promise<void> {
    const { book, clock, sight, timings, wake } = this.#parts;
    const { instanceId } = machine.row;
    const container = sight.containers.get(instanceId);
    if (container && isOpen(container)) {
      const details = await this.#details(machine);
      if (machine.row.state !== 'booting') return;
      book.changeMachine(machine, {
        ...details,
        state: 'ready',
        registeredAt: clock.now(),
        containerInstanceArn: container.containerInstanceArn ?? null,
      });
      wake();
      return;
    }
    if (await this.#releasing.isGone(machine)) {
      this.#bootFailed(machine, false);
      return;
    }
    if (clock.monotonic() - machine.knownAtMs > timings.bootTimeoutMs) {
      this.giveBack(machine, 'it did not register with the cluster in time');
      this.#bootFailed(machine, true);
    } else this.#goWhenIdle(machine);
  }

  #bootFailed({ row: { instanceId, why } }: Machine, isDeaf: boolean): void {
    for (const run of this.#parts.book.runsOn(instanceId))
      run.failedBoots.push({ instanceId, isDeaf, message: why });
  }

  /** What EC2 alone knows: addresses, and when the bill began. */
  async #details({ row }: Machine): Promise<Partial<MachineRow>> {
    const instance = await this.#parts.aws.instance(row.instanceId);
    if (instance === null) return {};
    return {
      type: instance.InstanceType ?? row.type,
      az: instance.Placement?.AvailabilityZone ?? row.az,
      subnet: instance.SubnetId ?? row.subnet,
      internalIp: instance.PrivateIpAddress ?? '',
      publicIp: instance.PublicIpAddress ?? '',
      launchedAt: instance.LaunchTime?.getTime() ?? row.launchedAt,
    };
  }

  async #watch(machine: Machine): Promise<void> {
    const { clock, sight } = this.#parts;
    const container = sight.containers.get(machine.row.instanceId);
    if (container?.status === 'ACTIVE' && container.agentConnected === true) {
      machine.deafSinceMs = null;
    } else {
      if (await this.#releasing.isGone(machine)) return;
      machine.deafSinceMs ??= clock.monotonic();
    }
    if (this.#releasing.isDeaf(machine) && !this.#hasTask(machine))
      this.giveBack(machine, 'its agent does not connect');
    else this.#goWhenIdle(machine);
  }

  #hasTask({ row }: Machine): boolean {
    return this.#parts.book.runsOn(row.instanceId).some((run) => run.row.taskArn !== null);
  }

  /** H2 */
  #goWhenIdle(machine: Machine): void {
    const { book, clock, timings } = this.#parts;
    if (book.runsOn(machine.row.instanceId).length > 0) {
      machine.idleSinceMs = null;
      return;
    }
    machine.idleSinceMs ??= clock.monotonic();
    if (machine.row.kept || clock.monotonic() - machine.idleSinceMs < timings.idleMachineMs) return;
    this.giveBack(machine, 'no work uses it');
  }
}

function newMachine(
  instanceId: string,
  hardware: string,
  { autoScalingGroup, capacityProvider, market }: CapacityPool,
  of: { readonly owner: string; readonly work: string | null },
  launchedAt: number,
): MachineRow {
  return {
    instanceId,
    hardware,
    autoScalingGroup,
    capacityProvider,
    market,
    type: '',
    az: '',
    subnet: '',
    internalIp: '',
    publicIp: '',
    ...of,
    kept: false,
    state: 'booting',
    containerInstanceArn: null,
    why: '',
    launchedAt,
    registeredAt: null,
    releasedAt: null,
    terminatedAt: null,
  };
}
