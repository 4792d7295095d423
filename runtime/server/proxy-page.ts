/** What a tab shows while the server behind it does not answer. */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { AppError } from '../errors/index.ts';

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
  const wantsPage =
    request.method === 'GET' && (request.headers.accept ?? '').includes('text/html');
  const body = wantsPage
    ? page(message, hint)
    : JSON.stringify({ code, message, ...(hint === undefined ? {} : { hint }) });
  const headers: OutgoingHttpHeaders = {
    'content-type': wantsPage ? 'text/html; charset=utf-8' : 'application/json',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'retry-after': String(RELOAD_SECONDS),
    'x-content-type-options': 'nosniff',
  };
  if (wantsPage)
    headers['content-security-policy'] = "default-src 'none'; style-src 'unsafe-inline'";
  response.writeHead(status, headers);
  response.end(body);
}

function page(message: string, hint = ''): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="refresh" content="${RELOAD_SECONDS}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Not ready</title>
<style>body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 15vh auto; padding: 0 1rem }
pre { white-space: pre-wrap; font: inherit }</style>
<h1>Not ready</h1>
<pre role="status">${escape(message)}</pre>
<p>${escape(hint)}</p>
<p>This page reloads by itself every ${RELOAD_SECONDS} seconds.</p>
</html>
`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
