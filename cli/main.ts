#!/usr/bin/env node
/** The `stormkite` command: finds the command, runs it, and turns what it gives or throws into an exit code. */
import { appError } from '../runtime/errors/index.ts';
import { exitCodeOf, exitCodes, type ExitCode } from '../runtime/host/exit-codes.ts';
import type { Command, CommandGroup } from './define-command.ts';
import { watchInterrupts, type Interrupts } from './interrupts.ts';
import { Output } from './output.ts';
import { registry } from './registry.ts';
import { suggest } from './suggest.ts';

const HELP_WORDS = new Set(['help', '--help', '-h']);
const VERSION_WORDS = new Set(['--version', '-V']);

async function main(args: readonly string[]): Promise<ExitCode> {
  const { env } = process;
  // A note of the AWS SDK to developers, not to who uses their programs.
  env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
  // What follows `--` belongs to another program.
  const own = args.includes('--') ? args.slice(0, args.indexOf('--')) : args;
  const isJson = own.includes('--json');
  const output = new Output({ isJson, isVerbose: own.includes('--verbose'), env });
  const interrupts = watchInterrupts();
  let code: ExitCode;
  try {
    code = await dispatch(args, output, interrupts);
  } catch (error) {
    code = exitCodeOf(error);
    if (interrupts.signal.aborted) code = exitCodes.interrupted;
    else if (output.unread.aborted) code = exitCodes.done;
    else output.error(error);
  }
  await output.flush();
  return code;
}

async function dispatch(
  args: readonly string[],
  output: Output,
  interrupts: Interrupts,
): Promise<ExitCode> {
  const [word = 'help', ...rest] = args;
  if (VERSION_WORDS.has(word)) {
    const { stormkiteVersion } = await import('../runtime/host/package-version.ts');
    output.result({ version: stormkiteVersion() }, stormkiteVersion);
    return exitCodes.done;
  }
  if (HELP_WORDS.has(word)) return await help(rest, output);
  const found = await find(word);
  if (!('commands' in found)) return await runCommand(found, rest, output, interrupts);
  const [verb, ...more] = rest;
  if (verb === undefined || HELP_WORDS.has(verb)) return await help([word], output);
  return await runCommand(findIn(found, verb), more, output, interrupts);
}

async function runCommand(
  command: Command,
  args: readonly string[],
  output: Output,
  interrupts: Interrupts,
): Promise<ExitCode> {
  const { parseInput } = await import('./parse-command.ts');
  const parsed = parseInput(command, args);
  if ('help' in parsed) {
    output.line(parsed.help.trimEnd());
    return exitCodes.done;
  }
  const signal = AbortSignal.any([interrupts.signal, output.unread]);
  const context = {
    output,
    signal,
    killSignal: interrupts.killSignal,
    handOver: interrupts.handOver,
    env: process.env,
    cwd: process.cwd(),
  };
  const code = await command.run(context, parsed.input);
  return interrupts.signal.aborted && code === exitCodes.done ? exitCodes.interrupted : code;
}

async function find(word: string): Promise<Command | CommandGroup> {
  const load = Object.hasOwn(registry, word) ? registry[word] : undefined;
  if (load === undefined) throw unknown(word, suggest(word, [...Object.keys(registry), 'help']));
  return await load();
}

function findIn({ name, commands }: CommandGroup, verb: string): Command {
  const full = `${name} ${verb}`;
  const found = commands.find((command) => command.name === full);
  if (found !== undefined) return found;
  throw unknown(
    full,
    suggest(
      full,
      commands.map((command) => command.name),
    ),
  );
}

function unknown(command: string, suggestion: string | null): Error {
  return appError('CLI_UNKNOWN_COMMAND', { command, suggestion });
}

async function help([word, verb]: readonly string[], output: Output): Promise<ExitCode> {
  const { helpOf } = await import('./parse-command.ts');
  const found = word === undefined || word.startsWith('-') ? null : await find(word);
  if (found !== null && !('commands' in found)) output.line(helpOf(found).trimEnd());
  else if (found !== null && verb !== undefined) output.line(helpOf(findIn(found, verb)).trimEnd());
  else
    output.line(
      overview(
        found === null ? await Promise.all(Object.values(registry).map((load) => load())) : [found],
      ),
    );
  return exitCodes.done;
}

function overview(all: readonly (Command | CommandGroup)[]): string {
  const commands = all.flatMap((each) => ('commands' in each ? each.commands : [each]));
  const width = Math.max(...commands.map(({ name }) => name.length)) + 2;
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(width)}${summary}`);
  const head =
    'stormkite: write flows and works in TypeScript, run them here and on AWS\n\nUsage: stormkite <command> [options]';
  return `${head}\n\nCommands:\n${lines.join('\n')}\n\nSee \`stormkite <command> --help\` for examples and exit codes.`;
}

// Timers and sockets that user code left open must not keep the process.
process.exit(await main(process.argv.slice(2)));
