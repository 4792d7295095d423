import { appError } from '../../runtime/errors/index.ts';
import { runBeside } from '../../runtime/host/exec-local.ts';
import { exitCodes, type ExitCode } from '../../runtime/host/exit-codes.ts';
import { appOption, defineCommand, jsonOption } from '../define-command.ts';
import { findApp, fullNameOf } from '../find-app.ts';

export const exec = defineCommand({
  name: 'exec',
  summary: 'Run a command beside a work that runs',
  details:
    'Locally: in the folder and with the environment of its process (Linux). Deployed: in its container, by ECS Exec, which needs the Session\n' +
    'Manager plugin. An emulated task has no container to run it in. With --json what the command prints goes to standard error.',
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
    const { client, deployed } = await findApp(context, app);
    // Standard output is for our own JSON then.
    const stdio: ['inherit', 'inherit' | 2, 'inherit'] = [
      'inherit',
      output.isJson ? 2 : 'inherit',
      'inherit',
    ];
    const ended = (code: number): ExitCode => {
      if (output.isJson) output.json({ work: name, code });
      // Ours has few: what else the command gave is a failure of the command.
      return code === 0 ? exitCodes.done : exitCodes.failed;
    };
    if (deployed !== null) return ended(await deployed.exec(name, command, stdio));
    const { mode } = await client.status();
    const found = (await client.works()).find((each) => each.name === name);
    if (found === undefined) throw appError('WORK_UNKNOWN', { name });
    if (mode === 'emulated')
      throw appError('CLI_EXEC_NOT_HERE', {
        work: name,
        problem: 'an emulated task has no container',
      });
    if (found.pid === null)
      throw appError('CLI_EXEC_NOT_HERE', { work: name, problem: 'it has no process' });
    return ended(await runBeside(name, found.pid, { command, stdio }));
  },
});
