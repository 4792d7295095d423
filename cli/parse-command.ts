/** Reads a command line by a command's definition, and writes its help. */
import { Command as Parser, CommanderError, Option } from 'commander';
import { appError } from '../runtime/errors/index.ts';
import { exitCodes } from '../runtime/host/exit-codes.ts';
import type { AnyInput, Command } from './define-command.ts';

const COMMON_EXIT_CODES: Readonly<Record<number, string>> = {
  [exitCodes.done]: 'done',
  [exitCodes.usage]: 'wrong usage, or an unknown app or work',
  [exitCodes.environment]: 'disk, network or another run is in the way',
  [exitCodes.bug]: 'a bug of stormkite',
  [exitCodes.interrupted]: 'interrupted',
};

/**
 * What the user gave, or the help when they asked for it.
 *
 * @throws `CLI_USAGE`
 */
export function parseInput(
  command: Command,
  args: readonly string[],
): { readonly input: AnyInput } | { readonly help: string } {
  const parser = parserOf(command);
  try {
    parser.parse(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === 'commander.helpDisplayed')
      return { help: parser.helpInformation() + footerOf(command) };
    const problem = error.message.replace(/^error: /, '');
    throw appError(
      'CLI_USAGE',
      { problem, command: `stormkite ${command.name}` },
      { cause: error },
    );
  }
  const given = parser.opts<AnyInput>();
  const input: Record<string, AnyInput[string]> = {};
  for (const [name, { value, many }] of Object.entries(command.options)) {
    const positive = positiveOf(name);
    const found = positive === null ? given[name] : given[positive] === false;
    if (many === true) input[name] = found ?? [];
    else input[name] = value === undefined ? found === true : found;
  }
  Object.entries(command.arguments).forEach(([name, { many }], index) => {
    input[name] = many === true ? parser.args.slice(index) : parser.args[index];
  });
  return { input };
}

export function helpOf(command: Command): string {
  return parserOf(command).helpInformation() + footerOf(command);
}

function parserOf(command: Command): Parser {
  const { name, summary, details } = command;
  const parser = new Parser(`stormkite ${name}`)
    .description(details === undefined ? `${summary}.` : `${summary}.\n\n${details}`)
    .helpOption('-h, --help', 'Show this help')
    .allowExcessArguments(false)
    .exitOverride()
    .configureOutput({ writeOut: () => undefined, writeErr: () => undefined });
  for (const [argument, { summary: text, optional, many }] of Object.entries(command.arguments)) {
    const shown = many === true ? `${argument}...` : argument;
    parser.argument(optional === true ? `[${shown}]` : `<${shown}>`, text);
  }
  for (const [option, { summary: text, value, many, short }] of Object.entries(command.options)) {
    const flag = `--${option.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    const long = value === undefined ? flag : `${flag} <${value}>`;
    const spec = new Option(short === undefined ? long : `-${short}, ${long}`, text);
    if (many === true) spec.argParser(append);
    parser.addOption(spec);
  }
  return parser;
}

function append(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

/** `open` for `noOpen`: commander reads `--no-open` as the opposite of `--open`. */
function positiveOf(option: string): string | null {
  const rest = /^no([A-Z].*)$/.exec(option)?.[1];
  return rest === undefined ? null : rest.charAt(0).toLowerCase() + rest.slice(1);
}

function footerOf({ examples, exitCodes: own = {} }: Command): string {
  const width = Math.max(...examples.map(({ line }) => line.length)) + 2;
  const lines = examples.map(({ line, does }) => `  ${line.padEnd(width)}${does}`);
  const codes = Object.entries({ ...COMMON_EXIT_CODES, ...own }).map(
    ([code, means]) => `  ${code.padEnd(4)} ${means}`,
  );
  return `\nExamples:\n${lines.join('\n')}\n\nExit codes:\n${codes.join('\n')}\n`;
}
