import { appError } from '../../runtime/errors/index.ts';
import { exitCodes, type ExitCode } from '../../runtime/host/exit-codes.ts';
import type { DeployedApp } from '../../runtime/host/deployed-app.ts';
import { appOption, defineCommand, jsonOption, type CommandContext } from '../define-command.ts';
import { DeployedLine } from '../deployed-line.ts';
import { findApp, findDeployed, type FoundApp } from '../find-app.ts';
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
    'A deployed app gets its flow back. An app of this machine runs in this terminal again, as `stormkite run --resume` does.',
  arguments: {},
  options: { ...appOption, ...jsonOption },
  examples: [{ line: 'stormkite resume --app shop', does: 'until it has ended, or is deployed' }],
  async run(context, { app, json }) {
    const deployed = await findDeployed(context, app);
    if (deployed === null) return await resumeHere(context, app ?? '', json);
    await deployed.resume();
    context.output.note(`waiting for the flow of ${deployed.name}…`);
    const line = new DeployedLine(context, deployed);
    await line.ask((client) => client.startApp());
    line.close();
    context.output.result(
      { app: deployed.name, command: 'resume' },
      () => `${deployed.name} goes on; see \`stormkite ps --app ${deployed.name}\``,
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

async function resumeHere(
  context: CommandContext,
  name: string,
  isJson: boolean,
): Promise<ExitCode> {
  const note = name === '' ? null : await new PauseNoteFile(context.env, name).read();
  if (note === null) throw appError('CLI_NOTHING_PAUSED', { app: name });
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
