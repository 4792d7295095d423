/** What a request may send as JSON, decided before anything of it is parsed: parsing keeps the flow from its turns. */
import type { FastifyInstance } from 'fastify';
import { appError } from '../errors/index.ts';
import { MAX_DOCUMENT_DEPTH } from '../state/json.ts';

const TYPES = ['application/json', 'application/json-patch+json'];
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENING = new Set([0x5b, 0x7b]);
const CLOSING = new Set([0x5d, 0x7d]);

/** Takes JSON bodies, of whatever state can hold; `__proto__` and friends are refused. */
export function addJsonBodies(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser(TYPES, { parseAs: 'string' }, (request, body, done) => {
    if (isDeeperThan(String(body), MAX_DOCUMENT_DEPTH)) {
      const problem = `its JSON is nested more than ${MAX_DOCUMENT_DEPTH} levels deep`;
      done(appError('SERVER_REQUEST_MALFORMED', { problem }));
      return undefined;
    }
    return parse(request, String(body), done);
  });
}

/** Whether a JSON text has containers in containers beyond a limit; of a text that is no JSON, an answer without meaning. */
export function isDeeperThan(text: string, limit: number): boolean {
  let depth = 0;
  let isInText = false;
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charCodeAt(at);
    if (isInText) {
      if (char === BACKSLASH) at += 1;
      else if (char === QUOTE) isInText = false;
    } else if (char === QUOTE) isInText = true;
    else if (OPENING.has(char)) {
      depth += 1;
      if (depth > limit) return true;
    } else if (CLOSING.has(char)) depth -= 1;
  }
  return false;
}
