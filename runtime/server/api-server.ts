/**
 * The HTTP API of a running app, `<root>/api/v1` (`product.md` §8), and what is served beside it.
 *
 * H1 Every request passes {@link Access} first, also those to paths that do not exist, and those that become WebSockets.
 * H2 Every failure is answered with `{ code, message, hint, at }`.
 * H3 Closing ends open streams; nothing that a client does can delay it by more than a moment.
 */
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { appError, isAppError } from '../errors/index.ts';
import type { AppControl } from '../loop/control.ts';
import { toRootPath } from '../protocol/layout.ts';
import { Access, TOKEN_COOKIE, type AccessOptions } from './access.ts';
import { addAppRoutes, signpost, type AppFacts } from './app-routes.ts';
import { addDashboardRoutes } from './dashboard-routes.ts';
import { Feed } from './feed.ts';
import { addFrontendRoutes } from './frontend-routes.ts';
import { addGuard } from './guard.ts';
import type { History } from './history.ts';
import { addHistoryRoutes } from './history-routes.ts';
import { MAX_BODY_BYTES, toErrorAnswer } from './http-error.ts';
import { emptyLayout, type LayoutSource } from './layout-source.ts';
import { addJsonBodies } from './json-body.ts';
import type { Listener, RequestHandler } from './listener.ts';
import { Handlers } from './handlers.ts';
import { LiveStreams } from './live-stream.ts';
import { LogAnswers } from './log-answer.ts';
import type { LogSource } from './log-source.ts';
import { Outlets, type OutletLimits } from './outlets.ts';
import { PAGE_POLICY, pageOf, wantsPage, type PlainPage } from './plain-page.ts';
import { addStateRoutes } from './state-routes.ts';
import { addStreamRoutes } from './stream-routes.ts';
import type { RegisteredRoute } from './openapi.ts';
import { Upgrades } from './upgrades.ts';
import type { UserApi } from './user-api.ts';
import { addUserRoutes } from './user-routes.ts';
import { addWorksRoutes } from './works-routes.ts';

/** Path of the API below the app's root. */
const API_PATH = '/api/v1';
/** Characters of a work's name in a path: names nest, and keys are percent-encoded. */
const MAX_PARAM_CHARS = 16_384;

export interface ApiServerParts {
  readonly listener: Listener;
  readonly control: AppControl;
  /** Must follow the app since before it was opened. */
  readonly history: History;
  readonly logs: LogSource;
  /** Address that the listener is bound to. */
  readonly host: string;
  /** Bearer token that every request needs; `null` on loopback. */
  readonly token: string | null;
  /** Names of what is in front of the server. */
  readonly hosts?: AccessOptions['hosts'];
  readonly facts: AppFacts;
  /** What the app shows beside its state. @default - nothing */
  readonly layout?: LayoutSource;
  /** What the root flow offers itself. */
  readonly user: UserApi;
  /** How long its handlers may take, in milliseconds. @default 30000 */
  readonly handlerTimeoutMs?: number;
  /** How much is kept for slow readers, and how long; shrunk in tests. */
  readonly outlets?: Partial<OutletLimits>;
  /** Path below which everything is served, as the app gives it. @default '' */
  readonly rootPath?: string;
}

export interface ApiServer {
  /** Everything that is answered. */
  readonly routes: readonly RegisteredRoute[];
  /** Bytes that are kept for clients that have not taken them yet. */
  readonly heldBytes: number;
  /** Ends open streams and the listener. */
  close(): Promise<void>;
}

