import { exitCodes, type ExitCode } from '../../runtime/host/exit-codes.ts';
import { appOption, defineCommand, jsonOption, type CommandContext } from '../define-command.ts';
import { findApp, fullNameOf } from '../find-app.ts';

const work = { summary: 'Name of the work: root.train, or train' };
const DONE = { start: 'starting', stop: 'stopping', delete: 'deleting' } as const;

export const start = defineCommand({
  name: 'start',
  summary: 'Start a work, or start a stopped or failed one again; without a work, a whole app',
  details:
    'A deployed app that has ended rests: without a work it is run again. An app that runs stays as it is.',
  arguments: { work: { ...work, optional: true } },
  options: { ...appOption, ...jsonOption },
  examples: [
    { line: 'stormkite start train', does: 'the work root.train of the only app' },
    { line: 'stormkite start root.d.alice --app shop', does: 'a work of a Dict' },
    { line: 'stormkite start --app shop', does: 'a deployed app that has ended' },
  ],
  run: async (context, { work: name, app }) => {
    if (name !== undefined) return await commandWork(context, { work: name, app }, 'start');
    const { info, client } = await findApp(context, app);
    await client.startApp();
    context.output.result(
      { app: info.name, command: 'start' },
      () => `starting ${info.name}; see \`stormkite ps\``,
    );
    return exitCodes.done;
  },
});

export const remove = defineCommand({
  name: 'delete',
  summary: 'Stop a work and remove it for good, with its state',
  details:
    'For works that the flow adds while it runs. A flow that goes on using a deleted work fails with WORK_DELETED; to end such a work, stop it.',
  arguments: { work },
  options: { ...appOption, ...jsonOption },
  examples: [{ line: 'stormkite delete root.d.alice', does: 'stop and remove it' }],
  run: async (context, input) => await commandWork(context, input, 'delete'),
});

/** Tells the flow what to do with a work; `ps` shows what becomes of it. */
export async function commandWork(
  context: CommandContext,
  input: { readonly work: string; readonly app: string | undefined },
  verb: 'start' | 'stop' | 'delete',
): Promise<ExitCode> {
  const { info, client } = await findApp(context, input.app);
  const name = fullNameOf(input.work);
  await client[verb](name);
  context.output.result(
    { app: info.name, work: name, command: verb },
    () => `${DONE[verb]} ${name} of ${info.name}; see \`stormkite ps\``,
  );
  return exitCodes.done;
}
