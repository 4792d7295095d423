/** What each route of the API does; the routes themselves are elsewhere, and a test holds the two together. */
import type { z } from 'zod';
import * as shapes from './schemas.ts';

export interface RouteDoc {
  readonly summary: string;
  readonly description?: string;
  readonly query?: z.ZodObject;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: z.ZodType;
  readonly answer: AnswerDoc;
  /** Statuses of failures beside those that every route has. */
  readonly failures?: Readonly<Record<number, string>>;
  /** Shape of the failures' bodies. @default - code, message, hint, at */
  readonly failure?: z.ZodType;
}

export interface AnswerDoc {
  readonly description: string;
  /** @default 200 */
  readonly status?: number;
  /** @default 'application/json' */
  readonly type?: string;
  /** @default - any JSON, or text of the type */
  readonly schema?: z.ZodType;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Of every request whose sender the history shows. */
export const clientHeader = { 'stormkite-client': 'who asks, for the history' };
const seenHeader = { 'if-none-match': 'ETag of what the reader has; 304 when it is the same' };
const PATCH_TYPE = 'application/json-patch+json';
const LINES = 'application/x-ndjson';
const stateHeaders = {
  etag: 'of the value; for If-Match and If-None-Match',
  'stormkite-version': 'version of the state',
};
const streamDescription =
  'The first event is a `snapshot` of the state, then one `turn` comes per version; applied to the version before, its operations give that version. ' +
  'A reader that names the last event it has gets those after it, each once; when they are not kept any more, or it reads too slowly, it gets a `snapshot` instead. ' +
  'Ids are opaque. Events without an id are told once, to those who listen.';
function workCommand(verb: string, summary: string): Readonly<Record<string, RouteDoc>> {
  return {
    [`POST /works/{name}/${verb}`]: {
      summary,
      headers: clientHeader,
      answer: { description: 'the flow was told', schema: shapes.workCommandSchema },
      failures: { 404: 'no such work', 422: 'the app is ending' },
    },
  };
}

/** Content type of a request's body, where it is not plain JSON. */
export const bodyTypes: Readonly<Record<string, readonly string[]>> = {
  'PATCH /state': [PATCH_TYPE, 'application/json'],
};

/** By method and path below the API. */
export const apiDocs: Readonly<Record<string, RouteDoc>> = {
  'GET /state': {
    summary: 'The state document, or one place of it',
    query: shapes.stateQuerySchema,
    headers: seenHeader,
    answer: { description: 'the document, or the value', headers: stateHeaders },
    failures: { 304: 'If-None-Match has its ETag', 404: 'nothing is there' },
  },
  'GET /state/{pointer}': {
    summary: 'One place of the state',
    description:
      'The path below `state` is a JSON Pointer, percent-encoded: `state/works/train/vars`. ' +
      'Keys `.` and `..`, which URLs resolve, are named by `state?pointer=`.',
    headers: seenHeader,
    answer: { description: 'the value', headers: stateHeaders },
    failures: { 304: 'If-None-Match has its ETag', 404: 'nothing is there' },
  },
  'PATCH /state': {
    summary: 'Change the state by a JSON Patch (RFC 6902)',
    description:
      'All operations apply or none; answered when they are committed. Public fields of flows and works can be changed, below `/vars`.',
    headers: {
      'if-match': 'ETag of the place that all operations share; refused when it changed since',
      ...clientHeader,
    },
    body: shapes.patchSchema,
    answer: { description: 'the version that has it', schema: shapes.versionSchema },
    failures: {
      404: 'an operation names what does not exist',
      412: 'If-Match is stale',
      422: 'an operation is refused, or the app is ending',
    },
    failure: shapes.patchRefusalSchema,
  },
  'GET /stream': {
    summary: 'The state as it changes, as server-sent events',
    description: streamDescription,
    query: shapes.streamQuerySchema,
    headers: { 'last-event-id': 'id of the last event that the reader has' },
    answer: {
      description: 'events; their data is JSON of this shape',
      type: 'text/event-stream',
      schema: shapes.streamEventSchema,
    },
    failures: { 422: 'a pointer with a key that state cannot have' },
  },
  'GET /ws': {
    summary: 'The same as a WebSocket',
    description: `${streamDescription} Each message is \`{ "event", "id", "data" }\`.`,
    query: shapes.streamQuerySchema,
    answer: { description: 'the connection becomes a WebSocket', status: 101 },
    failures: {
      422: 'a pointer with a key that state cannot have',
      426: 'a request that asks for no WebSocket',
    },
  },
  'GET /history': {
    summary: 'Past turns, and who made their changes',
    query: shapes.historyQuerySchema,
    answer: { description: 'oldest first', schema: shapes.historySchema },
  },
  'GET /history/{version}/state': {
    summary: 'The state document as of a past version',
    answer: { description: 'the document' },
    failures: { 404: 'that version is not kept' },
  },
  'GET /works': {
    summary: 'The works',
    query: shapes.worksQuerySchema,
    answer: { description: 'in declaration order', schema: shapes.workSummarySchema.array() },
  },
  ...workCommand('start', 'Start a work, or start a stopped or failed one again'),
  ...workCommand('stop', 'Stop a work'),
  ...workCommand('delete', 'Stop a work and remove it for good'),
  'GET /works/{name}/logs': {
    summary: 'What a work printed; `flow` is the flow itself',
    query: shapes.logsQuerySchema,
    answer: { description: 'one JSON per line', type: LINES, schema: shapes.logLineSchema },
    failures: { 404: 'no such work' },
  },
  'GET /logs': {
    summary: 'What the flow and all works printed',
    query: shapes.logsQuerySchema,
    answer: { description: 'one JSON per line', type: LINES, schema: shapes.logLineSchema },
  },
  'GET /status': {
    summary: 'The app as a whole',
    answer: { description: 'its status', schema: shapes.appStatusSchema },
  },
  'GET /healthz': {
    summary: 'Whether the app answers',
    answer: { description: 'it does' },
  },
  'POST /stop': {
    summary: 'End the app, as flow.stop() does',
    body: shapes.stopSchema,
    answer: { description: 'it is ending', status: 202, schema: shapes.appStatusSchema },
  },
  'POST /start': {
    summary: 'Run an app that had ended again',
    answer: { description: 'its status', status: 202, schema: shapes.appStatusSchema },
  },
  'POST /pause': {
    summary: 'End every work, give machines back and leave calls open: the next run goes on',
    answer: { description: 'it is pausing', status: 202, schema: shapes.appStatusSchema },
  },
  'GET /layout': {
    summary: 'The tabs that the app shows',
    answer: { description: 'in order', schema: shapes.layoutSchema },
  },
  'GET /commands': {
    summary: 'Commands of the app',
    answer: {
      description: 'in the order of configureCommands()',
      schema: shapes.commandListSchema,
    },
  },
  'POST /commands/{name}': {
    summary: 'Run a command of the app',
    description: 'The body is an object with its arguments. It runs between two turns of the flow.',
    headers: clientHeader,
    answer: { description: '`{ "result": … }`' },
    failures: {
      404: 'no such command',
      422: 'its schema refuses the arguments',
      500: 'it failed',
      504: 'it took too long',
    },
    failure: shapes.inputRefusalSchema,
  },
  'GET /openapi.json': {
    summary: 'This document',
    answer: { description: 'OpenAPI 3.1' },
  },
};
