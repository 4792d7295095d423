/**
 * Works as child processes of the flow.
 *
 * N1 A work and epoch are started at most once in the life of a launcher (R5).
 * N2 The processes that live are exactly those in `#launches`, the spare's, and those that end.
 * N3 A fact is told when it is one: `exited` after everything the process reported was handed on (R6).
 */
import type {
  Launcher,
  LaunchResult,
  StopResult,
  WorkFact,
  WorkRef,
} from '../../ports/launcher.ts';
import type { LogSink } from '../../ports/log-sink.ts';
import type { Delta } from '../../protocol/delta.ts';
import type { WorkSpec } from '../../protocol/work-spec.ts';
import { background } from '../../errors/index.ts';
import { BootQueue } from './boot-queue.ts';
import type { GpuPool } from './gpu-pool.ts';
import { LocalProcess, type LocalProcessContext } from './local-process.ts';
import type { ProcessRegister } from './process-register.ts';
import { resolveSecrets, secretVariables } from './secrets.ts';
import { SpareProcess } from './spare-process.ts';

/** Processes that boot at the same time. */
const MAX_BOOTING = 4;

type Env = Readonly<Record<string, string>>;

interface Launch {
  readonly spec: WorkSpec;
  state: 'starting' | 'running';
  process: LocalProcess | null;
  /** Takes it out of the boot queue. */
  cancel: () => void;
}

/** Gets the deltas of all processes, in order per process. */
export type TakeDeltas = (deltas: readonly Delta[], acknowledge: (seq: number) => void) => void;

export interface LocalLauncherOptions {
  readonly context: LocalProcessContext;
  readonly gpus: GpuPool;
  readonly register: ProcessRegister;
  readonly logs: LogSink;
  readonly takeDeltas: TakeDeltas;
}

export class LocalLauncher implements Launcher {
  readonly #options: LocalLauncherOptions;
  readonly #boots = new BootQueue(MAX_BOOTING);
  readonly #spare = new SpareProcess(() => this.#startSpare());
  readonly #launches = new Map<string, Launch>();
  /** Highest epoch of each work that was accepted. */
  readonly #epochs = new Map<string, number>();
  readonly #pending = new Map<string, Promise<LaunchResult>>();
  readonly #processes = new Set<LocalProcess>();
  readonly #handlers = new Set<(fact: WorkFact) => void>();
  #closed = false;
  #warnedOfGpus = false;

  constructor(options: LocalLauncherOptions) {
    this.#options = options;
  }

  launch(spec: WorkSpec): Promise<LaunchResult> {
    const key = keyOf(spec);
    const pending = this.#pending.get(key);
    if (pending !== undefined) return pending;
    const result = this.#launch(spec).finally(() => this.#pending.delete(key));
    this.#pending.set(key, result);
    return result;
  }

  async stop(ref: WorkRef, graceMs: number): Promise<StopResult> {
    const launch = this.#launches.get(keyOf(ref));
    if (launch === undefined) return { forced: false };
    if (launch.process !== null) return await launch.process.stop(graceMs);
    launch.cancel();
    this.#end(launch, 'stopped', 'ended before it was started');
    return { forced: false };
  }

  async release(): Promise<void> {
    // A process holds no hardware beyond its own life.
  }

