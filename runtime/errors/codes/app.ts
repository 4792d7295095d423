import { code } from '../define-code.ts';

export const appCodes = {
  INTERNAL_BACKGROUND_FAILED: code<{ owner: string; problem: string }>({
    kind: 'bug',
    summary: 'Something that runs in the background failed without being handled.',
    message: ({ owner, problem }) => `${owner} failed: ${problem}`,
    hint: () => 'please report this with the stack below',
  }),
  APP_OPTION_INVALID: code<{ option: string; value: string; allowed: string }>({
    kind: 'user',
    summary: 'An option of a component or of the app has a value that it cannot have.',
    message: ({ option, value }) => `${option} is ${value}`,
    hint: ({ option, allowed }) => `set ${option} to ${allowed}`,
  }),
  APP_ROOT_INVALID: code<{ got: string }>({
    kind: 'user',
    summary: '`new App(root)` was given something other than a flow or a work.',
    message: ({ got }) => `the root of an App must be a Flow or a Work, not ${got}`,
    hint: () => 'write `export default new App(new Root())` with a class that extends Flow',
  }),
  APP_ROOT_NO_RUN: code<{ component: string }>({
    kind: 'user',
    summary: 'The root flow has no `run` method.',
    message: ({ component }) => `${component} is the root flow but does not override run()`,
    hint: ({ component }) => `add a run() method to ${component}`,
  }),
  HARDWARE_UNKNOWN: code<{ name: string; known: string }>({
    kind: 'user',
    summary: 'A hardware name is not one of the named classes.',
    message: ({ name }) => `"${name}" is not a named hardware class`,
    hint: ({ known, name }) =>
      `use one of ${known}, or new CloudCompute({ instanceType: ${JSON.stringify(name)} })`,
  }),
  HARDWARE_SIZE_UNKNOWN: code<{ instanceType: string }>({
    kind: 'user',
    summary: 'An instance type was asked for whose vCPUs and memory are not known.',
    message: ({ instanceType }) => `the size of the instance type ${instanceType} is not known`,
    hint: () =>
      'use a named class, or a type of the families m, c, r, t3, g4dn, g5, g6, g6e, p3, p4, p5',
  }),
  HARDWARE_NOT_DECLARED: code<{ name: string; used: string; line: string }>({
    kind: 'user',
    summary:
      'A work that was attached at run time uses hardware that was not deployed for the app.',
    message: ({ name, used }) => `${name} uses ${used}, which was not deployed for this app`,
    hint: ({ line }) => `declare it and deploy again: new App(root, { hardware: [${line}] })`,
  }),
  COMPONENT_ATTACHED_TWICE: code<{ component: string; name: string }>({
    kind: 'user',
    summary: 'One component object was put at two places of the tree.',
    message: ({ component, name }) => `this ${component} is already attached as ${name}`,
    hint: () => 'create a new instance for each place',
  }),
  COMPONENT_REASSIGNED: code<{ name: string }>({
    kind: 'user',
    summary: 'A child component was replaced by assignment.',
    message: ({ name }) => `${name} is a component and cannot be replaced by assignment`,
    hint: ({ name }) =>
      `delete it first (${name.split('.').at(-1) ?? 'work'}.delete()), or keep several in a Dict`,
  }),
  COMPONENT_DELETED: code<{ component: string }>({
    kind: 'user',
    summary: 'A deleted component was attached again.',
    message: ({ component }) => `this ${component} was deleted and cannot be attached again`,
    hint: () => 'create a new instance',
  }),
  COMPONENT_IN_WORK: code<{ work: string; field: string }>({
    kind: 'user',
    summary: 'A work has a component as a field.',
    message: ({ work, field }) =>
      `${work}.${field} is a component, but a work cannot have children`,
    hint: () => 'put both into a flow',
  }),
  COMPONENT_KEY_INVALID: code<{ key: string; problem: string }>({
    kind: 'user',
    summary: 'A key of a Dict is not allowed.',
    message: ({ key, problem }) => `"${key}" cannot be a key: ${problem}`,
    hint: () => 'use 1 to 128 characters without ".", "/" and control characters',
  }),
  COMPONENT_EXPECTED: code<{ where: string; got: string }>({
    kind: 'user',
    summary: 'Something other than a component was put into a Dict or List.',
    message: ({ where, got }) => `${where} takes components, not ${got}`,
    hint: () => 'put plain values into a field of the flow',
  }),
  COMPONENT_UNKNOWN: code<{ name: string }>({
    kind: 'user',
    summary: 'No component has this name.',
    message: ({ name }) => `there is no component ${name}`,
    hint: () => 'see the names with `stormkite ps`',
  }),
  FLOW_SUSPENSION_SWALLOWED: code<{ work: string }>({
    kind: 'user',
    summary: 'The signal by which a non-parallel work ends the turn was caught by user code.',
    message: ({ work }) => `run() returned although ${work} had suspended the turn`,
    hint: () =>
      'do not catch what work.run() throws (or re-throw it when isSuspension(error)), and do not hide it in Promise.allSettled',
  }),
  FLOW_SCHEDULE_INVALID: code<{ pattern: string; problem: string }>({
    kind: 'user',
    summary: 'A cron pattern or start time of `schedule` cannot be read.',
    message: ({ pattern, problem }) => `schedule("${pattern}") cannot be read: ${problem}`,
    hint: () => 'use five cron fields, or six with seconds first, such as "*/5 * * * *"',
  }),
  FLOW_NOT_ITERABLE: code<{ got: string }>({
    kind: 'user',
    summary: '`iterate` was given something that cannot be iterated.',
    message: ({ got }) => `iterate() needs an iterable, not ${got}`,
    hint: () => 'pass an array, or anything with [Symbol.iterator]',
  }),
  FLOW_NOT_RUNNING: code<{ method: string }>({
    kind: 'user',
    summary: 'A method that acts on the running app was called while no app runs.',
    message: ({ method }) => `${method} needs a running app`,
    hint: ({ method }) => `call ${method} from a flow's run(), or from a timer of the running flow`,
  }),
};
