import type { FastifyInstance } from 'fastify';
import { appError } from '../errors/index.ts';
import type { AppControl } from '../loop/control.ts';
import type { WorkSummary } from '../protocol/events.ts';
import { clientOf } from './client-name.ts';
import type { LogAnswers, LogsRequest } from './log-answer.ts';
import type { LogSource } from './log-source.ts';
import { parseInput } from './query.ts';

const DEFAULT_TAIL = 1_000;
/** Source of what the flow itself prints. */
const FLOW = 'flow';

interface Named {
  readonly Params: { readonly name: string };
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
  app.get(`${base}/works`, async ({ query }) => {
    const { vars } = await parseInput((shapes) => shapes.worksQuerySchema, query);
    return vars === false ? control.works().map(withoutVars) : control.works();
  });
  for (const verb of ['start', 'stop', 'delete'] as const) {
    app.post<Named>(`${base}/works/:name/${verb}`, async ({ params: { name }, raw }) => {
      if (isEnding(control)) throw appError('SERVER_APP_ENDED', { app: control.name });
      await control.command(name, verb, clientOf(raw));
      return { work: name, command: verb };
    });
  }
  /** Logs flow; there is nothing to say of them beforehand. */
  const noHead = { exposeHeadRoute: false };
  app.get<Named>(`${base}/works/:name/logs`, noHead, async (request, reply) => {
    const { name } = request.params;
    const isKnown =
      name === FLOW || logs.has(name) || control.works().some((work) => work.name === name);
    if (!isKnown) throw appError('WORK_UNKNOWN', { name });
    await answers.send(reply, name, await parseLogs(request.query));
  });
  app.get(`${base}/logs`, noHead, async ({ query }, reply) => {
    await answers.send(reply, null, await parseLogs(query));
  });
}

function withoutVars(work: WorkSummary): Omit<WorkSummary, 'vars'> {
  const { name, class: subject, status, statuses, startedAt, hardware, url, pid, calls } = work;
  return { name, class: subject, status, statuses, startedAt, hardware, url, pid, calls };
}

function isEnding({ stage }: AppControl): boolean {
  return stage === 'stopped' || stage === 'failed';
}

async function parseLogs(query: unknown): Promise<LogsRequest> {
  const { tail, follow, search } = await parseInput((shapes) => shapes.logsQuerySchema, query);
  return {
    tail: tail ?? DEFAULT_TAIL,
    isFollowing: follow ?? false,
    search: search?.toLowerCase() ?? '',
  };
}
