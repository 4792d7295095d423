import { code } from '../define-code.ts';

export const clientCodes = {
  CLIENT_NOT_READY: code<{ what: string }>({
    kind: 'user',
    summary: 'A client was asked for the state before the first of it has arrived.',
    message: ({ what }) => `${what} is not known yet: the state has not arrived`,
    hint: () => 'write `await app.ready()` after `connect(…)`',
  }),
  CLIENT_CLOSED: code<{ url: string }>({
    kind: 'user',
    summary: 'A client was used, or waited for, after it was closed.',
    message: ({ url }) => `the client of ${url} is closed`,
    hint: () => 'call `connect(…)` for another one',
  }),
  CLIENT_URL_MISSING: code<Record<never, never>>({
    kind: 'user',
    summary: 'A client outside a page of the app was not told where the app is.',
    message: () => 'there is no URL to connect to',
    hint: () => 'pass the address that `stormkite run` printed, or set STORMKITE_STATE_URL',
  }),
  CLIENT_STATE_FIXED: code<{ place: string; what: string }>({
    kind: 'user',
    summary: 'A client assigned or deleted what only the flow can change.',
    message: ({ place, what }) => `${place} is ${what}, which a client cannot replace or delete`,
    hint: () => 'assign its fields; add and remove components in the flow',
  }),
  CLIENT_WRITE_CONFLICT: code<{ place: string }>({
    kind: 'user',
    summary:
      'A client wrote to an item of a list that has changed, or moved, meanwhile; nothing was written.',
    message: ({ place }) => `${place} changed while it was being written`,
    hint: () => 'read it again and repeat the write, or use `app.update(…)`',
  }),
  CLIENT_WRITE_DROPPED: code<{ place: string }>({
    kind: 'user',
    summary: 'A write was not sent because an earlier one, on which it was based, failed.',
    message: ({ place }) => `the write to ${place} was not sent: an earlier write to it failed`,
    hint: () => 'handle the error of the earlier write, then write again',
  }),
  CLIENT_OUT_OF_STEP: code<{ problem: string }>({
    kind: 'environment',
    summary:
      "What an app told of its state does not fit a client's copy; the copy is loaded again.",
    message: ({ problem }) => `the copy of the state is out of step: ${problem}`,
    hint: () => 'nothing: the client loads the whole state again',
    retryable: true,
  }),
};
