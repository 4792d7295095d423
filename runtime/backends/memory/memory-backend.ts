/**
 * Launcher and delta channel without processes: each launched work is an object that a test (or the work's own code, run in
 * this process) acts through.
 */
import type { Clock, ClockTimer } from '../../ports/clock.ts';
import type { DeltaChannel } from '../../ports/delta-channel.ts';
import type {
  Launcher,
  LaunchResult,
  StopResult,
  WorkFact,
  WorkRef,
} from '../../ports/launcher.ts';
import type { StoreLease } from '../../ports/state-store.ts';
import type { Delta } from '../../protocol/delta.ts';
import type { Downlink } from '../../protocol/downlink.ts';
import type { WorkSpec } from '../../protocol/work-spec.ts';
import { MemoryProcess, type WorkProgram } from './memory-process.ts';

export interface MemoryBackendOptions {
  readonly lease: Pick<StoreLease, 'appendDeltas'>;
  /** Measures the time that a work is given to end. @default - a work that does not end is never killed */
  readonly clock?: Clock;
  /** What a launched work does. */
  readonly program: (process: MemoryProcess) => WorkProgram;
  /** Refuses a launch; for tests. @default - none is refused */
  readonly refuse?: (spec: WorkSpec) => Extract<LaunchResult, { ok: false }> | null;
}

export class MemoryBackend {
  readonly channel: DeltaChannel;
  readonly launcher: Launcher;
  #options: MemoryBackendOptions;
  readonly #processes = new Map<string, MemoryProcess>();
  /** The latest launch of each work: repeating it starts nothing (R5). */
  readonly #epochs = new Map<string, number>();
  #closed = false;
  readonly #deltaHandlers = new Set<(delta: Delta) => void>();
  readonly #factHandlers = new Set<(fact: WorkFact) => void>();

  constructor(options: MemoryBackendOptions) {
    this.#options = options;
    this.channel = {
      subscribe: (handler) => subscribe(this.#deltaHandlers, handler),
      deliver: (work, message) => Promise.resolve(this.#deliver(work, message)),
      close: () => Promise.resolve(),
    };
    this.launcher = {
      launch: (spec) => Promise.resolve(this.#launch(spec)),
      stop: (ref, graceMs) => this.#stop(ref, graceMs),
      release: () => Promise.resolve(),
      observe: () => Promise.resolve([...this.#processes.values()].map((each) => each.fact())),
      subscribe: (handler) => subscribe(this.#factHandlers, handler),
      close: () => this.#close(),
    };
  }

  /** Another flow takes over, with the processes that there are. */
  adopt(options: Pick<MemoryBackendOptions, 'lease' | 'clock'>): void {
    this.#options = { ...this.#options, ...options };
    this.#deltaHandlers.clear();
    this.#factHandlers.clear();
  }

  #launch(spec: WorkSpec): LaunchResult {
    const ref: WorkRef = { work: spec.work, epoch: spec.epoch };
    if (this.#closed) return { ok: false, reason: 'closed', message: 'the run is ending' };
    if ((this.#epochs.get(spec.work) ?? 0) >= spec.epoch) return { ok: true, ref };
    const refusal = this.#options.refuse?.(spec) ?? null;
    if (refusal) return refusal;
    this.#epochs.set(spec.work, spec.epoch);
    const process = new MemoryProcess(spec, {
      send: (delta) => this.#send(delta),
      exited: (fact) => {
        if (this.#processes.get(spec.work) === process) this.#processes.delete(spec.work);
        this.#tell(fact);
      },
    });
    this.#processes.set(spec.work, process);
    this.#tell({ ...process.fact(), state: 'starting' });
    this.#tell(process.fact());
    process.begin(this.#options.program(process));
    return { ok: true, ref };
  }

  async #send(delta: Delta): Promise<void> {
    const durable = this.#options.lease.appendDeltas([delta]);
    for (const handler of this.#deltaHandlers) handler(delta);
    await durable;
  }

  #deliver(work: string, message: Downlink): 'sent' | 'absent' {
    const process = this.#processes.get(work);
    process?.receive(message);
    return process ? 'sent' : 'absent';
  }

  async #stop(ref: WorkRef, graceMs: number): Promise<StopResult> {
    const process = this.#processes.get(ref.work);
    if (process?.spec.epoch !== ref.epoch) return { forced: false };
    let timer: ClockTimer | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = this.#options.clock?.after(graceMs, resolve);
    });
    if (graceMs > 0) await Promise.race([process.stop(), patience]);
    timer?.cancel();
    const forced = process.isAlive;
    process.exit('stopped', 'killed');
    return { forced };
  }

  #close(): Promise<void> {
    this.#closed = true;
    for (const process of [...this.#processes.values()])
      process.exit('stopped', 'the launcher was closed');
    return Promise.resolve();
  }

  #tell(fact: WorkFact): void {
    for (const handler of this.#factHandlers) handler(fact);
  }
}

function subscribe<T>(handlers: Set<T>, handler: T): () => void {
  handlers.add(handler);
  return () => handlers.delete(handler);
}
