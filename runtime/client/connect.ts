import type { LogLine } from '../ports/log-sink.ts';
import type { StreamEvent, WorkSummary } from '../protocol/events.ts';
import type { Json } from '../state/json.ts';
import type { Operation } from '../state/operation.ts';
import type { AppClient, CompareAndSetResult } from './app-client.ts';
import type { AppStatus, CommandSummary } from './app-status.ts';
import { findUrl, fromEnvironment } from './find-url.ts';
import { FollowedState } from './followed-state.ts';
import type { AppHistory } from './history.ts';
import { liveEvents, type Transport } from './live-events.ts';
import { Requests } from './requests.ts';
import { selectorOf } from './selection.ts';
import { compareAndSet, read, sendPatch, setAt, update } from './state-requests.ts';
import { stateView } from './state-view.ts';
import type { AppLike, SnapshotOf, StateOf } from './state-of.ts';
import { linesOf } from './stream-lines.ts';

const MIN_DELAY_MS = 250;
const MAX_DELAY_MS = 10_000;

/** Where an app is, and how to follow it. */
export interface ConnectOptions {
  /**
   * What `stormkite run` printed; a `?token=` in it is used.
   *
   * @default - the app that serves this page; outside a page `STORMKITE_STATE_URL`, which the app sets for what it starts
   */
  readonly url?: string;
  /** Token of an app that is reachable from other machines. @default - the one in `url`, else `STORMKITE_TOKEN`; a page needs none */
  readonly token?: string;
  /** Who this is, for the app's history, which shows its letters without accents and leaves out other scripts. @default - its address */
  readonly name?: string;
  /** Ends everything that is under way, like `close()`. */
  readonly signal?: AbortSignal;
  /**
   * Hears of assignments that failed, and of trouble with the copy of the state.
   *
   * @default - a failed assignment that nobody waits for in `settled()` is an uncaught error
   */
  readonly onError?: (error: Error) => void;
  /** @default 'auto' - a WebSocket in pages, server-sent events elsewhere */
  readonly transport?: Transport | 'auto';
  /** Delays between attempts to connect again, in milliseconds: they double from the first to the second. @default 250, 10000 */
  readonly reconnect?: { readonly minMs?: number; readonly maxMs?: number };
}

/**
 * A client of a running app. Sends nothing by itself.
 *
 * @example
 * ```ts
 * import { connect } from 'stormkite/client';
 * const app = connect('http://127.0.0.1:7501');
 * await app.ready();
 * app.state['limit'] = 5;
 * app.subscribe('/works/train/vars/loss', (loss) => console.log(loss));
 * ```
 */
export function connect<A extends AppLike = AppLike>(
  urlOrOptions: string | ConnectOptions = {},
): AppClient<A> {
  const options = typeof urlOrOptions === 'string' ? { url: urlOrOptions } : urlOrOptions;
  const requests = new Requests({
    ...options,
    url: options.url ?? findUrl(),
    token:
      options.token ?? (options.url === undefined ? fromEnvironment('STORMKITE_TOKEN') : undefined),
  });
  return new Client<A>(requests, options);
}

class Client<A extends AppLike> implements AppClient<A> {
  readonly state: StateOf<A>;
  readonly #requests: Requests;
  readonly #followed: FollowedState;

