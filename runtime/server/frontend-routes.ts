/**
 * What an app shows below its own origin: its layout, static frontends, and the servers of frontends and works.
 *
 * Every request has passed the checks of the API before it gets here, and those that pass without a token are answered there.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { appError, background, isAppError } from '../errors/index.ts';
import { frontendPathOf, workPathOf } from '../protocol/layout.ts';
import type { LayoutSource, Upstream } from './layout-source.ts';
import { leadBackLostRequests } from './lost-places.ts';
import type { Credentials } from './proxy-headers.ts';
import { ProxyPass } from './proxy-pass.ts';
import type { ProxyTimings } from './proxy.ts';
import { findStaticFile } from './static-folder.ts';
import type { Upgrades } from './upgrades.ts';

const MOVED = 308;
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

export interface FrontendRoutesParts {
  readonly layout: LayoutSource;
  readonly upgrades: Upgrades;
  readonly credentials: Credentials;
  readonly timings?: Partial<ProxyTimings>;
  /** Path of the app, empty or `/path`. */
  readonly root: string;
}

/** A path below `/frontends` or `/works`. */
interface Place {
  readonly kind: 'frontends' | 'works';
  readonly name: string;
  /** Without a slash at its end. */
  readonly prefix: string;
  /** Path and query below the prefix, as they were sent; empty when its slash is missing. */
  readonly rest: string;
}

export function addFrontendRoutes(app: FastifyInstance, parts: FrontendRoutesParts): void {
  const { layout, upgrades, credentials, root } = parts;
  const proxy = new ProxyPass(credentials, parts.timings);
  leadBackLostRequests(app, root);
  const answer = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const place = placeOf(request.raw.url ?? '', root);
    const target = targetOf(layout, place);
    const { prefix, rest } = place;
    // Relative addresses of a page need the slash.
    if (!rest.startsWith('/')) return reply.redirect(`${prefix}/${rest}`, MOVED);
    if ('directory' in target) return sendFile(request, reply, target.directory, place);
    reply.hijack();
    await proxy.request(request.raw, reply.raw, { upstream: target, prefix, rest });
    return reply;
  };
  app.register(async (proxied) => {
    // Bodies are passed on as they come.
    proxied.removeAllContentTypeParsers();
    proxied.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
    for (const kind of ['frontends', 'works'] as const)
      for (const url of [`${root}/${kind}/:name`, `${root}/${kind}/:name/*`])
        proxied.route({
          method: METHODS,
          url,
          handler: answer,
        });
  });
  upgrades.add(
    (path) => path.startsWith(`${root}/frontends/`) || path.startsWith(`${root}/works/`),
    (request, socket, head) => {
      const place = placeOf(request.url ?? '', root);
      const target = targetOf(layout, place);
      if ('directory' in target || !place.rest.startsWith('/'))
        throw appError('SERVER_ROUTE_UNKNOWN', { method: 'GET', path: place.prefix });
      const { prefix, rest } = place;
      background(
        proxy.upgrade(request, socket, head, { upstream: target, prefix, rest }),
        'a proxied connection',
      );
    },
  );
}

/** What is served at a place. */
function targetOf(
  layout: LayoutSource,
  { kind, name }: Place,
): Upstream | { readonly directory: string } {
  if (kind === 'works') {
    const upstream = layout.work(name);
    if (upstream === null) throw appError('WORK_UNKNOWN', { name }, { at: name });
    return upstream;
  }
  const served = layout.frontend(name);
  if (served === null) throw appError('FRONTEND_UNKNOWN', { id: name });
  return served.kind === 'static' ? { directory: served.directory } : served.upstream;
}

/** @throws `SERVER_REQUEST_MALFORMED` */
function placeOf(url: string, root: string): Place {
  const below = url.slice(root.length + 1);
  const [kind = '', named = ''] = below.split(/[/?]/, 2);
  const rest = below.slice(kind.length + 1 + named.length);
  try {
    const name = decodeURIComponent(named);
    return kind === 'works'
      ? { kind, name, prefix: workPathOf(root, name), rest }
      : { kind: 'frontends', name, prefix: frontendPathOf(root, encodeURIComponent(name)), rest };
  } catch (cause) {
    if (isAppError(cause)) throw cause;
    throw appError(
      'SERVER_REQUEST_MALFORMED',
      { problem: 'its path has a wrong percent sign' },
      { cause },
    );
  }
}

async function sendFile(
  request: FastifyRequest,
  reply: FastifyReply,
  directory: string,
  { prefix, rest }: Place,
): Promise<FastifyReply> {
  const [path = '/', query] = rest.split('?', 2);
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  const found = isRead ? await findStaticFile(directory, path) : null;
  if (found?.kind === 'folder')
    return reply.redirect(`${prefix}${path}/${query === undefined ? '' : `?${query}`}`, MOVED);
  if (found?.kind !== 'file')
    throw appError('SERVER_ROUTE_UNKNOWN', { method: request.method, path: `${prefix}${path}` });
  return reply
    .header('cache-control', 'no-cache')
    .sendFile(found.file, found.folder, { cacheControl: false, index: false, dotfiles: 'ignore' });
}
