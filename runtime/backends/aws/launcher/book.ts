/**
 * All runs and machines that the launcher knows, in memory and as rows.
 *
 * M1 Memory is changed first and at once, its row is written before the next step relies on it (`settled`): two steps never
 *    decide from different memories, and no paid call precedes the row that names it (W1).
 * M2 A run or machine has at most one step under way.
 */
import type { WorkAddress, WorkFact, WorkRef } from '../../../ports/launcher.ts';
import type { LauncherRecords } from './records.ts';
import type { LaunchProblem } from './explain.ts';
import type { MachineRow, RunEnd, RunRow } from './rows.ts';
import type { Pending } from './task-status.ts';

/** Something that has a row and steps. */
export interface Entry {
  /** The row was changed since it was written. */
  dirty: boolean;
  stepping: boolean;
  /** Something happened during the step under way. */
  again: boolean;
  /** What went wrong last, so that it is told once. */
  trouble: string;
  /** No step before this time, on the monotonic clock. */
  retryAtMs: number;
}

/** A machine that was started and did not register with the cluster. */
export interface FailedBoot {
  readonly instanceId: string;
  /** It ran all the time that it was given: every further one would cost as much. */
  readonly isDeaf: boolean;
  readonly message: string;
}

export interface Run extends Entry {
  row: RunRow;
  pending: Pending;
  address: WorkAddress | null;
  /** Its end was handed on. */
  over: boolean;
  /** Tries of this round to start an instance that failed. */
  problems: LaunchProblem[];
  waitMs: number;
  /** Machines in a row that were started for it and never came up. */
  failedBoots: FailedBoot[];
  /** Refusals for lack of permission in a row. */
  denials: number;
  /** Monotonic times: known here, placing begun, task known, stop asked, SIGTERM due, `StopTask` sent, machine seen gone. */
  readonly knownAtMs: number;
  explainedAtMs: number;
  /** What the group's activities told of a boot that takes long. */
  explained: Pending | null;
  placingSinceMs: number | null;
  taskSinceMs: number | null;
  termAtMs: number | null;
  stopSentAtMs: number | null;
  hostLostSinceMs: number | null;
  /** Whether it was told that ECS does not know its task. */
  toldUnknown: boolean;
  /** What was told last. */
  told: string;
  readonly ended: Promise<RunEnd>;
  readonly resolveEnded: (end: RunEnd) => void;
}

export interface Machine extends Entry {
  row: MachineRow;
  readonly knownAtMs: number;
  /** Monotonic time since when no run is on it; `null` while one is. */
  idleSinceMs: number | null;
  /** Monotonic time since when its agent is not connected; `null` while it is. */
  deafSinceMs: number | null;
  /** Monotonic time of the latest call that ends it. */
  endedSentAtMs: number | null;
  readonly gone: Promise<void>;
  readonly resolveGone: () => void;
}

/** Hears of every row, as soon as it is in memory. */
export interface RowObserver {
  machine(row: MachineRow): void;
  run(row: RunRow): void;
}

export class Book {
  /** Runs that have not ended, and ended ones whose end was not handed on. */
  readonly runs = new Map<string, Run>();
  readonly machines = new Map<string, Machine>();
  /** Groups in which an instance is being started by a call under way, and for whom. */
  readonly starting = new Map<Run, string>();
  readonly #records: LauncherRecords;
  /** The newest run of each work, also when it has ended. */
  readonly #newest = new Map<string, RunRow>();

  readonly #observer: RowObserver | undefined;

  constructor(records: LauncherRecords, observer?: RowObserver) {
    this.#records = records;
    this.#observer = observer;
  }

  get records(): LauncherRecords {
    return this.#records;
  }

  newest(work: string): RunRow | undefined {
    return this.#newest.get(work);
  }

  /** Takes note of a row; gives the older one that it replaces. */
  note(row: RunRow): RunRow | undefined {
    const before = this.#newest.get(row.work);
    if (before !== undefined && before.epoch > row.epoch) return undefined;
    this.#newest.set(row.work, row);
    return before?.epoch === row.epoch ? undefined : before;
  }

