import { code } from '../define-code.ts';

export const storeCodes = {
  STORE_LOCKED: code<{ app: string; where: string; advice?: string }>({
    kind: 'environment',
    summary: 'Another run of the same app holds the store.',
    message: ({ app, where }) =>
      `the app "${app}" is already running (its store ${where} is locked)`,
    hint: ({ app, advice }) =>
      advice ??
      `stop it with Ctrl-C in its terminal, or give this run another name with --name (not ${app})`,
  }),
  STORE_DAMAGED: code<{ where: string; problem: string; advice?: string }>({
    kind: 'environment',
    summary: 'Stored state cannot be read; it was left as it is.',
    message: ({ where, problem }) => `the stored state in ${where} is damaged: ${problem}`,
    hint: ({ where, advice }) =>
      advice ??
      `keep ${where} for inspection, or run without --resume to start afresh (it is kept aside)`,
  }),
  STORE_VERSION_UNKNOWN: code<{ where: string; version: number; known: number }>({
    kind: 'environment',
    summary: 'The store was written by a newer version of stormkite.',
    message: ({ where, version, known }) =>
      `${where} has stored shape ${version}; this version reads up to ${known}`,
    hint: () => 'update stormkite, or run without --resume to start afresh',
  }),
  STORE_UNREACHABLE: code<{ where: string; problem: string; advice?: string }>({
    kind: 'environment',
    summary: 'The store could not be opened or did not answer.',
    message: ({ where, problem }) => `the store ${where} cannot be used: ${problem}`,
    hint: ({ advice }) =>
      advice ?? 'check permissions and free disk space, or set STORMKITE_HOME to another folder',
    retryable: true,
  }),
  STORE_CONFLICT: code<{ app: string }>({
    kind: 'environment',
    summary: 'Another flow took over the app; this one must not act any more.',
    message: ({ app }) => `another run took over the app "${app}"`,
    hint: () => 'let only one run of an app act at a time',
  }),
  STORE_LEASE_LOST: code<{ app: string; where: string; unansweredMs: number }>({
    kind: 'environment',
    summary: 'The store did not answer for so long that another flow may act; this one must not.',
    message: ({ app, where, unansweredMs }) =>
      `the flow of the app "${app}" could not renew its lease in ${where} for ${unansweredMs / 1_000} s`,
    hint: () =>
      'check the network and the AWS status page; the next flow goes on from what was committed',
    retryable: true,
  }),
  STORE_CLOSED: code<{ app: string }>({
    kind: 'bug',
    summary: 'A lease of the store was used after it had been closed.',
    message: ({ app }) => `the store of the app "${app}" was used after it had been closed`,
    hint: () => 'please report this with the stack below',
  }),
};
