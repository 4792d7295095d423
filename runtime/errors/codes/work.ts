import { code } from '../define-code.ts';

export const workCodes = {
  WORK_NO_RUN: code<{ work: string }>({
    kind: 'user',
    summary: 'A work class has no `run` method.',
    message: ({ work }) => `${work} has no run() method`,
    hint: ({ work }) =>
      `define run() as a method of ${work}; a field \`run = () => …\` is not enough`,
  }),
  WORK_NOT_ATTACHED: code<{ work: string }>({
    kind: 'user',
    summary: 'A work that belongs to no flow was used inside a turn.',
    message: ({ work }) => `this ${work} is not attached to a flow`,
    hint: () =>
      'assign it to a field of the flow, or put it into a Dict or List, before calling it',
  }),
  WORK_ONLY_FROM_FLOW: code<{ method: string }>({
    kind: 'user',
    summary: 'A method that only a flow may call was called elsewhere.',
    message: ({ method }) => `${method} can only be called from a flow`,
    hint: () => 'let the work change a field of its own and react to it in the flow',
  }),
  WORK_DELETED: code<{ name: string }>({
    kind: 'user',
    summary: 'A deleted work was used.',
    message: ({ name }) => `${name} was deleted`,
    hint: () => 'create and attach a new work',
  }),
  WORK_UNKNOWN: code<{ name: string }>({
    kind: 'user',
    summary: 'No work has this name.',
    message: ({ name }) => `there is no work ${name}`,
    hint: () => 'see the names with `stormkite ps`',
  }),
  WORK_QUEUE_FULL: code<{ name: string; limit: number }>({
    kind: 'user',
    summary: 'Too many calls wait for one work.',
    message: ({ name, limit }) => `${name} already has ${limit} calls waiting`,
    hint: () =>
      'arguments must stay the same from turn to turn: keep times and random values in state, not in the call',
  }),
  WORK_NOT_REBUILDABLE: code<{ work: string; problem: string; line: string }>({
    kind: 'user',
    summary: 'A work attached at run time cannot be built again in its own process.',
    message: ({ work, problem }) => `${work} cannot be rebuilt in its own process: ${problem}`,
    hint: ({ line }) => `write ${line}`,
  }),
  WORK_CLASS_UNKNOWN: code<{ work: string }>({
    kind: 'user',
    summary: 'The class of a work attached at run time cannot be found by its process.',
    message: ({ work }) => `the class ${work} cannot be found again by the work's process`,
    hint: ({ work }) =>
      // A place (`works[2]`, `root.train`), when the class stood there as the app began.
      /[.[]/.test(work)
        ? `put it back where it was when the app began, or run the app afresh, without --resume`
        : `export it (\`export class ${work} …\`), or list it: new App(root, { works: [${work}] })`,
  }),
  WORK_TREE_DIFFERS: code<{ work: string; missing: string; extra: string }>({
    kind: 'user',
    summary: "The work's process built another component tree than the flow.",
    message: ({ work, missing, extra }) =>
      `the process of ${work} built another tree than the flow (missing: ${missing || 'nothing'}; extra: ${extra || 'nothing'})`,
    hint: () =>
      'build the same components in constructors everywhere: no random names, no environment checks',
  }),
  WORK_FAILED: code<{ name: string; reason: string; message: string }>({
    kind: 'user',
    summary: 'A work with `raiseException` failed, so the app failed.',
    message: ({ name, reason, message }) =>
      `${name} failed (${reason})${message === '' ? '' : `: ${message}`}`,
    hint: () =>
      'set raiseException: false to let the flow decide (hasFailed), or override onException',
  }),
  WORK_LAUNCH_FAILED: code<{ name: string; reason: string; message: string }>({
    kind: 'environment',
    summary: 'The process of a work could not be started.',
    message: ({ name, reason, message }) => `${name} could not be started (${reason}): ${message}`,
    hint: () => 'mend what the message names; the work starts again with work.start()',
  }),
  WORK_RETURNED_VALUE: code<{ name: string; got: string }>({
    kind: 'user',
    summary: 'A work returned a value from `run`.',
    message: ({ name, got }) => `run() of ${name} returned ${got}`,
    hint: () =>
      'put results into a public field (this.result = …): the flow reads fields, not return values',
  }),
  WORK_DISPLAY_NAME_FIXED: code<{ name: string }>({
    kind: 'user',
    summary: 'The display name of a work was changed after it had started.',
    message: ({ name }) => `the display name of ${name} cannot change after it has started`,
    hint: () => 'set displayName before the first run() or start()',
  }),
  PORT_TAKEN: code<{ port: number; host: string }>({
    kind: 'environment',
    summary: 'A port that was asked for is in use.',
    message: ({ port, host }) => `port ${port} on ${host} is already in use`,
    hint: () => 'end the program that uses it, or choose another port (0 or none picks a free one)',
  }),
};
