import type { FastifyInstance, FastifyReply } from 'fastify';
import { appError } from '../errors/index.ts';
import type { AppControl } from '../loop/control.ts';
import type { LogLine } from '../ports/log-sink.ts';
import type { LiveStreams } from './live-stream.ts';
import type { LogSource } from './log-source.ts';

const DEFAULT_TAIL = 1_000;
const MAX_TAIL = 100_000;
/** Source of what the flow itself prints. */
const FLOW = 'flow';

interface Named {
  readonly Params: { readonly name: string };
}
interface Logs {
  readonly Querystring: { readonly tail?: string; readonly follow?: string };
}

/** Works by full name (`root.train`): what they are, what they print, start, stop and delete. */
export function addWorksRoutes(
  app: FastifyInstance,
  parts: { readonly control: AppControl; readonly logs: LogSource; readonly streams: LiveStreams },
  base: string,
): void {
  const { control, logs } = parts;
  app.get(`${base}/works`, () => control.works());
  for (const verb of ['start', 'stop', 'delete'] as const) {
    app.post<Named>(`${base}/works/:name/${verb}`, async ({ params: { name } }) => {
      if (isEnding(control)) throw appError('SERVER_APP_ENDED', { app: control.name });
      await control.command(name, verb);
      return { work: name, command: verb };
    });
  }
  app.get<Named & Logs>(`${base}/works/:name/logs`, async ({ params: { name }, query }, reply) => {
    const isKnown =
      name === FLOW || logs.has(name) || control.works().some((work) => work.name === name);
    if (!isKnown) throw appError('WORK_UNKNOWN', { name });
    const request = parseLogs(query);
    await sendLogs(parts, reply, name, request);
  });
  app.get<Logs>(`${base}/logs`, async ({ query }, reply) => {
    const request = parseLogs(query);
    await sendLogs(parts, reply, null, request);
  });
}

function isEnding({ stage }: AppControl): boolean {
  return stage === 'stopped' || stage === 'failed';
}

interface LogsRequest {
  readonly tail: number;
  readonly isFollowing: boolean;
}

function parseLogs({
  tail,
  follow,
}: {
  readonly tail?: string;
  readonly follow?: string;
}): LogsRequest {
  const lines = tail === undefined ? DEFAULT_TAIL : Number(tail);
  if (!Number.isInteger(lines) || lines < 0 || lines > MAX_TAIL || tail === '') {
    throw appError('SERVER_REQUEST_MALFORMED', {
      problem: `tail must be a whole number from 0 to ${MAX_TAIL}`,
    });
  }
  return { tail: lines, isFollowing: follow === '1' || follow === 'true' };
}

async function sendLogs(
  { logs, streams }: { readonly logs: LogSource; readonly streams: LiveStreams },
  reply: FastifyReply,
  source: string | null,
  { tail, isFollowing }: LogsRequest,
): Promise<void> {
  /** Lines that come while the tail is read. */
  let early: LogLine[] | null = [];
  const unsubscribe = isFollowing
    ? logs.subscribe((line) => {
        if (source !== null && line.source !== source) return;
        if (early === null) stream.send(format(line));
        else early.push(line);
      })
    : () => undefined;
  const stream = streams.open(reply, 'application/x-ndjson', unsubscribe);
  try {
    const lines = await logs.tail(source, tail);
    stream.send([...lines, ...early].map(format).join(''));
    early = null;
  } catch (error) {
    // The answer has begun: cutting it off is all that can still tell the reader.
    stream.cut();
    throw error;
  }
  if (!isFollowing) stream.end();
}

function format(line: LogLine): string {
  return `${JSON.stringify(line)}\n`;
}
