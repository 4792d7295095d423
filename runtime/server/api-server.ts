/**
 * The HTTP API of a running app, `/api/v1` (`product.md` §8).
 *
 * H1 Every request passes {@link Access} first, also those to paths that do not exist.
 * H2 Every failure is answered with `{ code, message, hint, at }`.
 * H3 Closing ends open streams; nothing that a client does can delay it by more than a moment.
 */
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { appError } from '../errors/index.ts';
import type { AppControl } from '../loop/control.ts';
import { Access } from './access.ts';
import { addAppRoutes, type AppFacts } from './app-routes.ts';
import { MAX_BODY_BYTES, toErrorAnswer } from './http-error.ts';
import type { Listener, RequestHandler } from './listener.ts';
import { LiveStreams } from './live-stream.ts';
import type { LogSource } from './log-source.ts';
import { addStateRoutes } from './state-routes.ts';
import { addWorksRoutes } from './works-routes.ts';

/** Path under which the API is. */
export const API_BASE = '/api/v1';
/** Characters of a work's name in a path: names nest, and keys are percent-encoded. */
const MAX_PARAM_CHARS = 16_384;
const ALLOWED_METHODS = 'GET, POST, PATCH';
const ALLOWED_HEADERS = 'authorization, content-type, if-match, if-none-match';

export interface ApiServerParts {
  readonly listener: Listener;
  readonly control: AppControl;
  readonly logs: LogSource;
  /** Address that the listener is bound to. */
  readonly host: string;
  /** Bearer token that every request needs; `null` on loopback. */
  readonly token: string | null;
  readonly facts: AppFacts;
}

export interface ApiServer {
  /** Ends open streams and the listener. */
  close(): Promise<void>;
}

/** Puts the API onto a listener; requests that waited are answered from now on. */
export async function openApiServer(parts: ApiServerParts): Promise<ApiServer> {
  const { listener, control } = parts;
  const streams = new LiveStreams();
  let handler: RequestHandler | undefined;
  const app = fastify({
    serverFactory: (handle) => {
      handler = handle;
      return listener.server;
    },
    bodyLimit: MAX_BODY_BYTES,
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: MAX_PARAM_CHARS },
    frameworkErrors: (error, request, reply) => void answerError(error, request, reply),
  });
  app.addContentTypeParser(
    'application/json-patch+json',
    { parseAs: 'string' },
    app.getDefaultJsonParser('error', 'error'),
  );
  app.removeContentTypeParser('text/plain');
  addAccess(app, new Access(parts.host, parts.token));
  app.setErrorHandler((error, request, reply) => answerError(error, request, reply));
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0] ?? '';
    return answerError(
      appError('SERVER_ROUTE_UNKNOWN', { method: request.method, path }),
      request,
      reply,
    );
  });
  addStateRoutes(app, control, API_BASE);
  addWorksRoutes(app, { control, logs: parts.logs, streams }, API_BASE);
  addAppRoutes(app, { control, streams, facts: parts.facts }, API_BASE);
  await app.ready();
  // Not before: until then the framework knows no hooks, and requests that waited would be cut off or pass unchecked (H1).
  if (handler !== undefined) listener.attach(handler);
  return {
    close: async () => {
      streams.close();
      await listener.close();
    },
  };
}

function addAccess(app: FastifyInstance, access: Access): void {
  app.addHook('onRequest', async (request, reply) => {
    const { host, origin, authorization } = request.headers;
    const tokenInUrl =
      new URLSearchParams(request.raw.url?.split('?')[1] ?? '').get('token') ?? undefined;
    reply
      .header('x-content-type-options', 'nosniff')
      .header('cross-origin-resource-policy', 'same-site');
    const refused = access.check({
      method: request.method,
      host,
      origin,
      authorization,
      tokenInUrl,
    });
    if (refused !== null) throw refused;
    if (origin === undefined) return;
    reply
      .header('access-control-allow-origin', origin)
      .header('vary', 'origin')
      .header('access-control-expose-headers', 'etag');
  });
  app.options('*', (_request, reply) =>
    reply
      .code(204)
      .header('access-control-allow-methods', ALLOWED_METHODS)
      .header('access-control-allow-headers', ALLOWED_HEADERS)
      .send(),
  );
}

function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { status, body } = toErrorAnswer(error, `${request.method} ${request.url}`);
  return reply.code(status).type('application/json').send(body);
}
