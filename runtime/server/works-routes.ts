import type { FastifyInstance, FastifyReply } from 'fastify';
import { appError } from '../errors/index.ts';
import type { AppControl } from '../loop/control.ts';
import type { LogLine } from '../ports/log-sink.ts';
import { clientOf } from './client-name.ts';
import type { LiveStreams } from './live-stream.ts';
import type { LogSource } from './log-source.ts';
import { parseCount } from './query.ts';

const DEFAULT_TAIL = 1_000;
const MAX_TAIL = 100_000;
/** Source of what the flow itself prints. */
const FLOW = 'flow';

interface LogsQuery {
  readonly tail?: string;
  readonly follow?: string;
  readonly search?: string;
}

interface Named {
  readonly Params: { readonly name: string };
}
interface Logs {
  readonly Querystring: LogsQuery;
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
    app.post<Named>(`${base}/works/:name/${verb}`, async ({ params: { name }, raw }) => {
      if (isEnding(control)) throw appError('SERVER_APP_ENDED', { app: control.name });
      await control.command(name, verb, clientOf(raw));
      return { work: name, command: verb };
    });
  }
  /** Logs flow; there is nothing to say of them beforehand. */
  const noHead = { exposeHeadRoute: false };
  app.get<Named & Logs>(`${base}/works/:name/logs`, noHead, async (request, reply) => {
    const { name } = request.params;
    const isKnown =
      name === FLOW || logs.has(name) || control.works().some((work) => work.name === name);
    if (!isKnown) throw appError('WORK_UNKNOWN', { name });
    await sendLogs(parts, reply, name, parseLogs(request.query));
  });
  app.get<Logs>(`${base}/logs`, noHead, async ({ query }, reply) => {
    await sendLogs(parts, reply, null, parseLogs(query));
  });
}

function isEnding({ stage }: AppControl): boolean {
  return stage === 'stopped' || stage === 'failed';
}

interface LogsRequest {
  readonly tail: number;
  readonly isFollowing: boolean;
  /** In lower case; empty for every line. */
  readonly search: string;
}

function parseLogs({ tail, follow, search }: LogsQuery): LogsRequest {
  return {
    tail: parseCount('tail', tail, MAX_TAIL) ?? DEFAULT_TAIL,
    isFollowing: follow === '1' || follow === 'true',
    search: search?.toLowerCase() ?? '',
  };
}

async function sendLogs(
  { logs, streams }: { readonly logs: LogSource; readonly streams: LiveStreams },
  reply: FastifyReply,
  source: string | null,
  { tail, isFollowing, search }: LogsRequest,
): Promise<void> {
  const isWanted = ({ line }: LogLine): boolean =>
    search === '' || line.toLowerCase().includes(search);
  /** Lines that come while the tail is read. */
  let early: LogLine[] | null = [];
  const unsubscribe = isFollowing
    ? logs.subscribe((line) => {
        if ((source !== null && line.source !== source) || !isWanted(line)) return;
        if (early === null) stream.send(format(line));
        else early.push(line);
      })
    : () => undefined;
  const stream = streams.open(reply, 'application/x-ndjson', unsubscribe);
  try {
    const lines = await logs.tail(source, tail);
    stream.send([...lines.filter(isWanted), ...early].map(format).join(''));
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
