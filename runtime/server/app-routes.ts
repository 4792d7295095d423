import type { FastifyInstance } from 'fastify';
import { appError, background } from '../errors/index.ts';
import type { AppControl } from '../loop/control.ts';
import type { AppStatus } from '../client/app-status.ts';
import type { AppEvent } from '../protocol/events.ts';
import { parsePointer, pathsConflict } from '../state/pointer.ts';
import type { LiveStreams } from './live-stream.ts';

/** Types of events that a reader of the stream can choose from. */
export const eventTypes = [
  'stage',
  'turn',
  'delta',
  'status',
  'log',
  'error',
] as const satisfies AppEvent['type'][];

/** What the control does not know of the app. */
export type AppFacts = Pick<AppStatus, 'startedAt' | 'stormkite'>;

/** Status, events and end of the app. */
export function addAppRoutes(
  app: FastifyInstance,
  {
    control,
    streams,
    facts,
  }: { readonly control: AppControl; readonly streams: LiveStreams; readonly facts: AppFacts },
  base: string,
): void {
  const status = (): AppStatus => {
    const { name, stage, version } = control;
    return { name, stage, version, pid: process.pid, ...facts };
  };
  for (const path of ['/', '/view']) {
    app.get(path, (_, reply) =>
      reply.type('text/plain; charset=utf-8').send(signpost(control, base)),
    );
  }
  app.get(`${base}/healthz`, () => ({ ok: true }));
  app.get(`${base}/status`, status);
  app.get<{ Querystring: { types?: string; pointer?: string } }>(
    `${base}/stream`,
    (request, reply) => {
      const { types, pointer = '' } = request.query;
      const wanted = parseTypes(types);
      parsePointer(pointer);
      const unsubscribe = control.subscribe((event) => {
        const part = wanted.has(event.type) ? partAt(event, pointer) : null;
        if (part !== null) stream.send(`event: ${event.type}\ndata: ${JSON.stringify(part)}\n\n`);
      });
      const stream = streams.open(reply, 'text/event-stream', unsubscribe);
      stream.send(': stormkite\n\n');
    },
  );
  app.post<{ Body: { message?: unknown } | undefined }>(`${base}/stop`, (request, reply) => {
    const message: unknown = request.body?.message ?? '';
    if (typeof message !== 'string') {
      throw appError('SERVER_REQUEST_MALFORMED', { problem: 'message must be text' });
    }
    background(control.stop(message), 'stopping the app');
    return reply.code(202).send(status());
  });
}

/** An event with those of its operations that touch a place; `null` for a delta without any. */
function partAt(event: AppEvent, pointer: string): AppEvent | null {
  if (event.type !== 'delta' || pointer === '') return event;
  const ops = event.ops.filter(
    (op) => pathsConflict(op.path, pointer) || ('from' in op && pathsConflict(op.from, pointer)),
  );
  return ops.length === 0 ? null : { ...event, ops };
}

function parseTypes(text: string | undefined): ReadonlySet<string> {
  if (text === undefined) return new Set(eventTypes);
  const types = text.split(',');
  const unknown = types.find((type) => !(eventTypes as readonly string[]).includes(type));
  if (unknown === undefined) return new Set(types);
  throw appError('SERVER_REQUEST_MALFORMED', {
    problem: `"${unknown}" is none of the types ${eventTypes.join(', ')}`,
  });
}

/** What a person sees who opens the address that `run` printed. */
function signpost({ name, stage }: AppControl, base: string): string {
  return `${name} is ${stage}.

GET   ${base}/state         the state document; ${base}/state/vars/… is one place of it
PATCH ${base}/state         changes it by a JSON Patch (RFC 6902)
GET   ${base}/works         works and their statuses
GET   ${base}/works/root.…/logs?follow=1
GET   ${base}/stream        every event as it happens
GET   ${base}/status

In a terminal: stormkite ps, logs, state get, state set.
`;
}
