import { appError } from '../../errors/index.ts';
import type { FlowDeltaMessage } from '../../protocol/downlink.ts';
import { toJsonCopy, type Json } from '../../state/json.ts';
import { formatPointer } from '../../state/pointer.ts';
import type { Operation } from '../../state/operation.ts';
import type { MemoryProcess, WorkProgram } from './memory-process.ts';

/** What a script does with one call; resolving succeeds the call, throwing fails it. */
export type WorkScript = (work: ScriptedWork, ...args: Json[]) => void | Promise<void>;

/** A work whose part is played by a test. */
export class ScriptedWork {
  /** Full name (`root.train`). */
  readonly name: string;
  /** Arguments of every call that was received, in order. */
  readonly calls: (readonly Json[])[] = [];
  /** Writes of the flow that were received, for classes that override `applyFlowDelta`. */
  readonly flowDeltas: (readonly Operation[])[] = [];
  readonly #script: WorkScript | undefined;
  #process: MemoryProcess | null = null;
  #settled = true;
  #launches = 0;

  constructor(name: string, script: WorkScript | undefined) {
    this.name = name;
    this.#script = script;
  }

  /** Whether its process is up. */
  get isUp(): boolean {
    return this.#process?.isAlive ?? false;
  }

  /** Whether a call is under way. */
  get isBusy(): boolean {
    return this.isUp && !this.#settled;
  }

  /** How often its process was launched. */
  get launches(): number {
    return this.#launches;
  }

  /** Which attempt the current call is. */
  get attempt(): number {
    return this.#process?.current?.attempt ?? 0;
  }

  /** The flow's writes that came with the current call. */
  get folded(): readonly Operation[] {
    return this.#process?.current?.fold ?? [];
  }

  /** The fields that the flow sent with the latest launch. */
  get initialVars(): Readonly<Record<string, Json>> {
    return this.#process?.spec.vars ?? {};
  }

  /** Sets fields, as the work's code would. */
  set(values: Readonly<Record<string, unknown>>): void {
    const ops: Operation[] = Object.entries(values).map(([name, value]) => ({
      op: 'add',
      path: formatPointer(['vars', name]),
      value: toJsonCopy(value, `${this.name}.${name}`),
    }));
    this.#up().report(ops);
  }

  /** Reports RFC 6902 operations on its document (`/vars/log/-`). */
  patch(ops: readonly Operation[]): void {
    this.#up().report(ops);
  }

  /** Ends the call as succeeded. */
  succeed(): void {
    this.#settle();
    this.#up().end('succeeded');
  }

  /** Ends the call as failed. @param options.handled - as if `onException` had taken care of it */
  fail(error: unknown, options: { readonly handled?: boolean } = {}): void {
    this.#settle();
    this.#up().end('failed', {
      reason: 'user_exception',
      error,
      handled: options.handled ?? false,
    });
  }

  /** The process dies: `exited` by itself, `interrupted` with its host, `oom`. */
  crash(
    reason: 'exited' | 'interrupted' | 'oom' = 'exited',
    message = 'crashed by the test',
  ): void {
    const process = this.#up();
    this.#settled = true;
    process.exit(reason, message);
  }

  /** @internal */
  programFor(process: MemoryProcess): WorkProgram {
    this.#process = process;
    this.#settled = true;
    this.#launches += 1;
    return {
      onLaunch: () =>
        process.report([{ op: 'add', path: '/vars/_internal_ip', value: '127.0.0.1' }], {
          type: 'ready',
        }),
      onCall: (call) => {
        this.#settled = false;
        this.calls.push(call.args);
        process.report([], { type: 'running', call: call.call, attempt: call.attempt });
        if (this.#script) this.#play(this.#script, process, [...call.args]);
      },
      onFlowDelta: (message: FlowDeltaMessage) => this.flowDeltas.push(message.ops),
      onStop: () => {
        if (!this.#settled) process.end('stopped');
        this.#settled = true;
        return Promise.resolve();
      },
    };
  }

  #play(script: WorkScript, process: MemoryProcess, args: Json[]): void {
    const run = async (): Promise<void> => script(this, ...args);
    run().then(
      () => this.#finish(process, () => this.succeed()),
      (error: unknown) => this.#finish(process, () => this.fail(error)),
    );
  }

  /** A script that already ended its call (or whose process is gone) is over. */
  #finish(process: MemoryProcess, end: () => void): void {
    if (process === this.#process && process.isAlive && !this.#settled) end();
  }

  #settle(): void {
    if (this.#settled) throw appError('TESTING_NO_CALL', { work: this.name });
    this.#settled = true;
  }

  #up(): MemoryProcess {
    if (!this.#process?.isAlive) throw appError('TESTING_NOT_UP', { work: this.name });
    return this.#process;
  }
}
