import type { FastifyInstance } from 'fastify';
import { appError, background } from '../errors/index.ts';
import type { AppControl } from '../loop/control.ts';
import type { AppStatus } from '../client/app-status.ts';
import type { AppEvent } from '../protocol/events.ts';
import type { LiveStreams } from './live-stream.ts';

/** Types of events that a reader of the stream can choose from. */
export const eventTypes = ['stage', 'turn', 'delta', 'status', 'log', 'error'] as const satisfies AppEvent['type'][];

/** What the control does not know of the app. */
export type AppFacts = Pick<AppStatus, 'startedAt' | 'stormkite'>;

/** Status, events and end of the app. */
export function addAppRoutes(
  app: FastifyInstance,
  { control, streams, facts }: { readonly control: AppControl; readonly streams: LiveStreams; readonly facts: AppFacts },
  base: string,
): void {
  const status = (): AppStatus => {
    const { name, stage, version } = control;
    return { name, stage, version, pid: process.pid, ...facts };
  };
  app.get(`${base}/healthz`, () => ({ ok: true }));
  app.get(`${base}/status`, status);
  app.get<{ Querystring: { types?: string } }>(`${base}/stream`, (request, reply) => {
    const wanted = parseTypes(request.query.types);
    reply.hijack();
    const unsubscribe = control.subscribe((event) => {
      if (wanted.has(event.type)) stream.send(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
    });
    const stream = streams.open(reply.raw, 'text/event-stream', unsubscribe);
    stream.send(': stormkite\n\n');
  });
  app.post<{ Body: { message?: unknown } | undefined }>(`${base}/stop`, (request, reply) => {
    const message: unknown = request.body?.message ?? '';
    if (typeof message !== 'string') {
      throw appError('SERVER_REQUEST_MALFORMED', { problem: 'message must be text' });
    }
    background(control.stop(message), 'stopping the app');
    return reply.code(202).send(status());
  });
}

function parseTypes(text: string | undefined): ReadonlySet<string> {
  if (text === undefined) return new Set(eventTypes);
  const types = text.split(',');
  const unknown = types.find((type) => !(eventTypes as readonly string[]).includes(type));
  if (unknown === undefined) return new Set(types);
  throw appError('SERVER_REQUEST_MALFORMED', { problem: `"${unknown}" is none of the types ${eventTypes.join(', ')}` });
}
