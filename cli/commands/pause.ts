import type { AppStage } from '../../runtime/client/index.ts';
import { appError } from '../../runtime/errors/index.ts';
import { exitCodes, type ExitCode } from '../../runtime/host/exit-codes.ts';
import type { DeployedApp } from '../../runtime/host/deployed-app.ts';
import { appOption, defineCommand, jsonOption, type CommandContext } from '../define-command.ts';
import { DeployedLine } from '../deployed-line.ts';
import { deployedElsewhere, findApp, findDeployed, type FoundApp } from '../find-app.ts';
import { PauseNoteFile } from '../pause-note.ts';
import { run } from './run.ts';
import { untilGone } from './stop.ts';

export const pause = defineCommand({
  name: 'pause',
  summary: 'End everything of an app that runs or costs, and keep its state',
  details:
    'Works are asked to end, and their machines are given back; calls stay open and are sent again by `resume`.\n' +
    'Of a deployed app the flow goes too: what is left (alarms, the token) costs about $2 a month, and a load balancer or a private\n' +
    'network what they always cost.',
  arguments: {},
  options: { ...appOption, ...jsonOption },
  examples: [
    { line: 'stormkite pause', does: 'the only app that runs' },
    { line: 'stormkite pause --app shop', does: 'one of several, or a deployed one' },
  ],
  async run(context, { app }) {
    const deployed = await findDeployed(context, app);
    const name = deployed?.name ?? (await pauseHere(context, await findApp(context, app)));
    if (deployed !== null) await pauseDeployed(context, deployed);
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
    'A deployed app gets its flow back; one that had ended before it was paused rests until `stormkite start`. An app of this machine\n' +
    'runs in this terminal again, as `stormkite run --resume` does.',
  arguments: {},
  options: { ...appOption, ...jsonOption },
  examples: [{ line: 'stormkite resume --app shop', does: 'until it has ended, or is deployed' }],
  async run(context, { app, json }) {
    const deployed = await findDeployed(context, app);
    if (deployed === null) return await resumeHere(context, app, json);
    const { name } = deployed;
    await deployed.resume();
    context.output.note(`waiting for the flow of ${name}…`);
    const stage = await startPaused(context, deployed);
    const goesOn = stage === 'paused' || stage === 'running';
    if (!goesOn)
      context.output.warn(
        `${name} rests as it was left, ${stage}; run it again with \`stormkite start --app ${name}\``,
      );
    context.output.result(
      { app: name, command: 'resume' },
      () =>
        `${goesOn ? `${name} goes on` : `the flow of ${name} is back`}; see \`stormkite ps --app ${name}\``,
    );
    return exitCodes.done;
  },
});

/** Gives its name. */
async function pauseHere(context: CommandContext, { info, client }: FoundApp): Promise<string> {
  const { mode } = await client.status();
  const { port } = new URL(info.url);
  const { appFile, name } = info;
  const pausedAt = new Date().toISOString();
  await new PauseNoteFile(context.env, name).write({ appFile, mode, port, pausedAt });
  await client.pauseApp();
  await untilGone(context, { info });
  return name;
}

/** Its container ends with the pause, and the next one rests and says so; only then the flow may go. */
async function pauseDeployed(context: CommandContext, deployed: DeployedApp): Promise<void> {
  const { name: app, region } = deployed;
  if (!(await deployed.hasFlow())) throw appError('DEPLOY_FLOW_NOT_RUNNING', { app, region });
  const line = new DeployedLine(context, deployed);
  await line.ask((client) => client.pauseApp());
  context.output.note('ending works and machines…');
  await line.until(async (client) => {
    const { stage } = await client.status();
    return stage !== 'running' && stage !== 'stopping';
  });
  line.close();
  await deployed.pause();
}

/** Runs an app again that was paused: one that has ended only `start` runs again. Gives the stage that it was found in. */
async function startPaused(context: CommandContext, deployed: DeployedApp): Promise<AppStage> {
  const line = new DeployedLine(context, deployed);
  const found = await line.ask(async (client) => {
    const { stage } = await client.status();
    if (stage === 'paused') await client.startApp();
    return stage;
  });
  line.close();
  return found;
}

async function resumeHere(
  context: CommandContext,
  name: string | undefined,
  isJson: boolean,
): Promise<ExitCode> {
  const note = name === undefined ? null : await new PauseNoteFile(context.env, name).read();
  if (note === null)
    throw (
      (await deployedElsewhere(context, name)) ??
      appError('CLI_NOTHING_PAUSED', { app: name ?? '' })
    );
  return await run.run(context, {
    file: note.appFile,
    name,
    resume: true,
    emulateAws: note.mode === 'emulated',
    port: note.port,
    noOpen: true,
    json: isJson,
    verbose: false,
  });
}
