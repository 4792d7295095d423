import type { LogLine } from '../ports/log-sink.ts';
import type { AppEvent, WorkSummary } from '../protocol/events.ts';
import type { Json } from '../state/json.ts';
import type { Operation } from '../state/operation.ts';
import { escapeSegment, parsePointer } from '../state/pointer.ts';
import type { AppStatus } from './app-status.ts';
import { Requests } from './requests.ts';
import { linesOf, toEventData } from './stream-lines.ts';

const API_BASE = '/api/v1';

/** Where an app is. */
export interface ConnectOptions {
  /** What `stormkite run` printed; a `?token=` in it is used. */
  readonly url: string;
  /** Token of an app that is reachable from other machines. @default - the one in `url`, if any */
  readonly token?: string;
  /** Ends everything that is under way, like `close()`. */
  readonly signal?: AbortSignal;
}

export interface LogsOptions {
  /** Go on with every new line until the app ends. @default false */
  readonly follow?: boolean;
  /** Lines to begin with. @default 1000 */
  readonly tail?: number;
}

export interface EventsOptions {
  /** @default - all types */
  readonly types?: readonly AppEvent['type'][];
  /** Deltas only with operations at, above or below this JSON Pointer. @default '' - all */
  readonly pointer?: string;
}

/** A running app. Every method throws `SERVER_UNREACHABLE` when it does not answer, or the error that it answered with. */
export interface AppClient {
  /** The value at a JSON Pointer of the state document. @default '' - all of it @throws `SERVER_POINTER_UNKNOWN` */
  state(pointer?: string): Promise<Json>;
  /** The value at a pointer together with its ETag, for `patch(…, { ifMatch })`. */
  read(pointer?: string): Promise<{ readonly value: Json; readonly etag: string }>;
  /**
   * Applies a JSON Patch, all or nothing; resolves when it is committed.
   *
   * @throws `SERVER_STATE_STALE` when `ifMatch` is older than what the app has, `SERVER_PATCH_REFUSED`, `SERVER_PATCH_TARGET_UNKNOWN`
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
  /** What a work (`flow` for the flow itself, `null` for all) printed. */
  logs(work: string | null, options?: LogsOptions): AsyncIterable<LogLine>;
  /** What happens in the app from now on; ends with the app. */
  events(options?: EventsOptions): AsyncIterable<AppEvent>;
  /** Ends everything that is under way. */
  close(): void;
}

/**
 * A client of a running app. Sends nothing by itself.
 *
 * @example
 * ```ts
 * import { connect } from 'stormkite/client';
 * const app = connect('http://127.0.0.1:7501');
 * await app.patch([{ op: 'replace', path: '/vars/limit', value: 5 }]);
 * for await (const event of app.events({ types: ['delta'] })) console.log(event);
 * ```
 */
export function connect(urlOrOptions: string | ConnectOptions): AppClient {
  const options = typeof urlOrOptions === 'string' ? { url: urlOrOptions } : urlOrOptions;
  const requests = new Requests(options, API_BASE);
  const command = async (work: string, verb: string): Promise<void> => {
    await requests.send('POST', `/works/${encodeURIComponent(work)}/${verb}`);
  };
  const read = async (pointer = ''): Promise<{ value: Json; etag: string }> => {
    const path = parsePointer(pointer).map(
      (segment) => `/${encodeURIComponent(escapeSegment(segment))}`,
    );
    const response = await requests.send('GET', `/state${path.join('')}`);
    return {
      value: (await requests.json(response)) as Json,
      etag: response.headers.get('etag') ?? '',
    };
  };
  const get = async (path: string): Promise<unknown> =>
    await requests.json(await requests.send('GET', path));
  return {
    read,
    state: async (pointer) => (await read(pointer)).value,
    patch: async (ops, { ifMatch } = {}) => {
      const headers = ifMatch === undefined ? {} : { 'if-match': ifMatch };
      const body = { type: 'application/json-patch+json', value: ops };
      return (await requests.json(await requests.send('PATCH', '/state', { headers, body }))) as {
        version: number;
      };
    },
    status: async () => (await get('/status')) as AppStatus,
    works: async () => (await get('/works')) as WorkSummary[],
    start: async (work) => await command(work, 'start'),
    stop: async (work) => await command(work, 'stop'),
    delete: async (work) => await command(work, 'delete'),
    stopApp: async (message = '') => {
      await requests.send('POST', '/stop', {
        body: { type: 'application/json', value: { message } },
      });
    },
    logs: async function* (work, { follow = false, tail } = {}) {
      const query = `?follow=${follow ? 1 : 0}${tail === undefined ? '' : `&tail=${tail}`}`;
      const path = work === null ? '/logs' : `/works/${encodeURIComponent(work)}/logs`;
      for await (const line of linesOf(requests, path + query))
        if (line !== '') yield JSON.parse(line) as LogLine;
    },
    events: async function* ({ types, pointer } = {}) {
      const query = new URLSearchParams({
        ...(types === undefined ? {} : { types: types.join(',') }),
        ...(pointer === undefined ? {} : { pointer }),
      });
      for await (const line of linesOf(requests, `/stream?${query.toString()}`)) {
        const data = toEventData(line);
        if (data !== null) yield JSON.parse(data) as AppEvent;
      }
    },
    close: () => requests.close(),
  };
}
