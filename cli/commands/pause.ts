import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import { appError, isAppError } from '../../runtime/errors/index.ts';
import { exitCodes, type ExitCode } from '../../runtime/host/exit-codes.ts';
import { appDirectoryOf, homeOf } from '../../runtime/host/run-directory.ts';
import { appModes } from '../../runtime/protocol/app-status.ts';
import { appOption, defineCommand, jsonOption, type CommandContext } from '../define-command.ts';
import { findApp, findDeployed, type FoundApp } from '../find-app.ts';
import { run } from './run.ts';
import { untilGone } from './stop.ts';

/** Milliseconds between two looks at a deployed app. */
const LOOK_MS = 1_000;

/** What a paused run of this machine leaves, so that it can be resumed by its name. */
const noteSchema = z.object({ appFile: z.string(), mode: z.enum(appModes) });

export const pause = defineCommand({
  name: 'pause',
  summary: 'End everything of an app that runs or costs, and keep its state',
  details:
    'Works are asked to end, and their machines are given back; calls stay open and are sent again by `resume`.\n' +
    'Of a deployed app the flow goes too: what is left costs a few cents a month.',
  arguments: {},
  options: { ...appOption, ...jsonOption },
  examples: [
    { line: 'stormkite pause', does: 'the only app that runs' },
    { line: 'stormkite pause --app shop', does: 'one of several, or a deployed one' },
  ],
  async run(context, { app }) {
    const found = await findApp(context, app);
    const { name } = found.info;
    if (found.deployed === null) await pauseHere(context, found);
    else await pauseDeployed(context, found);
    context.output.result(
      { app: name, command: 'pause' },
      () => `${name} is paused; go on with \`stormkite resume --app ${name}\``,
    );
    return exitCodes.done;
  },
});

export const resume = defineCommand({
  name: 'resume',
  summary: 'Go on with a paused app',
  details:
    'A deployed app gets its flow back. An app of this machine runs in this terminal again, as `stormkite run --resume` does.',
  arguments: {},
  options: { ...appOption, ...jsonOption },
  examples: [{ line: 'stormkite resume --app shop', does: 'until it has ended, or is deployed' }],
  async run(context, { app, json }) {
    const deployed = await findDeployed(context, app);
    if (deployed === null) return await resumeHere(context, app ?? '', json);
    await deployed.setFlow(true);
    context.output.note(`waiting for the flow of ${deployed.name}…`);
    while (!(await deployed.hasFlow()))
      await setTimeout(LOOK_MS, undefined, { signal: context.signal });
    const { client } = await findApp(context, deployed.name);
    await client.startApp();
    context.output.result(
      { app: deployed.name, command: 'resume' },
      () => `${deployed.name} goes on; see \`stormkite ps --app ${deployed.name}\``,
    );
    return exitCodes.done;
  },
});

async function pauseHere(context: CommandContext, { info, client }: FoundApp): Promise<void> {
  const { mode } = await client.status();
  const note = noteSchema.parse({ appFile: info.appFile, mode });
  const file = noteFileOf(context, info.name);
  await writeFile(file, `${JSON.stringify(note)}\n`).catch((cause: unknown) => {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw appError('CLI_WRITE_FAILED', { where: file, problem }, { cause });
  });
  await client.pauseApp();
  await untilGone(context, { info });
}

/** Its container comes back after the pause and rests; then the flow may go. */
async function pauseDeployed(
  context: CommandContext,
  { client, deployed }: FoundApp,
): Promise<void> {
  await client.pauseApp();
  context.output.note('ending works and machines…');
  while (!(await isOver(client))) await setTimeout(LOOK_MS, undefined, { signal: context.signal });
  await deployed?.setFlow(false);
}

/** Also when it cannot be reached any more: its flow ends when everything else has. */
async function isOver(client: FoundApp['client']): Promise<boolean> {
  try {
    const { stage } = await client.status();
    return stage !== 'running' && stage !== 'stopping';
  } catch (error) {
    if (isAppError(error, 'SERVER_UNREACHABLE')) return true;
    throw error;
  }
}

async function resumeHere(
  context: CommandContext,
  name: string,
  isJson: boolean,
): Promise<ExitCode> {
  const file = noteFileOf(context, name);
  const text = name === '' ? null : await readFile(file, 'utf8').catch(() => null);
  const note = text === null ? null : noteSchema.safeParse(JSON.parse(text)).data;
  if (!note) throw appError('CLI_NOTHING_PAUSED', { app: name });
  await rm(file, { force: true });
  return await run.run(context, {
    file: note.appFile,
    name,
    resume: true,
    emulateAws: note.mode === 'emulated',
    noOpen: true,
    json: isJson,
    verbose: false,
  });
}

function noteFileOf({ env }: CommandContext, name: string): string {
  return join(appDirectoryOf(homeOf(env), name).root, 'paused.json');
}
