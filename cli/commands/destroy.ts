import { setTimeout } from 'node:timers/promises';
import { within } from '../../runtime/client/within.ts';
import { appError } from '../../runtime/errors/index.ts';
import { recordDeployment } from '../../runtime/host/deployments.ts';
import { exitCodes } from '../../runtime/host/exit-codes.ts';
import { homeOf } from '../../runtime/host/run-directory.ts';
import { confirm } from '../confirm.ts';
import { defineCommand, jsonOption, type CommandContext } from '../define-command.ts';
import { clientOf, findDeployed, infoOf } from '../find-app.ts';
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
    'An app whose flow does not answer any more is ended the same way. With --keep-state the two tables stay.',
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
      const region = env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'] ?? 'any known region';
      throw appError('DEPLOY_STACK_UNKNOWN', { app, stack: 'of its own', region });
    }
    const { stack, region } = deployed;
    const what = keepState ? 'all of it but its tables' : 'all of it, with its state';
    await confirm(context, {
      verb: 'destroy',
      question: `destroy ${app} in ${region}: ${what}?`,
      yes,
    });
    const progress = (line: string): void => output.note(line);
    await endInOrder(context, deployed, progress);
    const pollMs = Number(env['STORMKITE_POLL_MS'] ?? LOOK_MS);
    const options = { keepState, pollMs, deadlineMs: DRAIN_MS, progress, signal };
    const { kept } = await deployed.destroy(options);
    await recordDeployment(homeOf(env), app, null);
    output.result({ app, stack, kept: [...kept] }, () =>
      kept.length === 0
        ? `${app} is gone`
        : `${app} is gone; its state is in ${kept.join(' and ')}, protected from deletion`,
    );
    return exitCodes.done;
  },
});

/** Works that are asked in time can end their calls in order; whoever does not answer is ended all the same. */
async function endInOrder(
  { signal }: CommandContext,
  deployed: DeployedApp,
  progress: (line: string) => void,
): Promise<void> {
  try {
    if (!(await deployed.hasFlow())) return;
    progress('asking works to end');
    const info = { ...infoOf(deployed), ...(await deployed.reach(signal)) };
    await within(PAUSE_MS, signal, async (limit) => {
      const client = clientOf(info, limit);
      await client.pauseApp();
      while ((await client.status()).stage === 'running')
        await setTimeout(LOOK_MS, undefined, { signal: limit });
    });
  } catch (error) {
    signal.throwIfAborted();
    progress(`its flow does not answer: ${error instanceof Error ? error.message : String(error)}`);
  }
}