/** Puts the API onto a listener; requests that waited are answered from now on. */
export async function openApiServer(parts: ApiServerParts): Promise<ApiServer> {
  const { listener, control, history, logs, facts, user } = parts;
  const root = toRootPath(parts.rootPath ?? '');
  const base = root + API_PATH;
  const outlets = new Outlets(parts.outlets);
  const streams = new LiveStreams(outlets);
  const upgrades = new Upgrades();
  const feed = new Feed(control, history);
  let handler: RequestHandler | undefined;
  const app = fastify({
    serverFactory: (handle) => {
      handler = handle;
      return listener.server;
    },
    bodyLimit: MAX_BODY_BYTES,
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
    routerOptions: { maxParamLength: MAX_PARAM_CHARS },
    // No hook runs for these, the check included.
    frameworkErrors: (error, request, reply) =>
      void answerError(check(request.raw) ?? error, request, reply),
  });
  addJsonBodies(app);
  app.removeContentTypeParser('text/plain');
  const routes: RegisteredRoute[] = [];
  app.addHook('onRoute', ({ method, url }) => {
    // Every GET has a HEAD; it is not told twice.
    for (const each of [method].flat()) if (each !== 'HEAD') routes.push({ method: each, url });
  });
  const { host, token, hosts = [] } = parts;
  const access = new Access({ host, token, hosts });
  const check = addGuard(app, { access, root, base });
  answerFailures(app);
  addStateRoutes(app, control, base);
  addStreamRoutes(app, { feed, outlets, streams, upgrades }, base);
  addHistoryRoutes(app, history, base);
  addWorksRoutes(app, { control, logs, answers: new LogAnswers(logs, streams, outlets) }, base);
  addAppRoutes(app, { control, feed, facts }, base);
  addUserRoutes(
    app,
    { handlers: new Handlers(control, parts.handlerTimeoutMs), api: user },
    { root, base },
  );
  app.get(`${base}/openapi.json`, async () => {
    const { openApiDocument } = await import('./openapi.ts');
    const { name } = control;
    const hasToken = token !== null;
    return openApiDocument({
      app: name,
      version: facts.stormkite,
      root,
      base,
      hasToken,
      routes,
      user,
    });
  });
  const layout = parts.layout ?? emptyLayout;
  app.get(`${base}/layout`, (_, reply) =>
    reply.header('cache-control', 'no-store').send(layout.view()),
  );
  const credentials = { cookie: TOKEN_COOKIE, isToken: (text: string) => access.isToken(text) };
  addFrontendRoutes(app, { layout, upgrades, credentials, root });
  addDashboardRoutes(app, { root, signpost: () => signpost(control, base) });
  await app.ready();
  // Not before: until then the framework knows no hooks, and requests that waited would be cut off or pass unchecked (H1).
  if (handler !== undefined) listener.attach(handler);
  upgrades.attach(listener.server, check);
  return {
    routes,
    get heldBytes() {
      return outlets.heldBytes;
    },
    close: async () => {
      feed.close();
      streams.close();
      upgrades.close();
      await listener.close();
    },
  };
}

function answerFailures(app: FastifyInstance): void {
  app.setErrorHandler((error, request, reply) => answerError(error, request, reply));
  app.setNotFoundHandler((request, reply) => {
    const { method } = request;
    return answerError(
      appError('SERVER_ROUTE_UNKNOWN', { method, path: pathOf(request) }),
      request,
      reply,
    );
  });
}

function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { status, body } = toErrorAnswer(error, `${request.method} ${pathOf(request)}`);
  if (isAppError(error, 'SERVER_TOKEN_REFUSED') && wantsPage(request)) {
    reply.code(status).header('content-security-policy', PAGE_POLICY);
    return reply.type('text/html; charset=utf-8').send(pageOf(TOKEN_PAGE));
  }
  return reply.code(status).type('application/json').send(body);
}

/** For people; a program is told the header to send. */
const TOKEN_PAGE: PlainPage = {
  title: 'This app wants its token',
  message: 'The address that you opened has none, or one of an earlier run.',
  hint: 'Open the address that `stormkite run` printed, with `?token=…` at its end. A browser that did so once needs it no more until the app is started again.',
};

/** Without the query, which may hold a secret. */
function pathOf({ url }: FastifyRequest): string {
  return url.split('?')[0] ?? '';
}
