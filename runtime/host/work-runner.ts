/**
 * Runs the calls of a work in its process, one at a time.
 *
 * C1 A call (hash and attempt) runs once, unless the flow made it again after it had seen its end.
 * C2 Every change that a call made is reported before its end (R7).
 * C3 Once a stop was asked, whatever a call does makes it `stopped`; then `onExit` runs once and the process ends. When the
 *    stop is insisted on, `onExit` runs beside a call that goes on; only SIGKILL ends that one.
 */
import type { WorkProcess } from '../component/binding.ts';
import type { WorkProcessHandle } from '../component/process-side.ts';
import { appError, background, toWire } from '../errors/index.ts';
import type { CallOutcome, WorkEvent } from '../protocol/delta.ts';
import type { CallMessage } from '../protocol/downlink.ts';
import type { WorkPort } from './process-port.ts';
import type { Reporter } from './reporter.ts';

type EndEvent = Extract<WorkEvent, { type: 'end' }>;
type End = { readonly outcome: CallOutcome } & Partial<
  Pick<EndEvent, 'reason' | 'message' | 'error' | 'handled'>
>;

interface Call {
  readonly message: CallMessage;
  /** How many deltas of this process the flow had applied when it made the call. */
  readonly applied: number;
}

/** What a call failed with outside of its own promise. */
interface Uncaught {
  readonly error: unknown;
}

export class WorkRunner implements WorkProcess {
  readonly #name: string;
  readonly #reporter: Reporter;
  readonly #leave: (code: number) => void;
  readonly #abort = new AbortController();
  /** Identity of a call that ended here to the number of the delta that told so. */
  readonly #ended = new Map<string, number>();
  #handle: WorkProcessHandle | null = null;
  #port: WorkPort | null = null;
  #ready = false;
  #running: Call | null = null;
  #waiting: Call | null = null;
  #fail: ((uncaught: Uncaught) => void) | null = null;
  #attempt = 1;
  /** `null` until it was told; a stop may be seen before it is. */
  #exitCode: number | null = null;
  #exiting: Promise<void> | null = null;
  #left = false;

  /** @param leave - ends the process */
  constructor(name: string, reporter: Reporter, leave: (code: number) => void) {
    this.#name = name;
    this.#reporter = reporter;
    this.#leave = leave;
    reporter.onStopFlag = () => this.#seeStop();
  }

