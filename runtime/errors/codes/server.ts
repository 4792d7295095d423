import { code } from '../define-code.ts';

export const serverCodes = {
  SERVER_REQUEST_MALFORMED: code<{ problem: string }>({
    kind: 'user',
    summary: 'A request to the app cannot be understood (400).',
    message: ({ problem }) => `the request is malformed: ${problem}`,
    hint: () => 'see the HTTP API in the docs for the path, headers and body',
  }),
  SERVER_TOKEN_REFUSED: code<{ problem: string }>({
    kind: 'user',
    summary: 'A request carries no token, or a wrong one (401).',
    message: ({ problem }) => `the request is not authorised: ${problem}`,
    hint: () =>
      'send `Authorization: Bearer <token>` with the token of the URL that `stormkite run` printed',
  }),
  SERVER_TOKEN_LIMITED: code<{ seconds: number }>({
    kind: 'user',
    summary: 'Too many requests with a wrong token came from one address (429).',
    message: ({ seconds }) =>
      `too many wrong tokens came from this address; it is refused for ${seconds} more seconds`,
    hint: () => 'wait, and open the URL that `stormkite run` printed',
    retryable: true,
  }),
  SERVER_HOST_REFUSED: code<{ host: string }>({
    kind: 'user',
    summary: 'A request names a host that is not this one (403).',
    message: ({ host }) => `the host "${host}" is not this app's`,
    hint: () => 'use the URL that `stormkite run` printed',
  }),
  SERVER_ORIGIN_REFUSED: code<{ origin: string }>({
    kind: 'user',
    summary: 'A request comes from a web page of another origin (403).',
    message: ({ origin }) => `pages of the origin "${origin}" may not use this app`,
    hint: () => "open the page from this machine's own address (http://localhost)",
  }),
  SERVER_ROUTE_UNKNOWN: code<{ method: string; path: string }>({
    kind: 'user',
    summary: 'The API has no such path (404).',
    message: ({ method, path }) => `there is no ${method} ${path}`,
    hint: () => 'the API starts at /api/v1; see the HTTP API in the docs',
  }),
  SERVER_POINTER_UNKNOWN: code<{ pointer: string }>({
    kind: 'user',
    summary: 'The state has nothing at a pointer (404).',
    message: ({ pointer }) => `the state has nothing at ${pointer}`,
    hint: () => 'see what there is with `stormkite state get`',
  }),
  SERVER_STATE_STALE: code<{ pointer: string }>({
    kind: 'user',
    summary: 'The state changed since the client read it (412).',
    message: ({ pointer }) =>
      `the state at ${pointer === '' ? 'the root' : pointer} changed since it was read`,
    hint: () => 'read it again, and send the patch with the new ETag in If-Match',
  }),
  SERVER_BODY_TOO_LARGE: code<{ limitBytes: number }>({
    kind: 'user',
    summary: 'The body of a request is too large (413).',
    message: ({ limitBytes }) => `the body is larger than ${limitBytes} bytes`,
    hint: () => 'send several patches, or put the data into a file and its path into state',
  }),
  SERVER_PATCH_REFUSED: code<{ problem: string }>({
    kind: 'user',
    summary: 'The state refuses an operation of a patch; nothing was applied (422).',
    message: ({ problem }) => `the patch was refused: ${problem}`,
    hint: () =>
      'change the operation; public fields of flows and works can be written, below /vars',
  }),
  SERVER_PATCH_TARGET_UNKNOWN: code<{ problem: string }>({
    kind: 'user',
    summary:
      'An operation of a patch names a component, field or value that does not exist; nothing was applied (404).',
    message: ({ problem }) => `the patch was refused: ${problem}`,
    hint: () => 'see what there is with `stormkite state get`',
  }),
  SERVER_HISTORY_TRIMMED: code<{ version: number; oldest: number; newest: number }>({
    kind: 'user',
    summary:
      'A version of the state is older than the history that is kept, or does not exist yet (404).',
    message: ({ version, oldest, newest }) =>
      `the state of version ${version} is not kept; there are ${oldest} to ${newest}`,
    hint: ({ oldest }) => `ask for a version from ${oldest} on`,
  }),
  SERVER_UPGRADE_REQUIRED: code<{ path: string }>({
    kind: 'user',
    summary: 'A plain request came to the address of a WebSocket (426).',
    message: ({ path }) => `${path} takes WebSockets only`,
    hint: () => 'connect with a WebSocket, or read the same events from GET stream',
  }),
  SERVER_APP_ENDED: code<{ app: string }>({
    kind: 'user',
    summary: 'The app is ending and takes no changes any more (422).',
    message: ({ app }) => `the app "${app}" is ending`,
    hint: () => 'run it again',
  }),
  SERVER_ADDRESS_UNUSABLE: code<{ host: string; port: number; problem: string }>({
    kind: 'environment',
    summary: 'The server cannot listen on an address.',
    message: ({ host, port, problem }) => `cannot listen on ${host} port ${port}: ${problem}`,
    hint: () => 'choose another --host or --port; ports below 1024 need privileges',
  }),
  SERVER_UNREACHABLE: code<{ url: string; problem: string }>({
    kind: 'environment',
    summary: 'The app does not answer.',
    message: ({ url, problem }) => `${url} does not answer: ${problem}`,
    hint: () => 'check with `stormkite ps` that the app still runs',
    retryable: true,
  }),
  SERVER_ANSWER_INVALID: code<{ url: string; problem: string }>({
    kind: 'environment',
    summary: 'What answers at the URL is not a Stormkite app.',
    message: ({ url, problem }) => `the answer of ${url} cannot be understood: ${problem}`,
    hint: () => 'check the URL, and that app and client have the same version of stormkite',
  }),
};
