/**
 * The dashboard and the clients that need no bundler: files of the package itself.
 *
 * B1 The page runs nothing but its own files and asks nobody but this app; only tabs may show other addresses.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { appError } from '../errors/index.ts';
import { findStaticFile } from './static-folder.ts';

/** The built package: this file is in it, or beside it when it runs from source. */
const DIST = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../../dist/' : '../../', import.meta.url),
);

const POLICY = [
  "default-src 'self'",
  "object-src 'none'",
  "base-uri 'self'",
  "form-action 'self'",
  "frame-ancestors 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  // Tabs may show any page.
  'frame-src http: https:',
].join('; ');

/** Files whose name tells their content do not change. */
const FOR_EVER = 'public, max-age=31536000, immutable';

export interface DashboardParts {
  /** Path of the app, empty or `/path`. */
  readonly root: string;
  /** What is shown where the dashboard has not been built. */
  readonly signpost: () => string;
  /** Folder of the built package. @default - where this file is */
  readonly dist?: string;
}

export function addDashboardRoutes(
  app: FastifyInstance,
  { root, signpost, dist = DIST }: DashboardParts,
): void {
  // For `reply.sendFile` alone; who may be sent is decided by the routes.
  app.register(fastifyStatic, { root: dirname(fileURLToPath(import.meta.url)), serve: false });
  const ui = `${dist}ui`;
  const view = async (reply: FastifyReply): Promise<FastifyReply> => {
    const index = `${ui}/index.html`;
    reply.header('content-security-policy', POLICY).header('cache-control', 'no-cache');
    if (!existsSync(index)) return reply.type('text/plain; charset=utf-8').send(signpost());
    const html = await readFile(index, 'utf8');
    return reply.type('text/html; charset=utf-8').send(withRoot(html, root));
  };
  app.get(`${root}/view`, (_request, reply) => view(reply));
  app.get(`${root}/`, (_request, reply) => reply.redirect(`${root}/view`));
  // The root path is not in the address that is printed before the app file has told it.
  for (const path of root === '' ? [] : [root, '/', '/view'])
    app.get(path, (_request, reply) => reply.redirect(`${root}/view`));
  app.get(`${root}/assets/*`, (request, reply) =>
    sendBelow(reply, ui, (request.raw.url ?? '').slice(root.length), FOR_EVER),
  );
  for (const [path, file] of CLIENTS)
    app.get(`${root}${path}`, (_request, reply) => sendBelow(reply, dist, file, 'no-cache'));
}

/** Clients by the path at which they are served. */
const CLIENTS = [
  ['/client.js', '/client.js'],
  ['/client/stormkite.py', '/client/stormkite.py'],
] as const;

async function sendBelow(
  reply: FastifyReply,
  directory: string,
  url: string,
  caching: string,
): Promise<FastifyReply> {
  const [path = ''] = url.split('?');
  const found = await findStaticFile(directory, path);
  if (found.kind !== 'file') throw appError('SERVER_ROUTE_UNKNOWN', { method: 'GET', path });
  return reply
    .header('cache-control', caching)
    .sendFile(found.file, found.folder, { cacheControl: false, index: false, dotfiles: 'ignore' });
}

/** Tells the page where the app is; assets that are named by a path from the root are there too. */
function withRoot(html: string, root: string): string {
  const meta = `<meta name="stormkite-root" content="${root.replaceAll('&', '&amp;').replaceAll('"', '&quot;')}" />`;
  return html
    .replace(/<head>/i, (head) => `${head}\n    ${meta}`)
    .replaceAll(/((?:src|href)=")\/assets\//g, `$1${root}/assets/`);
}
