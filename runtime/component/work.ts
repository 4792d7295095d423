import { appError } from '../errors/index.ts';
import type { BuildConfig } from '../hardware/build-config.ts';
import type { CloudCompute } from '../hardware/cloud-compute.ts';
import type { WorkStatus } from '../protocol/events.ts';
import type { Json, JsonObject } from '../state/json.ts';
import type { Operation } from '../state/operation.ts';
import { Component } from './component.ts';
import type { Layout } from './flow-options.ts';
import { applyFlowDelta } from './flow-delta.ts';
import { metaOf } from './meta.ts';
import { toProps } from './props.ts';
import { prepareRun } from './work-run.ts';
import { resolveWorkOptions, type ResolvedWorkOptions, type WorkOptions } from './work-options.ts';
import { OPTIONS } from './work-symbols.ts';
import { latestEntry, ledgerOf, statusesOf, statusOf } from './work-status.ts';

/** The signal that a work sees outside of its own process: never aborted. */
const NEVER = new AbortController().signal;

/**
 * A long job or a service, isolated in a process (or ECS task) of its own.
 *
 * Public fields are state: their changes stream to the flow. `#private` and `_underscore` fields are not.
 *
 * @example
 * ```ts
 * import { Work } from 'stormkite';
 * class Train extends Work<{ lr?: number }> {
 *   loss: number | null = null;
 *   constructor(props: { lr?: number } = {}) {
 *     super({ parallel: true, ...props });
 *   }
 *   async run(dataset: string) {
 *     this.loss = dataset.length * (this.props.lr ?? 0.1);
 *   }
 * }
 * ```
 */
export abstract class Work<P extends object = Record<never, never>> extends Component {
  /** @internal */
  declare readonly [OPTIONS]: ResolvedWorkOptions;
  /** The one object that the constructor passed to `super`; what the work is rebuilt from. Not state. */
  declare readonly props: Readonly<P & WorkOptions>;

  /**
   * @throws `WORK_NO_RUN` when the class does not define `run`, `APP_OPTION_INVALID`, `STATE_NOT_JSON` for props that JSON cannot hold
   */
  constructor(options?: P & WorkOptions) {
    super('work');
    const given = options ?? ({} as P & WorkOptions);
    metaOf(this).hasProps = options !== undefined;
    Object.defineProperty(this, OPTIONS, {
      value: resolveWorkOptions(given, this.constructor.name),
      writable: true,
    });
    Object.defineProperty(this, 'props', { value: toProps(given, this.constructor.name) });
    prepareRun(this);
  }

  /**
   * The work itself. Called from a flow it sends the call to the work's process and returns at once (`parallel`), or suspends
   * the turn until the call has ended. The same arguments never run twice (`cacheCalls`).
   *
   * @throws `WORK_QUEUE_FULL`, `WORK_DELETED`, `WORK_NOT_ATTACHED`, `STATE_NOT_JSON` for arguments that JSON cannot hold
   */
  abstract run(...args: never[]): void | Promise<void>;

  /** Runs once in the work's process, before its first call; awaited. */
  onStart(): void | Promise<void> {}

  /** Hears what `run` threw. @default - re-throws if `raiseException`, which fails the app */
  onException(error: unknown): void | Promise<void> {
    if (this.raiseException) throw error;
  }

  /** Runs when the work's process is asked to end. Not guaranteed when it has to be killed. */
  onExit(): void | Promise<void> {}

  /**
   * Takes changes that the flow made while the work runs. Only a class that overrides it receives them;
   * `super.applyFlowDelta(delta)` applies them to the fields without echoing them. After a restart of the flow it may hear of
   * earlier changes once more, as whole fields.
   */
  applyFlowDelta(delta: readonly Operation[]): void {
    applyFlowDelta(this, delta);
  }

  /** What this work shows to people. @default - its own server, once it answers */
  configureLayout(): Layout {
    return this.url === '' ? null : this.url;
  }

  /**
   * Whether requests to the work's own server reach it without the path below which the app shows it
   * (`STORMKITE_ROOT_PATH` in the work). Override to say so.
   *
   * @default `null` - found out by asking: a server that answers below that path, and nowhere else, gets the whole path
   */
  get stripPrefix(): boolean | null {
    return null;
  }

  /** Starts the process without a call; re-arms a stopped or failed work and its interrupted call. Never suspends. */
  start(): void {
    this.#binding('start()').startWork(this);
  }

  /**
   * Ends the process and releases its dedicated hardware. Idempotent.
   *
   * @throws `WORK_ONLY_FROM_FLOW`, `WORK_DELETED`
   */
  stop(options: { readonly keepHardware?: boolean } = {}): void {
    this.#binding('stop()').stopWork(this, options.keepHardware ?? false);
  }

  /** Stops the work and removes it for good, with its state. */
  delete(): void {
    this.#binding('delete()').deleteWork(this);
  }