  async observe(): Promise<readonly WorkFact[]> {
    return [...this.#launches.values()].map((launch) => toFact(launch));
  }

  subscribe(handler: (fact: WorkFact) => void): () => void {
    this.#handlers.add(handler);
    return () => void this.#handlers.delete(handler);
  }

  /** The newest process of a work. */
  processOf(work: string): LocalProcess | null {
    const epoch = this.#epochs.get(work);
    return epoch === undefined
      ? null
      : (this.#launches.get(keyOf({ work, epoch }))?.process ?? null);
  }

  wantSpare(wanted: boolean): void {
    this.#spare.want(wanted && !this.#closed);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#spare.want(false);
    const { closeGraceMs } = this.#options.context.timings;
    await Promise.all(
      [...this.#launches.values()].map(({ spec }) => this.stop(spec, closeGraceMs)),
    );
    for (const process of this.#processes) process.kill('the run is ending');
    await Promise.all([...this.#processes].map((process) => process.gone));
  }

  async #launch(spec: WorkSpec): Promise<LaunchResult> {
    const ref = { work: spec.work, epoch: spec.epoch };
    if (this.#closed) return { ok: false, reason: 'closed', message: 'the run is ending' };
    if ((this.#epochs.get(spec.work) ?? -1) >= spec.epoch) return { ok: true, ref };
    const before = this.#epochs.get(spec.work);
    this.#epochs.set(spec.work, spec.epoch);
    const refused = await this.#begin(spec);
    if (refused === null) return { ok: true, ref };
    if (this.#epochs.get(spec.work) === spec.epoch) {
      if (before === undefined) this.#epochs.delete(spec.work);
      else this.#epochs.set(spec.work, before);
    }
    return refused;
  }

  async #begin(spec: WorkSpec): Promise<Extract<LaunchResult, { ok: false }> | null> {
    const { environment, timings, withheld } = this.#options.context;
    for (const name of secretVariables(spec.secrets)) withheld.add(name);
    const secrets = resolveSecrets(spec.secrets, environment);
    if (!secrets.ok) return { ok: false, reason: 'secret', message: secrets.message };
    const gpus = await this.#gpus(spec);
    if (gpus === null) {
      const message = `all GPUs of this machine are in use; ${spec.work} needs ${spec.hardware.gpus}`;
      return { ok: false, reason: 'capacity', message, retryAfterMs: timings.capacityRetryMs };
    }
    if (this.#closed) return { ok: false, reason: 'closed', message: 'the run is ending' };
    const env = { ...spec.env, ...secrets.env, ...gpus };
    const launch: Launch = { spec, state: 'starting', process: null, cancel: () => undefined };
    this.#launches.set(keyOf(spec), launch);
    const spare = Object.keys(env).length === 0 ? this.#spare.take(spec) : null;
    if (spare !== null) this.#took(launch, spare);
    else launch.cancel = this.#boots.enter((leave) => this.#start(launch, env, leave));
    if (launch.process !== null && launch.process.pid === null) {
      this.#launches.delete(keyOf(spec));
      this.#options.gpus.giveBack(keyOf(spec));
      return {
        ok: false,
        reason: 'spawn',
        message: 'no process could be started',
        retryAfterMs: timings.capacityRetryMs,
      };
    }
    const isQueued = launch.process === null && this.#launches.has(keyOf(spec));
    if (isQueued) this.#tell(toFact(launch));
    return null;
  }

  /** The environment that gives a work its devices; `null` when too few are free. */
  async #gpus(spec: WorkSpec): Promise<Env | null> {
    if (spec.hardware.gpus === 0) return {};
    const taken = await this.#options.gpus.take(spec.hardware.gpus, keyOf(spec));
    if (taken === 'busy') return null;
    if (taken !== 'none') return { CUDA_VISIBLE_DEVICES: taken.join(',') };
    if (!this.#warnedOfGpus) {
      const line = `no GPU was found here: ${spec.work} and other GPU works run on the CPU`;
      this.#options.logs.write({ source: 'flow', stream: 'stderr', at: Date.now(), line });
    }
    this.#warnedOfGpus = true;
    return {};
  }

  #start(launch: Launch, env: Env, leave: () => void): void {
    let process: LocalProcess;
    try {
      process = this.#spawn(env, leave);
    } catch (error) {
      // Spawning throws for what no retry helps, such as an environment larger than the system takes.
      leave();
      const problem = error instanceof Error ? error.message : String(error);
      this.#end(launch, 'exited', `could not be started: ${problem}`);
      return;
    }
    process.assign(launch.spec);
    this.#took(launch, process);
  }

  #took(launch: Launch, process: LocalProcess): void {
    launch.process = process;
    if (process.pid !== null) this.#tell(toFact(launch));
  }

  #startSpare(): void {
    this.#boots.enter((leave) => this.#spare.started(this.#spawn({}, leave)));
  }

  #spawn(env: Env, leave: () => void): LocalProcess {
    const { context, register, logs, takeDeltas } = this.#options;
    const process: LocalProcess = new LocalProcess(context, env, {
      line: ({ work }, stream, line) => logs.write({ source: work, stream, at: Date.now(), line }),
      deltas: takeDeltas,
      booted: leave,
      ready: () => this.#onReady(process),
      exited: (reason, message) => {
        leave();
        this.#processes.delete(process);
        if (process.pid !== null) register.remove(process.pid);
        this.#spare.exited(process);
        const launch = this.#launchOf(process);
        if (launch !== undefined) this.#end(launch, reason, message);
      },
    });
    this.#processes.add(process);
    if (process.pid !== null) background(register.add(process.pid), 'registering a process');
    return process;
  }

  #onReady(process: LocalProcess): void {
    const launch = this.#launchOf(process);
    if (launch === undefined) return;
    launch.state = 'running';
    this.#tell(toFact(launch));
    if (!this.#closed) this.#spare.workReady();
  }

  #launchOf(process: LocalProcess): Launch | undefined {
    return process.ref === null ? undefined : this.#launches.get(keyOf(process.ref));
  }

  #end(
    { spec, process }: Launch,
    reason: Extract<WorkFact, { state: 'exited' }>['reason'],
    message: string,
  ): void {
    const { work, epoch } = spec;
    this.#launches.delete(keyOf(spec));
    this.#options.gpus.giveBack(keyOf(spec));
    this.#tell({ work, epoch, pid: process?.pid ?? null, state: 'exited', reason, message });
  }

  #tell(fact: WorkFact): void {
    for (const handler of this.#handlers) handler(fact);
  }
}

function toFact({ spec, state, process }: Launch): WorkFact {
  return { work: spec.work, epoch: spec.epoch, pid: process?.pid ?? null, state };
}

function keyOf({ work, epoch }: WorkRef): string {
  return `${work}#${epoch}`;
}
