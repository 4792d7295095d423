import type { FastifyInstance } from 'fastify';
import { appError } from '../errors/index.ts';
import type { AppControl } from '../loop/control.ts';
import { clientOf } from './client-name.ts';
import type { LogAnswers, LogsRequest } from './log-answer.ts';
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
  parts: {
    readonly control: AppControl;
    readonly logs: LogSource;
    readonly answers: LogAnswers;
  },
  base: string,
): void {
  const { control, logs, answers } = parts;
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
    await answers.send(reply, name, parseLogs(request.query));
  });
  app.get<Logs>(`${base}/logs`, noHead, async ({ query }, reply) => {
    await answers.send(reply, null, parseLogs(query));
  });
}

function isEnding({ stage }: AppControl): boolean {
  return stage === 'stopped' || stage === 'failed';
}

function parseLogs({ tail, follow, search }: LogsQuery): LogsRequest {
  return {
    tail: parseCount('tail', tail, MAX_TAIL) ?? DEFAULT_TAIL,
    isFollowing: follow === '1' || follow === 'true',
    search: search?.toLowerCase() ?? '',
  };
}