  /** Full name (`root.train`), empty while unattached. */
  get name(): string {
    return metaOf(this).name;
  }

  /** Name for people; may be set until the work has started. @default - the full name */
  get displayName(): string {
    const { fields, displayName } = metaOf(this);
    return (fields ? this.#text('_display_name') : displayName) || this.name;
  }

  set displayName(value: string) {
    if (value === this.displayName) return;
    const meta = metaOf(this);
    if (this.hasStarted || meta.process) {
      throw appError('WORK_DISPLAY_NAME_FIXED', { name: this.name }, { at: this.name });
    }
    meta.displayName = value;
    meta.fields?.set('_display_name', meta.displayName);
  }

  /** The latest status: of the call in flight, else of the latest call. */
  get status(): WorkStatus {
    return statusOf(this.#calls);
  }

  /** All statuses of the call in flight, else of the latest call. */
  get statuses(): readonly WorkStatus[] {
    return statusesOf(this.#calls).map((status) => ({ ...status }));
  }

  /** Where the work's own server answers; empty until it does. */
  get url(): string {
    return this.#text('_url');
  }

  get host(): string {
    return this[OPTIONS].host ?? (this.#text('_host') || '127.0.0.1');
  }

  /** Port of the work's own server. In the work: chosen and announced when first read. In the flow: 0 until known. */
  get port(): number {
    const { process, fields } = metaOf(this);
    if (process) return process.claimPort();
    const known = fields?.raw('_port');
    return this[OPTIONS].port ?? (typeof known === 'number' ? known : 0);
  }

  /** Address by which other works reach this one; empty until it is up. Locally 127.0.0.1. */
  get internalIp(): string {
    return this.#text('_internal_ip');
  }

  /** Address on the internet; empty locally. */
  get publicIp(): string {
    return this.#text('_public_ip');
  }

  get parallel(): boolean {
    return this[OPTIONS].parallel;
  }

  get cacheCalls(): boolean {
    return this[OPTIONS].cacheCalls;
  }

  get raiseException(): boolean {
    return this[OPTIONS].raiseException;
  }

  get cloudCompute(): CloudCompute {
    return this[OPTIONS].cloudCompute;
  }

  get localBuildConfig(): BuildConfig {
    return this[OPTIONS].localBuildConfig;
  }

  get cloudBuildConfig(): BuildConfig {
    return this[OPTIONS].cloudBuildConfig;
  }

  /** Patterns, as in `.gitignore`, of files that the work's artifact leaves out. Override to change. */
  get ignorePatterns(): readonly string[] {
    return [];
  }

  /** Which attempt of the current call this is; starts at 1. */
  get attempt(): number {
    return metaOf(this).process?.attempt() ?? latestEntry(this.#calls)?.attempt ?? 1;
  }

  /** Aborted when the work is asked to stop; also seen by a loop that never yields. */
  get signal(): AbortSignal {
    return metaOf(this).process?.signal() ?? NEVER;
  }

  get hasStarted(): boolean {
    return this.status.stage !== 'not_started';
  }

  get hasStopped(): boolean {
    return this.status.stage === 'stopped';
  }

  /** Whether the latest call succeeded; stays true when the work is stopped afterwards. */
  get hasSucceeded(): boolean {
    return latestEntry(this.#calls)?.outcome === 'succeeded';
  }

  /** Whether the latest call failed; stays true when the work is stopped afterwards. */
  get hasFailed(): boolean {
    return latestEntry(this.#calls)?.outcome === 'failed';
  }

  /** Whether the latest call failed because it took longer than `timeout`. */
  get hasTimeout(): boolean {
    return (
      this.hasFailed &&
      this.statuses.findLast(({ stage }) => stage === 'failed')?.reason === 'timeout'
    );
  }

  get isRunning(): boolean {
    return this.status.stage === 'running';
  }

  get isPending(): boolean {
    return this.status.stage === 'pending';
  }

  /** Number of calls that succeeded. */
  get numSuccesses(): number {
    return ledgerOf(this.#calls).num_successes ?? 0;
  }

  /** Number of time-outs since the latest success. */
  get numTimeouts(): number {
    return ledgerOf(this.#calls).num_timeouts ?? 0;
  }

  get #calls(): JsonObject {
    return metaOf(this).calls;
  }

  #text(field: string): string {
    const value: Json | undefined = metaOf(this).fields?.raw(field);
    return typeof value === 'string' ? value : '';
  }

  #binding(method: string) {
    const { binding, deleted, name, subject } = metaOf(this);
    if (deleted) throw appError('WORK_DELETED', { name: name || subject }, { at: name });
    if (!binding) throw appError('WORK_ONLY_FROM_FLOW', { method: `${subject}.${method}` });
    return binding;
  }
}

/** A class of works. */
export type WorkClass = new (...args: never[]) => Work<object>;
