import { code } from '../define-code.ts';

export const testingCodes = {
  TESTING_NOT_UP: code<{ work: string }>({
    kind: 'user',
    summary: 'A test acted through a scripted work whose process is not up.',
    message: ({ work }) => `${work} has no process`,
    hint: () => 'let the flow run it first, then `await app.settle()`',
  }),
  TESTING_NO_CALL: code<{ work: string }>({
    kind: 'user',
    summary: 'A test ended a call of a scripted work that has none.',
    message: ({ work }) => `${work} has no call under way`,
    hint: () => 'let the flow call it first, then `await app.settle()`; a call ends once',
  }),
  TESTING_DID_NOT_SETTLE: code<{ rounds: number }>({
    kind: 'user',
    summary: 'An app under test never came to rest.',
    message: ({ rounds }) => `the app was still busy after ${rounds} rounds`,
    hint: () => 'drive it with turn() or until(), or find what changes in every turn',
  }),
};