  addRun(row: RunRow, nowMs: number): Run {
    const [ended, resolveEnded] = openPromise<RunEnd>();
    const run: Run = {
      row,
      dirty: false,
      stepping: false,
      again: false,
      trouble: '',
      retryAtMs: 0,
      pending: { reason: 'starting', message: 'the launch was recorded' },
      address: null,
      over: false,
      problems: [],
      waitMs: 0,
      failedBoots: [],
      denials: 0,
      knownAtMs: nowMs,
      explainedAtMs: nowMs,
      explained: null,
      placingSinceMs: null,
      taskSinceMs: row.taskArn === null ? null : nowMs,
      termAtMs: null,
      stopSentAtMs: null,
      hostLostSinceMs: null,
      toldUnknown: false,
      told: '',
      ended,
      resolveEnded,
    };
    this.runs.set(keyOf(row), run);
    this.#observer?.run(row);
    return run;
  }

  addMachine(row: MachineRow, nowMs: number): Machine {
    const [gone, resolveGone] = openPromise<void>();
    const machine: Machine = {
      row,
      dirty: false,
      stepping: false,
      again: false,
      trouble: '',
      retryAtMs: 0,
      knownAtMs: nowMs,
      idleSinceMs: nowMs,
      deafSinceMs: null,
      endedSentAtMs: null,
      gone,
      resolveGone,
    };
    this.machines.set(row.instanceId, machine);
    this.#observer?.machine(row);
    return machine;
  }

  run(ref: WorkRef): Run | undefined {
    return this.runs.get(keyOf(ref));
  }

  changeRun(run: Run, changes: Partial<RunRow>): void {
    run.row = { ...run.row, ...changes };
    run.dirty = true;
    this.#observer?.run(run.row);
    if (this.#newest.get(run.row.work)?.epoch === run.row.epoch)
      this.#newest.set(run.row.work, run.row);
  }

  changeMachine(machine: Machine, changes: Partial<MachineRow>): void {
    machine.row = { ...machine.row, ...changes };
    machine.dirty = true;
    this.#observer?.machine(machine.row);
  }

  /** Resolves when the row says what memory says. */
  async settleRun(run: Run): Promise<void> {
    while (run.dirty) {
      run.dirty = false;
      await this.#records.saveRun(run.row).catch((error: unknown) => {
        run.dirty = true;
        throw error;
      });
    }
  }

  async settleMachine(machine: Machine): Promise<void> {
    while (machine.dirty) {
      machine.dirty = false;
      await this.#records.saveMachine(machine.row).catch((error: unknown) => {
        machine.dirty = true;
        throw error;
      });
    }
  }

  /** Runs that are on a machine or on their way to it. */
  runsOn(instanceId: string): Run[] {
    return [...this.runs.values()].filter(
      ({ row }) => row.instanceId === instanceId && row.end === null,
    );
  }
}

function openPromise<T>(): [promise: Promise<T>, resolve: (value: T) => void] {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return [promise, resolve];
}

export function keyOf({ work, epoch }: WorkRef): string {
  return `${work}#${epoch}`;
}

/** A run as the port tells it. */
export function toFact(run: Run): WorkFact {
  const { end } = run.row;
  return end === null ? toLiveFact(run) : toEndFact(run.row, end);
}

export function toEndFact(row: RunRow, { reason, message }: RunEnd): WorkFact {
  const process = processOf(row);
  return reason === 'lost'
    ? { ...process, state: 'lost', message }
    : { ...process, state: 'exited', reason, message };
}

/** As {@link toFact}; a run whose end is not told yet is one that lives: what its work wrote is still being handed on. */
export function toLiveFact({ row, pending, address }: Run): WorkFact {
  const process = processOf(row);
  if (row.state !== 'running' && row.end === null)
    return { ...process, state: 'starting', pending };
  return { ...process, state: 'running', ...(address === null ? {} : { address }) };
}

function processOf({ work, epoch, stop }: RunRow) {
  return { work, epoch, pid: null, ...(stop === 'asked' ? { asked: true as const } : {}) };
}
