import { code } from '../define-code.ts';

export const frontendCodes = {
  FRONTEND_OPTION_INVALID: code<{
    frontend: string;
    option: string;
    value: string;
    allowed: string;
  }>({
    kind: 'user',
    summary: 'An option of a frontend has a value that is not allowed.',
    message: ({ frontend, option, value }) => `${frontend}: ${option} cannot be ${value}`,
    hint: ({ option, allowed }) => `give ${option} ${allowed}`,
  }),
  FRONTEND_INDEX_MISSING: code<{ owner: string; directory: string }>({
    kind: 'user',
    summary: 'The folder of a StaticWebFrontend has no index.html.',
    message: ({ owner, directory }) =>
      `the static frontend of ${owner} has no index.html in ${directory}`,
    hint: () =>
      'build the page first, or correct the folder; it is relative to the project of the app file',
  }),
  FRONTEND_COMMAND_FAILED: code<{ owner: string; command: string; problem: string }>({
    kind: 'user',
    summary: 'The command of a ServerFrontend cannot be started.',
    message: ({ owner, command, problem }) =>
      `the frontend of ${owner} cannot start "${command}": ${problem}`,
    hint: () => 'install the program, or correct command and cwd',
  }),
  FRONTEND_FAILED: code<{ owner: string; problem: string; times: number }>({
    kind: 'user',
    summary: 'The server of a ServerFrontend ended again and again, and is not started any more.',
    message: ({ owner, problem, times }) =>
      `the frontend of ${owner} ended ${times} times in a row, the last time with ${problem}`,
    hint: () => 'see its last lines in the logs, mend it, and run the app again',
  }),
  FRONTEND_UNKNOWN: code<{ id: string }>({
    kind: 'user',
    summary: 'The layout of the app has no such frontend (404).',
    message: ({ id }) => `the app has no frontend ${id}`,
    hint: () => 'see what there is at /api/v1/layout',
  }),
  LAYOUT_FAILED: code<{ component: string; problem: string }>({
    kind: 'user',
    summary: 'configureLayout threw; its tab shows the error, the app goes on.',
    message: ({ component, problem }) => `configureLayout of ${component} failed: ${problem}`,
    hint: () => 'it runs after every change, so it must bear every state, also the first one',
  }),
  LAYOUT_INVALID: code<{ component: string; problem: string }>({
    kind: 'user',
    summary: 'configureLayout returned what no tab can show; its tab tells it, the app goes on.',
    message: ({ component, problem }) => `configureLayout of ${component}: ${problem}`,
    hint: () =>
      'return a frontend, a URL, null, or a list of { name, content } of components, frontends and URLs',
  }),
  UPSTREAM_NOT_READY: code<{ what: string; doing: string }>({
    kind: 'environment',
    summary: 'The server of a work or frontend is not up (503).',
    message: ({ what, doing }) => `${what} does not answer yet: ${doing}`,
    hint: () => 'reload in a moment; its logs tell what it does',
    retryable: true,
  }),
  UPSTREAM_FAILED: code<{ what: string; problem: string }>({
    kind: 'environment',
    summary:
      'The server of a work or frontend broke off its answer, or refused the connection (502).',
    message: ({ what, problem }) => `${what} does not answer: ${problem}`,
    hint: () => 'reload; its logs tell what it does',
    retryable: true,
  }),
  UPSTREAM_TIMEOUT: code<{ what: string; ms: number }>({
    kind: 'environment',
    summary: 'The server of a work or frontend did not answer in time (504).',
    message: ({ what, ms }) => `${what} did not answer within ${ms} ms`,
    hint: () => 'reload; its logs tell what it does',
    retryable: true,
  }),
};
