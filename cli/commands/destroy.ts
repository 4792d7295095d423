import { appError } from '../../runtime/errors/index.ts';
import { forgetDeployment, placeOf } from '../../runtime/host/deployments.ts';
import { exitCodes } from '../../runtime/host/exit-codes.ts';
import { homeOf } from '../../runtime/host/run-directory.ts';
import { confirm } from '../confirm.ts';
import { defineCommand, jsonOption, type CommandContext } from '../define-command.ts';
import { DeployedLine } from '../deployed-line.ts';
import { findDeployed } from '../find-app.ts';
import type { DeployedApp } from '../../runtime/host/deployed-app.ts';

/** Milliseconds between two looks. */
const LOOK_MS = 2_000;
/** How long works are given to end in order, and everything together to be gone. */
const PAUSE_MS = 120_000;
const DRAIN_MS = 900_000;

export const destroy = defineCommand({
  name: 'destroy',
  summary: 'Remove a deployed app from its account, with everything that costs',
  details:
    'Works are asked to end, tasks are stopped, instances are given back; only when ECS and EC2 say that none is left, the stack is deleted.\n' +
    'An app whose flow does not answer any more is ended the same way. With --keep-state, or when it was deployed with\n' +
    'keepState=true, the two tables stay. A stack that holds more than the app, or is protected from termination, is refused before\n' +
    'anything is changed.',
  arguments: {},
  options: {
    app: { summary: 'Name of the app', value: 'name' },
    keepState: { summary: 'Keep the tables, protected from deletion' },
    yes: { summary: 'Do not ask', short: 'y' },
    ...jsonOption,
    verbose: { summary: 'Show stacks of all errors' },
  },
  examples: [
    { line: 'stormkite destroy --app shop', does: 'after a question' },
    { line: 'stormkite destroy --app shop --keep-state -y', does: 'all but its tables' },
  ],
  async run(context, { app, keepState, yes }) {
    const { env, output, signal } = context;
    if (app === undefined)
      throw appError('CLI_USAGE', { problem: 'no app is named', command: 'stormkite destroy' });
    const deployed = await findDeployed(context, app);
    if (deployed === null) {
      const { region: place, elsewhere } = await placeOf(homeOf(env), app, env);
      const looked = { stack: 'of its own', region: place || 'any known region' };
      throw appError('DEPLOY_STACK_UNKNOWN', { app, ...looked, elsewhere });
    }
    const { stack, region } = deployed;
    const destruction = await deployed.prepareDestruction({ keepState });
    const { kept } = destruction;
    const what =
      kept.length === 0 ? 'all of it, with its state' : `all of it but ${kept.join(' and ')}`;
    await confirm(context, {
      verb: 'destroy',
      question: `destroy ${app} in ${region}: ${what}?`,
      yes,
    });
    const progress = (line: string): void => output.note(line);
    const pollMs = Number(env['STORMKITE_POLL_MS'] ?? LOOK_MS);
    const options = { pollMs, deadlineMs: DRAIN_MS, progress, signal };
    try {
      await endInOrder(context, deployed, progress);
      await destruction.run(options);
    } catch (error) {
      progress(
        destruction.isFinal
          ? `CloudFormation was told to delete ${stack}; \`stormkite destroy --app ${app}\` shows how it ends`
          : `left half-way: the stack ${stack} is as it was; go on with \`stormkite destroy --app ${app}\`, or run the app again with \`stormkite resume --app ${app}\``,
      );
      throw error;
    }
    await forgetDeployment(homeOf(env), app, region);
    output.result({ app, stack, kept: [...kept] }, () =>
      kept.length === 0
        ? `${app} is gone`
        : `${app} is gone; its state is in ${kept.join(' and ')}, ${keepState ? 'protected from deletion' : 'which its stack keeps'}`,
    );
    return exitCodes.done;
  },
});

/** Works that are asked in time can end their calls in order; whoever does not answer is ended all the same. */
async function endInOrder(
  context: CommandContext,
  deployed: DeployedApp,
  progress: (line: string) => void,
): Promise<void> {
  const line = new DeployedLine(context, deployed, { patienceMs: PAUSE_MS });
  try {
    if (!(await deployed.hasFlow())) return;
    progress('asking works to end');
    await line.ask((client) => client.pauseApp());
    const untilMs = performance.now() + PAUSE_MS;
    await line.until(
      async (client) => (await client.status()).stage !== 'running' || performance.now() > untilMs,
    );
  } catch (error) {
    context.signal.throwIfAborted();
    progress(`its flow does not answer: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    line.close();
  }
}