  constructor(requests: Requests, { transport, reconnect, onError }: ConnectOptions) {
    this.#requests = requests;
    this.#followed = new FollowedState(requests, {
      transport: transport ?? 'auto',
      minDelayMs: reconnect?.minMs ?? MIN_DELAY_MS,
      maxDelayMs: reconnect?.maxMs ?? MAX_DELAY_MS,
      onError,
      send: async (ops) => (await sendPatch(requests, ops)).version,
    });
    this.state = stateView(this.#followed.writes) as StateOf<A>;
  }

  get isReady(): boolean {
    return this.#followed.isReady;
  }

  get connection(): FollowedState['connection'] {
    return this.#followed.connection;
  }

  ready({ signal }: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return this.#followed.ready(signal);
  }

  snapshot(): SnapshotOf<A>;
  snapshot(pointer: string): Json | undefined;
  snapshot(pointer?: string): unknown {
    const select = selectorOf(pointer ?? ((state: SnapshotOf<A>) => state));
    return select(this.#followed.document);
  }

  subscribe<T>(
    source: string | ((state: SnapshotOf<A>) => T),
    listener: (value: never, previous: never) => void,
  ): () => void {
    // The overloads of the interface say which values a source gives.
    const hear = listener as (value: unknown, previous: unknown) => void;
    return this.#followed.subscribe<unknown>(selectorOf(source), hear);
  }

  listenToSnapshots(listener: () => void): () => void {
    return this.#followed.listenToDocuments(listener);
  }

  listen(listener: (event: StreamEvent) => void): () => void {
    return this.#followed.listen(listener);
  }

  settled(): Promise<void> {
    return this.#followed.writes.settled();
  }

  async get(pointer = ''): Promise<Json> {
    return (await this.read(pointer)).value;
  }

  read(pointer = ''): Promise<{ value: Json; etag: string }> {
    return read(this.#requests, pointer);
  }

  async set(pointer: string, value: Json): Promise<{ version: number }> {
    return await this.#shown(await setAt(this.#requests, pointer, value));
  }

  async compareAndSet(
    pointer: string,
    expectation: { readonly expected: Json } | { readonly ifMatch: string },
    value: Json,
  ): Promise<CompareAndSetResult> {
    const result = await compareAndSet(this.#requests, pointer, expectation, value);
    return result.ok ? await this.#shown(result) : result;
  }

  async update(
    pointer: string,
    change: (value: Json) => Json | Promise<Json>,
  ): Promise<{ version: number }> {
    return await this.#shown(await update(this.#requests, pointer, change));
  }

  async patch(
    ops: readonly Operation[],
    { ifMatch }: { readonly ifMatch?: string } = {},
  ): Promise<{ version: number }> {
    return await this.#shown(await sendPatch(this.#requests, ops, ifMatch));
  }

  async status(): Promise<AppStatus> {
    return (await this.#requests.getJson('/status')) as AppStatus;
  }

  async works(): Promise<WorkSummary[]> {
    return (await this.#requests.getJson('/works')) as WorkSummary[];
  }

  start(work: string): Promise<void> {
    return this.#tellWork(work, 'start');
  }

  stop(work: string): Promise<void> {
    return this.#tellWork(work, 'stop');
  }

  delete(work: string): Promise<void> {
    return this.#tellWork(work, 'delete');
  }

  async stopApp(message = ''): Promise<void> {
    await this.#post('/stop', { message });
  }

  async startApp(): Promise<void> {
    await this.#post('/start', {});
  }

  async pauseApp(): Promise<void> {
    await this.#post('/pause', {});
  }

  async commands(): Promise<CommandSummary[]> {
    return (await this.#requests.getJson('/commands')) as CommandSummary[];
  }

  async command(name: string, args: Json = {}): Promise<Json> {
    const answer = await this.#post(`/commands/${encodeURIComponent(name)}`, args);
    const { result } = (await this.#requests.json(answer)) as { result?: Json };
    return result ?? null;
  }

  async *logs(
    work: string | null,
    { follow = false, tail, search }: { follow?: boolean; tail?: number; search?: string } = {},
  ): AsyncGenerator<LogLine> {
    const query = queryOf({ follow: follow ? 1 : 0, tail, search });
    const path = work === null ? '/logs' : `/works/${encodeURIComponent(work)}/logs`;
    for await (const line of linesOf(this.#requests, path + query))
      if (line !== '') yield JSON.parse(line) as LogLine;
  }

  async *events({
    types,
    pointer,
  }: {
    types?: readonly StreamEvent['type'][];
    pointer?: string;
  } = {}): AsyncGenerator<StreamEvent> {
    const parsed = liveEvents(this.#requests, {
      transport: 'sse',
      ...(types === undefined ? {} : { types }),
      ...(pointer === undefined ? {} : { pointer }),
    });
    for await (const { event, data } of parsed)
      yield { ...(data as object), type: event } as StreamEvent;
  }

  async history(options: { from?: number; to?: number; limit?: number } = {}): Promise<AppHistory> {
    return (await this.#requests.getJson(`/history${queryOf(options)}`)) as AppHistory;
  }

  async stateAt(version: number): Promise<Json> {
    return (await this.#requests.getJson(`/history/${version}/state`)) as Json;
  }

  close(): void {
    this.#requests.close();
  }

  /** Gives an answer once the copy of the state, if there is one, shows what was written. */
  async #shown<T extends { readonly version: number }>(answer: T): Promise<T> {
    await this.#followed.reached(answer.version);
    return answer;
  }

  async #tellWork(work: string, verb: string): Promise<void> {
    await this.#requests.send('POST', `/works/${encodeURIComponent(work)}/${verb}`);
  }

  #post(path: string, value: Json): Promise<Response> {
    return this.#requests.send('POST', path, { body: { type: 'application/json', value } });
  }
}

function queryOf(parts: Readonly<Record<string, string | number | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parts))
    if (value !== undefined) query.set(name, String(value));
  return query.size === 0 ? '' : `?${query.toString()}`;
}
