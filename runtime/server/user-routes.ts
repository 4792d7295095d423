/** Routes of `configureApi()` and commands of `configureCommands()`. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { ApiRoute, AppCommand } from '../component/flow-options.ts';
import { appError } from '../errors/index.ts';
import { clientOf } from './client-name.ts';
import type { HandlerAnswer, Handlers } from './handlers.ts';
import type { UserApi } from './user-api.ts';

/** How a handler is called once its input was checked. */
type Handle = (input: unknown, ...more: unknown[]) => unknown;

export function addUserRoutes(
  app: FastifyInstance,
  { handlers, api }: { readonly handlers: Handlers; readonly api: UserApi },
  { root, base }: { readonly root: string; readonly base: string },
): void {
  for (const route of api.routes) addRoute(app, route, handlers, root);
  addCommands(app, api.commands, handlers, base);
}

function addRoute(app: FastifyInstance, route: ApiRoute, handlers: Handlers, root: string): void {
  const { method, path, body: schema } = route;
  const handle = route.handler as Handle;
  app.route<{ Params: Record<string, string>; Querystring: Record<string, string | string[]> }>({
    method,
    url: root + path,
    config: { runsHandler: true },
    handler: async (request, reply) => {
      const query = toRecord(request.query);
      const by = clientOf(request.raw);
      const more = { params: { ...request.params }, query, ...by };
      const answer = await handlers.answer({
        what: `${method} ${path}`,
        input: method === 'GET' ? query : request.body,
        schema,
        by,
        run: (input) => handle(input, more),
      });
      return await send(reply, answer);
    },
  });
}

function addCommands(
  app: FastifyInstance,
  commands: readonly AppCommand[],
  handlers: Handlers,
  base: string,
): void {
  app.get(`${base}/commands`, async () => {
    const { toJsonSchema } = await import('./openapi.ts');
    return commands.map(({ name, description, args }) => {
      const schema = toJsonSchema(args);
      return { name, description, ...(schema === null ? {} : { args: schema }) };
    });
  });
  app.post<{ Params: { name: string } }>(`${base}/commands/:name`, async (request, reply) => {
    const { name } = request.params;
    const command = commands.find((each) => each.name === name);
    if (command === undefined) {
      const known = commands.map((each) => each.name).join(', ');
      throw appError('API_COMMAND_UNKNOWN', { command: name, known });
    }
    const answer = await handlers.answer({
      what: `the command ${name}`,
      input: request.body ?? {},
      schema: command.args,
      by: clientOf(request.raw),
      run: command.handler as Handle,
    });
    return await send(reply, answer.ok ? { ok: true, value: { result: answer.value } } : answer);
  });
}

async function send(reply: FastifyReply, answer: HandlerAnswer): Promise<FastifyReply> {
  reply.header('cache-control', 'no-store').type('application/json');
  return answer.ok
    ? await reply.send(JSON.stringify(answer.value))
    : await reply.code(answer.status).send(JSON.stringify(answer.body));
}

function toRecord(query: Readonly<Record<string, string | string[]>>): Record<string, string> {
  const record: Record<string, string> = {};
  for (const [name, value] of Object.entries(query)) {
    const text = Array.isArray(value) ? (value.at(-1) ?? '') : value;
    Object.defineProperty(record, name, { value: text, enumerable: true });
  }
  return record;
}
