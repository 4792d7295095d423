import { code } from '../define-code.ts';

export const protocolCodes = {
  PROTOCOL_MESSAGE_INVALID: code<{ message: string; problem: string }>({
    kind: 'bug',
    summary: 'A message between a flow and a work could not be understood.',
    message: ({ message, problem }) => `a ${message} message is malformed: ${problem}`,
    hint: () => 'check that flow and works run the same version of stormkite',
  }),
  PROTOCOL_VERSION_MISMATCH: code<{ expected: number; got: number }>({
    kind: 'environment',
    summary: 'A flow and a work speak different versions of the protocol.',
    message: ({ expected, got }) => `the work speaks protocol ${got}, the flow ${expected}`,
    hint: () => 'run flow and works with the same version of stormkite',
  }),
};
