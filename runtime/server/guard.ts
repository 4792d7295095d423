/** Lets a request through, or not: the same for plain requests, WebSockets and what is proxied. */
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { appError, isAppError, type AppError } from '../errors/index.ts';
import { TOKEN_COOKIE, TOKEN_PARAMETER, type Access } from './access.ts';
import { CLIENT_HEADER } from './client-name.ts';

const ALLOWED_METHODS = 'GET, POST, PUT, PATCH, DELETE';
const ALLOWED_HEADERS = `authorization, content-type, if-match, if-none-match, last-event-id, ${CLIENT_HEADER}`;
const EXPOSED_HEADERS = 'etag, retry-after, stormkite-version';
const SEE_OTHER = 303;
/** No page of another site may lay ours under its own and have it clicked. */
export const FRAMED_BY_OWN_PAGES = "frame-ancestors 'self'";

/** Path below the API that tells whether the server lives; needs no token. */
export const HEALTH_PATH = '/healthz';

/** What a page of another site says of itself where it sends no `Origin`. */
const FOREIGN = new Set(['cross-site', 'same-site']);

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether code of the app answers: no link of another site may run it. */
    readonly runsHandler?: boolean;
  }
}

/** Why a request is refused; `null` when it is not. */
type Check = (request: IncomingMessage) => AppError | null;

function checkOf(access: Access, base: string): Check {
  return (request) => {
    const { headers, socket } = request;
    const { host, origin, authorization, cookie } = headers;
    const forwarded = headers['x-forwarded-for'];
    const refused = access.check({
      isOpen: isPreflight(request) || isProbe(request, base),
      host,
      origin,
      authorization,
      cookie,
      tokenInUrl: isPage(request, base) ? (tokenIn(request) ?? undefined) : undefined,
      address: socket.remoteAddress ?? '',
      forwardedFor: [forwarded].flat().join(',') || undefined,
    });
    if (refused !== null) return refused;
    const isLink = isPage(request, base) && isNavigation(request);
    return isForeign(request) && !isLink ? refusedOrigin(request) : null;
  };
}

/**
 * Checks every request, also those to paths that do not exist, and answers what browsers ask beforehand.
 *
 * @param base - path of the API, which takes no token from a URL: URLs end up in logs and histories
 */
export function addGuard(
  app: FastifyInstance,
  { access, root, base }: { readonly access: Access; readonly root: string; readonly base: string },
): Check {
  const check = checkOf(access, base);
  app.addHook('onRequest', async (request, reply) => {
    reply
      .header('x-content-type-options', 'nosniff')
      .header('cross-origin-resource-policy', 'same-site')
      .header('referrer-policy', 'same-origin')
      // The dashboard says more than this.
      .header('content-security-policy', FRAMED_BY_OWN_PAGES);
    const { runsHandler = false } = request.routeOptions.config;
    const refused =
      check(request.raw) ??
      (runsHandler && isForeign(request.raw) ? refusedOrigin(request.raw) : null);
    if (refused !== null) {
      tellRefusal(reply, refused);
      throw refused;
    }
    // A whole URL is what a forward proxy is asked for; the host in it was not checked.
    if (!(request.raw.url ?? '').startsWith('/'))
      throw appError('SERVER_REQUEST_MALFORMED', {
        problem: 'its path does not begin with a slash',
      });
    const { origin } = request.headers;
    if (origin !== undefined) {
      reply
        .header('access-control-allow-origin', origin)
        .header('vary', 'origin')
        .header('access-control-expose-headers', EXPOSED_HEADERS);
    }
    // Without a check of its credentials it reaches nobody else.
    if (isPreflight(request.raw)) return await answerPreflight(reply);
    const token = isPage(request.raw, base) ? tokenIn(request.raw) : null;
    if (token !== null && access.isToken(token))
      return await keepToken(request, reply, token, root);
  });
  return check;
}

async function answerPreflight(reply: FastifyReply): Promise<FastifyReply> {
  return await reply
    .code(204)
    .header('access-control-allow-methods', ALLOWED_METHODS)
    .header('access-control-allow-headers', ALLOWED_HEADERS)
    .send();
}

