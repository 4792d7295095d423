import type { LogLine } from '../ports/log-sink.ts';
import type { StreamEvent, WorkSummary } from '../protocol/events.ts';
import type { Json } from '../state/json.ts';
import type { Operation } from '../state/operation.ts';
import type { AppStatus, CommandSummary } from './app-status.ts';
import type { Connection } from './connection.ts';
import type { HistoryOptions, AppHistory } from './history.ts';
import type { AppLike, SnapshotOf, StateOf } from './state-of.ts';

export interface LogsOptions {
  /** Go on with every new line until the app ends. @default false */
  readonly follow?: boolean;
  /** Lines to begin with. @default 1000 */
  readonly tail?: number;
  /** Only lines that contain this text. @default - all */
  readonly search?: string;
}

export interface EventsOptions {
  /** @default - turns, stages and changes of the layout */
  readonly types?: readonly StreamEvent['type'][];
  /** Turns only with operations at or below this JSON Pointer. @default '' - all */
  readonly pointer?: string;
}

/** What a compare-and-set compares with. */
export type Expectation =
  | { /** The value that must be there. */ readonly expected: Json }
  | { /** The ETag that `read` gave with the value. */ readonly ifMatch: string };

/** What became of a compare-and-set. */
export type CompareAndSetResult =
  | { readonly ok: true; readonly version: number }
  /** Nothing was written; `current` is what is there instead, undefined when nothing is. */
  | { readonly ok: false; readonly current: Json | undefined; readonly etag: string };

/**
 * A running app. Every method throws `SERVER_UNREACHABLE` when it does not answer, or the error that it answered with.
 *
 * Nothing is sent until something is asked for. `ready`, `subscribe` and `useAppState` begin to follow the state: from then on
 * the client holds a copy of it, kept up to date turn by turn, across lost connections.
 */
export interface AppClient<A extends AppLike = AppLike> {
  /**
   * The state as an object: reading gives the latest that arrived, assigning sends a patch.
   *
   * What is written in one go is one patch, sent at the end of the current microtask, and shows here at once; `snapshot` and
   * subscriptions show it when it is committed. A failure goes to `settled()` and `onError`, and the field shows the app's value
   * again. Components cannot be assigned.
   *
   * @throws `CLIENT_NOT_READY` from reading or writing before `ready()`; an assignment throws what state cannot hold
   */
  readonly state: StateOf<A>;
  /** Whether the state has arrived. */
  readonly isReady: boolean;
  /**
   * Follows the state; resolves when it has arrived. Waits for the app as long as it takes.
   *
   * @param options.signal - ends the waiting, with the error of the latest attempt
   * @throws `SERVER_TOKEN_REFUSED` and other refusals, `CLIENT_CLOSED`
   */
  ready(options?: { readonly signal?: AbortSignal }): Promise<void>;
  /** The committed state, plain and frozen; parts that did not change are the same objects as before. @throws `CLIENT_NOT_READY` */
  snapshot(): SnapshotOf<A>;
  /** What the committed state has at a JSON Pointer of the document; undefined when nothing is there. */
  snapshot(pointer: string): Json | undefined;
  /**
   * Calls a listener whenever a committed turn changes what a function selects, or what is at a JSON Pointer.
   *
   * It is not called for the value that is already known; when none is, the first one counts as a change from undefined.
   *
   * @returns what ends it
   */
  subscribe<T>(
    select: (state: SnapshotOf<A>) => T,
    listener: (value: T, previous: T | undefined) => void,
  ): () => void;
  subscribe(
    pointer: string,
    listener: (value: Json | undefined, previous: Json | undefined) => void,
  ): () => void;
  /** Calls a listener after every committed turn; returns what ends it. What `snapshot()` gives is a new object then. */
  listenToSnapshots(listener: () => void): () => void;
  /**
   * Calls a listener with everything that the stream of the followed state tells: turns with who made them, stages, changes of
   * the layout, and whole documents; each after the state has it.
   *
   * @returns what ends it
   */
  listen(listener: (event: StreamEvent) => void): () => void;
  /** Whether the copy of the state is up to date. */
  readonly connection: Connection;
  /** Resolves when everything that was assigned so far is committed and arrived. @throws the first failure among it */
  settled(): Promise<void>;

  /** The value at a JSON Pointer of the state document. @default '' - all of it @throws `SERVER_POINTER_UNKNOWN` */
  get(pointer?: string): Promise<Json>;
  /** The value at a pointer together with its ETag. */
  read(pointer?: string): Promise<{ readonly value: Json; readonly etag: string }>;
  /** Puts a value at a pointer, whether or not there is one (`/vars/list/-` is the end of a list). */
  set(pointer: string, value: Json): Promise<{ readonly version: number }>;
  /** Puts a value at a pointer if what is there is still what it is expected to be. */
  compareAndSet(
    pointer: string,
    expectation: Expectation,
    value: Json,
  ): Promise<CompareAndSetResult>;
  /**
   * Reads, changes and writes the value at a pointer as one step, again when somebody else was quicker.
   *
   * @param change - must not change its argument, and may be called several times
   * @throws `SERVER_STATE_STALE` after many attempts
   */
  update(
    pointer: string,
    change: (value: Json) => Json | Promise<Json>,
  ): Promise<{ readonly version: number }>;
  /**
   * Applies a JSON Patch, all or nothing; resolves when it is committed, and shows in `snapshot` if the state is followed.
   *
   * @throws `SERVER_STATE_STALE` when `ifMatch` is older than what the app has, `CLIENT_WRITE_CONFLICT` when a `test` fails or
   * finds nothing, `SERVER_PATCH_REFUSED`, `SERVER_PATCH_TARGET_UNKNOWN`
   */
  patch(
    ops: readonly Operation[],
    options?: { readonly ifMatch?: string },
  ): Promise<{ readonly version: number }>;

  status(): Promise<AppStatus>;
  works(): Promise<WorkSummary[]>;
  /** Starts a work by full name (`root.train`). @throws `WORK_UNKNOWN` */
  start(work: string): Promise<void>;
  /** Stops a work. @throws `WORK_UNKNOWN` */
  stop(work: string): Promise<void>;
  /** Stops and removes a work. @throws `WORK_UNKNOWN` */
  delete(work: string): Promise<void>;
  /** Ends the whole app as `flow.stop(message)` does; resolves when it has begun to end. */
  stopApp(message?: string): Promise<void>;
  /** Runs an app again that has ended or is paused, where its container still answers; nothing happens while it runs. */
  startApp(): Promise<void>;
  /** Ends the works, gives their machines back, and leaves their calls open for the next run. */
  pauseApp(): Promise<void>;
  /** The commands of `configureCommands()`. */
  commands(): Promise<CommandSummary[]>;
  /** Calls a command of `configureCommands()`; resolves with what it returned. */
  command(name: string, args?: Json): Promise<Json>;
  /** What a work (`flow` for the flow itself, `null` for all) printed. */
  logs(work: string | null, options?: LogsOptions): AsyncIterable<LogLine>;
  /** What happens in the app from now on; ends with the app. Does not connect again: `subscribe` does. */
  events(options?: EventsOptions): AsyncIterable<StreamEvent>;
  /** Past turns with who made them, oldest first. */
  history(options?: HistoryOptions): Promise<AppHistory>;
  /** The state document as of a past version. @throws `SERVER_HISTORY_TRIMMED` */
  stateAt(version: number): Promise<Json>;
  /** Ends everything that is under way; assignments that are not settled fail. */
  close(): void;
}
