import { code } from '../define-code.ts';

export const cliCodes = {
  CLI_UNKNOWN_COMMAND: code<{ command: string; suggestion: string | null }>({
    kind: 'user',
    summary: 'There is no command of this name.',
    message: ({ command }) => `"${command}" is not a command`,
    hint: ({ suggestion }) =>
      suggestion === null
        ? 'see all commands with `stormkite help`'
        : `did you mean \`stormkite ${suggestion}\`?`,
  }),
  CLI_USAGE: code<{ problem: string; command: string }>({
    kind: 'user',
    summary: 'A command was given arguments or options that it does not take.',
    message: ({ problem }) => problem,
    hint: ({ command }) => `see \`${command} --help\``,
  }),
  CLI_OPTION_INVALID: code<{ option: string; value: string; allowed: string }>({
    kind: 'user',
    summary: 'An option or argument of a command has a value that it cannot have.',
    message: ({ option, value }) => `${option} is ${JSON.stringify(value)}`,
    hint: ({ option, allowed }) => `give ${option} ${allowed}`,
  }),
  CLI_VALUE_NOT_JSON: code<{ value: string; problem: string }>({
    kind: 'user',
    summary: 'A value on the command line is not JSON.',
    message: ({ value, problem }) => `${value} is not JSON: ${problem}`,
    hint: () => `quote text twice, as in '"hello"'`,
  }),
  CLI_APP_NAME_INVALID: code<{ name: string; suggestion: string }>({
    kind: 'user',
    summary: 'The name of an app has characters that it cannot have.',
    message: ({ name }) => `"${name}" cannot be the name of an app`,
    hint: ({ suggestion }) => `use 1 to 64 of A-Z a-z 0-9 . _ -, such as --name ${suggestion}`,
  }),
  CLI_APP_UNKNOWN: code<{ app: string; running: string }>({
    kind: 'user',
    summary: 'No app of this name runs.',
    message: ({ app }) => `no app named "${app}" is running`,
    hint: ({ running }) =>
      running === ''
        ? 'start one with `stormkite run app.ts`'
        : `use one of those that run: ${running}`,
  }),
  CLI_APP_AMBIGUOUS: code<{ running: string }>({
    kind: 'user',
    summary: 'Several apps run and the command names none.',
    message: ({ running }) => `several apps are running: ${running}`,
    hint: () => 'name one with --app',
  }),
  CLI_NO_APP_RUNNING: code<{ home: string }>({
    kind: 'user',
    summary: 'A command needs a running app and none runs.',
    message: ({ home }) => `no app is running (looked in ${home})`,
    hint: () => 'start one with `stormkite run app.ts`',
  }),
  CLI_FILE_EXISTS: code<{ files: string; directory: string }>({
    kind: 'user',
    summary: '`stormkite init` would overwrite files.',
    message: ({ files, directory }) => `${directory} already has ${files}`,
    hint: () => 'name another folder: `stormkite init my-app`',
  }),
  CLI_MANIFEST_MISSING: code<{ directory: string }>({
    kind: 'user',
    summary: '`stormkite init --aws` finds no package.json to add the AWS CDK to.',
    message: ({ directory }) => `${directory} has no package.json`,
    hint: () => 'write an app with `stormkite init`, or a package.json with `npm init`, first',
  }),
  CLI_WRITE_FAILED: code<{ where: string; problem: string }>({
    kind: 'environment',
    summary: 'A file or folder could not be written.',
    message: ({ where, problem }) => `${where} cannot be written: ${problem}`,
    hint: () => 'check permissions and free disk space, or set STORMKITE_HOME to another folder',
  }),
  CLI_INSPECT_FAILED: code<{ file: string; problem: string }>({
    kind: 'user',
    summary: 'The process that loads an app for inspection ended without an answer.',
    message: ({ file, problem }) => `${file} could not be inspected: ${problem}`,
    hint: () => 'the app file must only build the app: no process.exit, no work outside run()',
  }),
  CLI_FAILPOINT_UNKNOWN: code<{ value: string; known: string }>({
    kind: 'user',
    summary: 'STORMKITE_FAILPOINT names no failpoint.',
    message: ({ value }) => `STORMKITE_FAILPOINT=${value} names no failpoint`,
    hint: ({ known }) => `use NAME or NAME:COUNT with one of ${known}, or unset it`,
  }),
  CLI_APP_SILENT: code<{ app: string; pid: number }>({
    kind: 'environment',
    summary: 'A running app does not answer, because its flow never yields.',
    message: ({ app, pid }) => `the app ${app} (process ${pid}) does not answer`,
    hint: ({ pid }) =>
      `its flow may be in a loop that never yields: end it with \`kill -9 ${pid}\`, its works end with it; then run it with --resume`,
    retryable: true,
  }),
};
