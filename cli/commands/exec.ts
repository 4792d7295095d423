import { appError } from '../../runtime/errors/index.ts';
import { runBeside } from '../../runtime/host/exec-local.ts';
import { exitCodes, type ExitCode } from '../../runtime/host/exit-codes.ts';
import { appOption, defineCommand, jsonOption, type CommandContext } from '../define-command.ts';
import { findApp, findDeployed, fullNameOf } from '../find-app.ts';

export const exec = defineCommand({
  name: 'exec',
  summary: 'Run a command beside a work that runs',
  details:
    'Locally: in the folder and with the environment of its process (Linux). Deployed: in its container, by ECS Exec, which needs the Session\n' +
    'Manager plugin. The plugin does not tell how a command ended there: 0 means that the session ended in order. An emulated task has no\n' +
    'container to run it in. Ctrl-C goes to the command. With --json what the command prints goes to standard error.',
  arguments: {
    work: { summary: 'Name of the work: root.train, or train' },
    command: { summary: 'The command, after --', many: true },
  },
  options: { ...appOption, ...jsonOption },
  examples: [
    { line: 'stormkite exec train -- env', does: 'the environment of root.train' },
    { line: 'stormkite exec train --app shop -- sh', does: 'a shell in its container' },
  ],
  exitCodes: { [exitCodes.failed]: 'the command failed' },
  async run(context, { work, command, app }) {
    const name = fullNameOf(work);
    const { output } = context;
    const deployed = await findDeployed(context, app);
    // Standard output is for our own JSON then.
    const stdio: ['inherit', 'inherit' | 2, 'inherit'] = [
      'inherit',
      output.isJson ? 2 : 'inherit',
      'inherit',
    ];
    const ended = (code: number, told: number | null): ExitCode => {
      if (output.isJson) output.json({ work: name, code: told });
      // Ours has few: what else the command gave is a failure of the command.
      return code === 0 ? exitCodes.done : exitCodes.failed;
    };
    if (deployed !== null) {
      const code = await context.handOver(() => deployed.exec(name, command, stdio));
      return ended(code, null);
    }
    const pid = await pidOf(context, app, name);
    const code = await context.handOver(() => runBeside(name, pid, { command, stdio }));
    return ended(code, code);
  },
});

/** Process of a work of this machine. @throws `WORK_UNKNOWN`, `CLI_EXEC_NOT_HERE` */
async function pidOf(
  context: CommandContext,
  app: string | undefined,
  work: string,
): Promise<number> {
  const { client } = await findApp(context, app);
  const { mode } = await client.status();
  const found = (await client.works()).find((each) => each.name === work);
  if (found === undefined) throw appError('WORK_UNKNOWN', { name: work });
  if (mode === 'emulated') {
    const problem = 'an emulated task has no container';
    throw appError('CLI_EXEC_NOT_HERE', { work, problem });
  }
  if (found.pid === null)
    throw appError('CLI_EXEC_NOT_HERE', { work, problem: 'it has no process' });
  return found.pid;
}
