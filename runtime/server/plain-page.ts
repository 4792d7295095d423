/** What people see in a browser where a program would get an error: a page that asks nobody for anything. */
import type { IncomingMessage } from 'node:http';

export const PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'";

export interface PlainPage {
  readonly title: string;
  readonly message: string;
  readonly hint?: string | undefined;
  /** After how long it looks again by itself. @default - it does not */
  readonly reloadSeconds?: number;
}

/** Whether a browser asks for something to show. */
export function wantsPage({
  method,
  headers,
}: Pick<IncomingMessage, 'method' | 'headers'>): boolean {
  return method === 'GET' && (headers.accept ?? '').includes('text/html');
}

export function pageOf({ title, message, hint = '', reloadSeconds }: PlainPage): string {
  const refresh =
    reloadSeconds === undefined ? '' : `<meta http-equiv="refresh" content="${reloadSeconds}">\n`;
  const reload =
    reloadSeconds === undefined
      ? ''
      : `<p>This page reloads by itself every ${reloadSeconds} seconds.</p>\n`;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
${refresh}<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escape(title)}</title>
<style>body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 15vh auto; padding: 0 1rem }
pre { white-space: pre-wrap; font: inherit }</style>
<h1>${escape(title)}</h1>
<pre role="status">${escape(message)}</pre>
<p>${escape(hint)}</p>
${reload}</html>
`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
