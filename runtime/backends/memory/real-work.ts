/** Runs a work's own code in this process, on an instance of its own. */
import { appError, background } from '../../errors/index.ts';
import type { WorkProcess } from '../../component/binding.ts';
import type { App } from '../../component/app.ts';
import { openWorkProcess, type WorkProcessHandle } from '../../component/process-side.ts';
import type { CallMessage } from '../../protocol/downlink.ts';
import type { Operation } from '../../state/operation.ts';
import { pathsConflict } from '../../state/pointer.ts';
import type { MemoryProcess, WorkProgram } from './memory-process.ts';

/** Port that a work without one of its own is given; nothing listens. */
const ANY_PORT = 8080;

/**
 * The program of a real work.
 *
 * @param createApp - builds the app again, so that the work shares no object with the flow
 */
export function realWork(
  process: MemoryProcess,
  createApp: () => App,
  exports: Readonly<Record<string, unknown>>,
): WorkProgram {
  return new RealWork(process, createApp, exports);
}

class RealWork implements WorkProgram {
  readonly #process: MemoryProcess;
  readonly #stop = new AbortController();
  readonly #handle: WorkProcessHandle;
  /** Paths that the work itself changed, with the number of their delta. */
  #own: { readonly seq: number; readonly path: string }[] = [];
  #flushing = false;
  #running: Promise<void> = Promise.resolve();

  constructor(
    process: MemoryProcess,
    createApp: () => App,
    exports: Readonly<Record<string, unknown>>,
  ) {
    this.#process = process;
    const life: WorkProcess = {
      signal: () => this.#stop.signal,
      attempt: () => process.current?.attempt ?? 1,
      claimPort: () => this.#claimPort(),
    };
    const handle = openWorkProcess(createApp(), exports, process.spec, life);
    handle.fields.hooks = { ...handle.fields.hooks, onDirty: () => this.#flushSoon() };
    this.#handle = handle;
  }

  onLaunch(): void {
    this.#running = this.#start();
    background(this.#running, `onStart of ${this.#process.spec.work}`);
  }

  onCall(call: CallMessage): void {
    this.#running = this.#running.then(() => this.#call(call));
    background(this.#running, `a call of ${this.#process.spec.work}`);
  }

  onFlowDelta({ ops }: { readonly ops: readonly Operation[] }): void {
    if (this.#handle.acceptsFlowDeltas) this.#handle.applyFlowDelta(ops);
  }

  async onStop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.#handle.onExit();
    this.#flush();
  }

  async #start(): Promise<void> {
    try {
      await this.#handle.onStart();
    } catch (error) {
      this.#process.exit(
        'exited',
        error instanceof Error ? (error.stack ?? error.message) : String(error),
      );
      return;
    }
    this.#handle.setVar('_internal_ip', '127.0.0.1');
    this.#flush();
    this.#process.report([], { type: 'ready' });
  }

  async #call({ call, attempt, args, fold, mark }: CallMessage): Promise<void> {
    if (!this.#process.isAlive) return;
    this.#flush();
    // What the work changed after the flow had looked stands against what the flow wrote.
    this.#own = this.#own.filter(({ seq }) => seq > mark);
    this.#handle.fold(
      fold.filter((op) => !this.#own.some(({ path }) => pathsConflict(path, op.path))),
    );
    this.#process.report([], { type: 'running', call, attempt });
    try {
      const result = await this.#handle.run(args);
      this.#flush();
      if (this.#stop.signal.aborted) this.#process.end('stopped');
      else if (result === undefined) this.#process.end('succeeded');
      else
        this.#process.end('failed', {
          reason: 'invalid_return_value',
          error: this.#returned(result),
        });
    } catch (error) {
      await this.#failed(error);
    }
  }

  async #failed(thrown: unknown): Promise<void> {
    if (this.#stop.signal.aborted) {
      this.#flush();
      this.#process.end('stopped');
      return;
    }
    let error = thrown;
    let handled = true;
    try {
      await this.#handle.onException(thrown);
    } catch (again) {
      error = again;
      handled = false;
    }
    this.#flush();
    this.#process.end('failed', { reason: 'user_exception', error, handled });
  }

  #returned(value: unknown): Error {
    const { work } = this.#process.spec;
    const got = value === null ? 'null' : `a value of type ${typeof value}`;
    return appError('WORK_RETURNED_VALUE', { name: work, got }, { at: work });
  }

  #claimPort(): number {
    const port = this.#handle.port ?? ANY_PORT;
    this.#handle.setVar('_port', port);
    return port;
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    const ops = this.#handle.fields.drain().map((op): Operation => {
      const path = `/vars${op.path}`;
      return 'from' in op ? { ...op, path, from: `/vars${op.from}` } : { ...op, path };
    });
    if (ops.length === 0) return;
    this.#process.report(ops);
    for (const { path } of ops) this.#own.push({ seq: this.#process.seq, path });
  }
}
