import type { Json } from '../../runtime/client/index.ts';
import { appError, isAppError, type ErrorCode } from '../../runtime/errors/index.ts';
import { exitCodes, type ExitCode } from '../../runtime/host/exit-codes.ts';
import { appOption, defineCommand, jsonOption, type CommandContext } from '../define-command.ts';
import { findApp, type FoundApp } from '../find-app.ts';
import { parseJson, parseJsonOrText } from '../parse-json.ts';
import { toTable } from '../table.ts';

const USAGE = 'stormkite command';
const FAILURES: readonly ErrorCode[] = [
  'API_HANDLER_FAILED',
  'API_HANDLER_TIMEOUT',
  'API_RESULT_NOT_JSON',
];

export const command = defineCommand({
  name: 'command',
  summary: 'Run a command of an app, or list its commands',
  details:
    'Commands are what the root flow offers in configureCommands(). What one gives is printed as JSON.',
  arguments: { name: { summary: 'The command; all are listed without one', optional: true } },
  options: {
    arg: {
      summary: 'One argument; a value that is no JSON is text',
      value: 'name=value',
      many: true,
    },
    args: { summary: 'All arguments, as one JSON object', value: 'json' },
    ...appOption,
    ...jsonOption,
  },
  examples: [
    { line: 'stormkite command', does: 'the commands of the only app that runs' },
    { line: 'stormkite command add-user --arg name=bob --arg admin=true', does: 'run one' },
    { line: `stormkite command add-user --args '{"name":"bob"}'`, does: 'the same from JSON' },
  ],
  exitCodes: { [exitCodes.failed]: 'the command failed' },
  async run(context, { name, arg, args, app }) {
    const given = toArguments(arg, args);
    const found = await findApp(context, app);
    if (name === undefined) return await list(context, found);
    let result: Json;
    try {
      result = await found.client.command(name, given);
    } catch (error) {
      if (!FAILURES.some((code) => isAppError(error, code))) throw error;
      // It was asked rightly; the app's own code failed.
      context.output.error(error);
      return exitCodes.failed;
    }
    context.output.result({ app: found.info.name, command: name, result }, () =>
      typeof result === 'string' ? result : JSON.stringify(result, null, 2),
    );
    return exitCodes.done;
  },
});

async function list({ output }: CommandContext, { info, client }: FoundApp): Promise<ExitCode> {
  const commands = await client.commands();
  output.result({ app: info.name, commands }, () =>
    commands.length === 0
      ? `${info.name} has no commands; it may offer some in configureCommands()`
      : toTable(
          ['command', 'arguments', 'what it does'],
          commands.map((each) => [each.name, namesOf(each.args), each.description]),
        ),
  );
  return exitCodes.done;
}

/** Names of arguments, those that may be left out in brackets. */
function namesOf(schema: Json | undefined): string {
  const { properties = {}, required = [] } = (schema ?? {}) as {
    readonly properties?: object;
    readonly required?: readonly string[];
  };
  const names = Object.keys(properties);
  return names.map((name) => (required.includes(name) ? name : `[${name}]`)).join(' ');
}

function toArguments(single: readonly string[], all: string | undefined): Json {
  const whole = all === undefined ? {} : parseObject(all);
  const named = single.map((text): [string, Json] => {
    const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
    if (name === undefined || value === undefined) {
      throw appError('CLI_OPTION_INVALID', {
        option: '--arg',
        value: text,
        allowed: 'a name and a value, such as name=bob',
      });
    }
    return [name, parseJsonOrText(value)];
  });
  return { ...whole, ...Object.fromEntries(named) };
}

function parseObject(text: string): { [key: string]: Json } {
  const value = parseJson(text);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw appError('CLI_USAGE', { problem: '--args is no JSON object', command: USAGE });
}
