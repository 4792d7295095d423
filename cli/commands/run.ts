import { resolve } from 'node:path';
import { appError } from '../../runtime/errors/index.ts';
import { exitCodeOfResult, exitCodes, type ExitCode } from '../../runtime/host/exit-codes.ts';
import type { AppResult, RunHandle, RunOptions } from '../../runtime/host/flow-main.ts';
import { appNameOf } from '../../runtime/host/run-directory.ts';
import { defineCommand, jsonOption, type CommandContext } from '../define-command.ts';
import { JsonRunView } from '../json-run-view.ts';
import { openBrowser } from '../open-browser.ts';
import { PauseNoteFile } from '../pause-note.ts';
import { TextRunView } from '../text-run-view.ts';

const MAX_PORT = 65_535;
const LOG_LEVELS = ['info', 'debug'] as const;
/** How long works may take to end when nobody reads what they print. */
const UNREAD_GRACE_MS = 1_000;

export const run = defineCommand({
  name: 'run',
  summary: 'Run an app on this machine, every work as a process',
  details:
    'Starts afresh; what the previous run stored is kept aside. With --resume it goes on where a killed or interrupted run was.\n' +
    'Ctrl-C ends the works in order, a second one at once.',
  arguments: { file: { summary: 'The file whose default export is the App' } },
  options: {
    name: {
      summary: "Name of the app (default: the folder of an app.* file, else the file's name)",
      value: 'name',
    },
    port: {
      summary: 'Port of the API; 0 picks a free one (default: 7501, or the next free one)',
      value: 'port',
    },
    host: {
      summary: 'Address to bind; other than loopback needs the printed token (default: 127.0.0.1)',
      value: 'address',
    },
    noOpen: { summary: 'Never open a browser' },
    resume: { summary: 'Go on where the previous run was' },
    emulateAws: {
      summary: 'Run the AWS backend itself, against an emulator whose ECS tasks are processes',
    },
    logLevel: {
      summary: 'info, or debug to see turns and statuses (default: as the app says)',
      value: 'level',
    },
    ...jsonOption,
    verbose: { summary: 'Show stacks of all errors' },
  },
  examples: [
    { line: 'stormkite run app.ts', does: 'run until the flow stops, or Ctrl-C' },
    { line: 'stormkite run app.ts --resume', does: 'go on after a crash or Ctrl-C' },
    {
      line: 'stormkite run app.ts --emulate-aws',
      does: 'as it would run when deployed, without an account',
    },
    { line: 'stormkite run app.ts --json | jq .', does: 'one event per line' },
  ],
  exitCodes: {
    0: 'the flow stopped the app',
    1: 'the app failed: fail(), or an error in its code',
    2: 'wrong usage, or an app file that cannot be loaded',
    130: 'interrupted, with every work ended',
  },
  async run(context, input) {
    const { output, signal } = context;
    const port = parsePort(input.port);
    const level = parseLevel(input.logLevel);
    if (input.host === '') throw addressMissing();
    const view = output.isJson
      ? new JsonRunView(output)
      : new TextRunView(output, level === 'debug');
    const options: RunOptions = {
      appFile: resolve(context.cwd, input.file),
      env: context.env,
      resume: input.resume,
      signal,
      ...view.hooks,
      ...(input.name === undefined ? {} : { name: input.name }),
      ...(input.host === undefined ? {} : { host: input.host }),
      ...(port === undefined ? {} : { port }),
    };
    const noteFile = new PauseNoteFile(context.env, appNameOf(options.appFile, options.name));
    const note = await noteFile.read();
    const app = input.emulateAws
      ? await startEmulated(options, level, output)
      : await startHere(options);
    try {
      // What was paused goes on, or has made way. A pause of this very run has a note of its own.
      if (note !== null) await noteFile.remove(note);
      if (level === undefined && app.logLevel === 'debug') view.follow(app.events);
      const isTerminal = !output.isJson && process.stdout.isTTY;
      const { platform } = process;
      // The arguments of a program are there for all to see: an address with a token is only printed.
      const isOpenable = !input.noOpen && new URL(app.view).search === '';
      if (isOpenable) openBrowser(app.view, { env: context.env, platform, isTerminal });
      const ends = watchSignals(context, app);
      const result = await app.result;
      ends();
      view.ended(result);
      return exitCodeOf(result, context);
    } finally {
      await app.close();
    }
  },
});

async function startHere(options: RunOptions): Promise<RunHandle> {
  const { runApp } = await import('../../runtime/host/flow-main.ts');
  return await runApp(options);
}

async function startEmulated(
  options: RunOptions,
  level: (typeof LOG_LEVELS)[number] | undefined,
  output: CommandContext['output'],
): Promise<RunHandle> {
  if (options.host !== undefined) {
    throw appError('CLI_OPTION_INVALID', {
      option: '--host',
      value: options.host,
      allowed: 'nothing with --emulate-aws: everything stays on this machine',
    });
  }
  const { runEmulated } = await import('../../runtime/host/run-emulated.ts');
  return await runEmulated({
    ...options,
    progress: (message) => output.note(message),
    ...(level === undefined ? {} : { debug: level === 'debug' }),
  });
}

function watchSignals(
  { output, signal, killSignal }: CommandContext,
  app: Pick<RunHandle, 'interrupt' | 'kill'>,
): () => void {
  const kill = (): void => {
    app.kill().catch((error: unknown) => output.error(error));
  };
  const interrupt = (): void => {
    if (output.unread.aborted) setTimeout(kill, UNREAD_GRACE_MS).unref();
    else output.note('stopping… (Ctrl-C again to kill)');
    app.interrupt().catch((error: unknown) => output.error(error));
  };
  if (signal.aborted) interrupt();
  signal.addEventListener('abort', interrupt, { once: true });
  killSignal.addEventListener('abort', kill, { once: true });
  return () => signal.removeEventListener('abort', interrupt);
}

/** A reader that went away (`| head`) had all it wanted. */
function exitCodeOf(result: AppResult, { output }: CommandContext): ExitCode {
  return result.stage === 'interrupted' && output.unread.aborted
    ? exitCodes.done
    : exitCodeOfResult(result);
}

function parsePort(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= MAX_PORT) return port;
  throw appError('CLI_OPTION_INVALID', {
    option: '--port',
    value: text,
    allowed: `a whole number from 0 to ${MAX_PORT}`,
  });
}

function addressMissing(): Error {
  return appError('CLI_OPTION_INVALID', {
    option: '--host',
    value: '',
    allowed: 'an address such as 127.0.0.1, or 0.0.0.0 for all',
  });
}

function parseLevel(text: string | undefined): (typeof LOG_LEVELS)[number] | undefined {
  const level = LOG_LEVELS.find((each) => each === text);
  if (text === undefined || level !== undefined) return level;
  throw appError('CLI_OPTION_INVALID', {
    option: '--log-level',
    value: text,
    allowed: LOG_LEVELS.join(' or '),
  });
}