  signal(): AbortSignal {
    if (this.#reporter.stopAsked) this.#seeStop();
    return this.#abort.signal;
  }

  attempt(): number {
    return this.#attempt;
  }

  claimPort(): number {
    return this.#port?.claim() ?? 0;
  }

  /** The work is built; `onStart` is under way from now on. */
  open(handle: WorkProcessHandle, port: WorkPort): void {
    this.#handle = handle;
    this.#port = port;
  }

  /** `onStart` is done. */
  ready(): void {
    this.#ready = true;
    if (this.#reporter.stopAsked) this.stop(this.#exitCode ?? this.#reporter.stopCode);
    else this.#next();
  }

  /** Takes a call; repeats of one that is known are ignored (C1). */
  call(message: CallMessage, applied: number): void {
    for (const [identity, delta] of this.#ended) if (delta <= applied) this.#ended.delete(identity);
    const identity = identityOf(message);
    if (this.#running && identityOf(this.#running.message) === identity) return;
    if (this.#waiting !== null || this.#ended.has(identity)) return;
    this.#waiting = { message, applied };
    this.#next();
  }

  applyFlowDelta(ops: Parameters<WorkProcessHandle['applyFlowDelta']>[0]): void {
    if (this.#handle?.acceptsFlowDeltas === true) this.#handle.applyFlowDelta(ops);
  }

  /**
   * The work is asked to end; a running call is waited for.
   *
   * @param insists - it was asked before: what `onExit` has to do is done now, it may be what the call waits for
   */
  stop(exitCode: number, insists = false): void {
    this.#exitCode = exitCode;
    this.#seeStop();
    if (this.#handle === null) this.#leave(exitCode);
    else if (this.#ready && (insists || this.#running === null))
      background(this.#exit(this.#handle), 'ending the work');
  }

  /** Takes an error that nothing caught; false when no call is running that it could belong to. */
  takeUncaught(error: unknown): boolean {
    if (this.#fail === null) return false;
    this.#fail({ error });
    return true;
  }

  #seeStop(): void {
    this.#reporter.stopSeen();
    if (!this.#abort.signal.aborted) this.#abort.abort();
  }

  #next(): void {
    if (!this.#ready || this.#running !== null || this.#waiting === null || this.#handle === null)
      return;
    const call = this.#waiting;
    this.#waiting = null;
    this.#running = call;
    background(this.#run(this.#handle, call), 'running a call');
  }

  async #run(handle: WorkProcessHandle, { message, applied }: Call): Promise<void> {
    handle.fold(this.#reporter.foldable(message.fold, applied));
    this.#attempt = message.attempt;
    const end = await this.#execute(handle, message);
    this.#reporter.calling(false);
    const { call, attempt } = message;
    this.#reporter.emit({ type: 'end', call, attempt, ...end });
    this.#ended.set(identityOf(message), this.#reporter.deltas);
    this.#running = null;
    if (this.#reporter.stopAsked) await this.#exit(handle);
    else this.#next();
  }

  async #execute(handle: WorkProcessHandle, { call, attempt, args }: CallMessage): Promise<End> {
    if (this.#reporter.stopAsked) return { outcome: 'stopped' };
    const taken = await this.#port?.problem();
    if (taken)
      return {
        outcome: 'failed',
        reason: 'port_taken',
        message: taken.message,
        error: toWire(taken),
      };
    this.#reporter.emit({ type: 'running', call, attempt });
    this.#reporter.calling(true);
    try {
      const returned = await this.#raced(() => handle.run(args));
      if (this.#reporter.stopAsked) return { outcome: 'stopped' };
      return returned === undefined ? { outcome: 'succeeded' } : this.#returnedValue(returned);
    } catch (error) {
      return this.#reporter.stopAsked ? { outcome: 'stopped' } : await this.#failed(handle, error);
    } finally {
      this.#fail = null;
    }
  }

  /** Awaits the user's `run`, or the first error that nothing caught meanwhile. */
  async #raced(run: () => unknown): Promise<unknown> {
    const uncaught = new Promise<never>((_resolve, reject) => {
      this.#fail = ({ error }) => reject(error);
    });
    // It may lose the race and reject later.
    uncaught.catch(() => undefined);
    return await Promise.race([run(), uncaught]);
  }

  #returnedValue(returned: unknown): End {
    const got = returned === null ? 'null' : `a value of type ${typeof returned}`;
    const error = appError('WORK_RETURNED_VALUE', { name: this.#name, got }, { at: this.#name });
    return {
      outcome: 'failed',
      reason: 'invalid_return_value',
      message: error.message,
      error: toWire(error),
    };
  }

  async #failed(handle: WorkProcessHandle, thrown: unknown): Promise<End> {
    let error = thrown;
    let handled = false;
    try {
      await handle.onException(thrown);
      handled = true;
    } catch (again) {
      error = again;
    }
    const wire = toWire(error);
    return {
      outcome: 'failed',
      reason: 'user_exception',
      message: wire.stack ?? wire.message,
      error: wire,
      ...(handled ? { handled } : {}),
    };
  }

  async #exit(handle: WorkProcessHandle): Promise<void> {
    this.#exiting ??= this.#onExit(handle);
    await this.#exiting;
    if (this.#running !== null || this.#left) return;
    this.#left = true;
    this.#leave(this.#exitCode ?? this.#reporter.stopCode);
  }

  async #onExit(handle: WorkProcessHandle): Promise<void> {
    try {
      await handle.onExit();
    } catch (error) {
      console.error(`onExit of ${this.#name} failed:`, error);
    }
  }
}

function identityOf({ call, attempt }: CallMessage): string {
  return `${call}#${attempt}`;
}