function tellRefusal(reply: FastifyReply, refused: AppError): void {
  if (isAppError(refused, 'SERVER_TOKEN_REFUSED')) reply.header('www-authenticate', 'Bearer');
  const seconds = /for (\d+) more seconds/.exec(refused.message)?.[1];
  if (isAppError(refused, 'SERVER_TOKEN_LIMITED') && seconds !== undefined)
    reply.header('retry-after', seconds);
}

/** The first visit of a browser: from here on the cookie carries the token, and no URL does. */
async function keepToken(
  { raw }: FastifyRequest,
  reply: FastifyReply,
  token: string,
  root: string,
): Promise<FastifyReply> {
  const [path = '', query = ''] = (raw.url ?? '').split('?');
  const rest = new URLSearchParams(query);
  rest.delete(TOKEN_PARAMETER);
  const left = rest.size === 0 ? '' : `?${rest.toString()}`;
  // Two slashes at its beginning would name another host.
  const own = `/${path.replace(/^[/\\]+/, '')}`;
  // The cookie holds below the root path only, which the printed address may not have yet.
  const location = `${own.startsWith(`${root}/`) ? own : `${root}/view`}${left}`;
  return await reply
    .code(SEE_OTHER)
    .header('set-cookie', cookieOf(token, { root, isSecure: isEncrypted(raw) }))
    .header('cache-control', 'no-store')
    .header('referrer-policy', 'no-referrer')
    .header('location', location)
    .send();
}

function cookieOf(
  token: string,
  { root, isSecure }: { readonly root: string; readonly isSecure: boolean },
): string {
  const secure = isSecure ? '; Secure' : '';
  return `${TOKEN_COOKIE}=${token}; HttpOnly; SameSite=Strict${secure}; Path=${root}/`;
}

/** Whether the browser speaks HTTPS, to what is in front of us. Who lies about it gets a cookie that does less. */
function isEncrypted({ headers }: IncomingMessage): boolean {
  return headers['x-forwarded-proto'] === 'https';
}

/** Load balancers and containers ask without a token whether the server lives. Who sends one wants to know about it. */
function isProbe({ method, url, headers }: IncomingMessage, base: string): boolean {
  const isAnonymous = headers.authorization === undefined && headers.cookie === undefined;
  return isRead(method) && url === base + HEALTH_PATH && isAnonymous;
}

function isRead(method: string | undefined): boolean {
  return method === 'GET' || method === 'HEAD';
}

function isPreflight({ method, headers }: IncomingMessage): boolean {
  return method === 'OPTIONS' && headers['access-control-request-method'] !== undefined;
}

/** Whether a browser may be opening a page: anything that is read outside of the API. */
function isPage({ method, url }: IncomingMessage, base: string): boolean {
  const path = pathOf(url);
  return isRead(method) && path !== null && path !== base && !path.startsWith(`${base}/`);
}

/** The path as routes are found by it; `null` when it cannot be read. */
function pathOf(url = ''): string | null {
  try {
    return decodeURIComponent(url.split(/[?#]/)[0] ?? '');
  } catch {
    return null;
  }
}

/**
 * Whether a page of another site asks without saying of which: as an image, a script or a form it may ask for anything, and
 * sends no `Origin`. One that has an origin passed its check. Programs that are no browsers say nothing of all this.
 */
function isForeign({ headers }: IncomingMessage): boolean {
  const site = headers['sec-fetch-site'];
  return headers.origin === undefined && typeof site === 'string' && FOREIGN.has(site);
}

/** Whether somebody follows a link, in a window and not in a frame. */
function isNavigation({ method, headers }: IncomingMessage): boolean {
  const isDocument = headers['sec-fetch-dest'] === 'document';
  return method === 'GET' && headers['sec-fetch-mode'] === 'navigate' && isDocument;
}

function refusedOrigin({ headers }: IncomingMessage): AppError {
  const { referer = '' } = headers;
  const origin = URL.canParse(referer) ? new URL(referer).origin : 'unknown';
  return appError('SERVER_ORIGIN_REFUSED', { origin });
}

function tokenIn({ url = '' }: IncomingMessage): string | null {
  return new URLSearchParams(url.split('?')[1] ?? '').get(TOKEN_PARAMETER);
}
