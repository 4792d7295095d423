import { setTimeout } from 'node:timers/promises';
import { appError, isAppError } from '../../runtime/errors/index.ts';
import { exitCodes } from '../../runtime/host/exit-codes.ts';
import { homeOf, runningApps } from '../../runtime/host/run-directory.ts';
import { appOption, defineCommand, jsonOption, type CommandContext } from '../define-command.ts';
import { findApp, type FoundApp } from '../find-app.ts';
import { commandWork } from './work-command.ts';

/** Milliseconds between two looks whether the app's process is gone. */
const LOOK_MS = 50;

export const stop = defineCommand({
  name: 'stop',
  summary: 'Stop a work, or with --all the whole app',
  arguments: { work: { summary: 'Name of the work: root.train, or train', optional: true } },
  options: {
    ...appOption,
    all: { summary: 'End the whole app, as flow.stop() does; waits until it has ended' },
    message: { summary: 'What the app prints as it ends (with --all)', value: 'text' },
    ...jsonOption,
  },
  examples: [
    { line: 'stormkite stop train', does: 'the work root.train; the app goes on' },
    { line: 'stormkite stop --all --app shop', does: 'every work, and the app' },
  ],
  async run(context, { work, app, all, message }) {
    const problem = problemOf(work, all);
    if (problem !== null) throw appError('CLI_USAGE', { problem, command: 'stormkite stop' });
    if (work !== undefined) return await commandWork(context, { work, app }, 'stop');
    const found = await findApp(context, app);
    await endApp(found, message);
    await untilGone(context, found);
    const { name } = found.info;
    context.output.result({ app: name, command: 'stop' }, () => `${name} has ended`);
    return exitCodes.done;
  },
});

function problemOf(work: string | undefined, all: boolean): string | null {
  if (work === undefined) return all ? null : 'no work is named; --all ends the whole app';
  return all ? 'a work and --all exclude each other' : null;
}

/** Asks the app to end and waits until it has, as its stream of events tells. */
async function endApp({ client }: FoundApp, message = ''): Promise<void> {
  await client.stopApp(message);
  try {
    for await (const event of client.events({ types: ['stage'] })) {
      if (event.type === 'stage' && (event.stage === 'stopped' || event.stage === 'failed')) return;
    }
  } catch (error) {
    // It was gone before we could listen.
    if (!isAppError(error, 'SERVER_UNREACHABLE')) throw error;
  }
}

/** Its process still closes its store after the last event; only then the name is free for another run. */
export async function untilGone(
  { env, signal }: CommandContext,
  { info }: Pick<FoundApp, 'info'>,
): Promise<void> {
  const isRunning = async (): Promise<boolean> => {
    const apps = await runningApps(homeOf(env));
    return apps.some(
      ({ pid, processStart }) => pid === info.pid && processStart === info.processStart,
    );
  };
  while (!signal.aborted && (await isRunning())) await setTimeout(LOOK_MS);
}
