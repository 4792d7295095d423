/** What a tab shows while the server behind it does not answer. */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { AppError } from '../errors/index.ts';
import { PAGE_POLICY, pageOf, wantsPage } from './plain-page.ts';

/** Seconds after which a page looks again by itself. */
const RELOAD_SECONDS = 3;

/** Answers a request whose upstream does not: as a page to browsers, else as JSON. */
export function answerUnavailable(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  { code, message, hint }: AppError,
): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const isPage = wantsPage(request);
  const body = isPage
    ? pageOf({ title: 'Not ready', message, hint, reloadSeconds: RELOAD_SECONDS })
    : JSON.stringify({ code, message, ...(hint === undefined ? {} : { hint }) });
  const headers: OutgoingHttpHeaders = {
    'content-type': isPage ? 'text/html; charset=utf-8' : 'application/json',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'retry-after': String(RELOAD_SECONDS),
    'x-content-type-options': 'nosniff',
  };
  if (isPage) headers['content-security-policy'] = PAGE_POLICY;
  response.writeHead(status, headers);
  response.end(body);
}
