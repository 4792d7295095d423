/**
 * Brings requests home that a page below a prefix sent to the root of our origin.
 *
 * A server that knows nothing of its prefix writes `<script src="/app.js">`, and the browser asks us for `/app.js`.
 * `Referer` tells from which page it comes. Only what nobody else answers is led back, so an app's own routes win.
 */
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';

/** Keeps method and body. */
const TEMPORARY = 307;

export function leadBackLostRequests(app: FastifyInstance, root: string): void {
  app.addHook('onRequest', async (request, reply) => {
    const [path = ''] = (request.raw.url ?? '').split('?');
    // Many pages have these too; our own pages never ask for them from below a prefix.
    const isShared = path === `${root}/` || path.startsWith(`${root}/assets/`);
    if (!request.is404 && !isShared) return;
    const prefix = prefixOfSender(request.raw, root);
    if (prefix === null) return;
    return await reply
      .header('vary', 'referer')
      .header('cache-control', 'no-store')
      .redirect(`${prefix}${(request.raw.url ?? '').slice(root.length)}`, TEMPORARY);
  });
}

/** The prefix below which the page is that asks; `null` when it is below none, or the request is there already. */
function prefixOfSender({ headers, url = '' }: IncomingMessage, root: string): string | null {
  const { referer = '', host } = headers;
  if (!url.startsWith(`${root}/`) || !URL.canParse(referer)) return null;
  const page = new URL(referer);
  if (page.host !== host) return null;
  const [, kind = '', name = ''] = page.pathname.slice(root.length).split('/');
  const isBelow = page.pathname.startsWith(`${root}/`) && name !== '';
  if (!isBelow || (kind !== 'works' && kind !== 'frontends')) return null;
  return isProxied(url, root) ? null : `${root}/${kind}/${name}`;
}

function isProxied(url: string, root: string): boolean {
  return url.startsWith(`${root}/works/`) || url.startsWith(`${root}/frontends/`);
}
