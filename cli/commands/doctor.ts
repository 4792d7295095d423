import { examine, type Check } from '../../runtime/host/doctor.ts';
import { exitCodes } from '../../runtime/host/exit-codes.ts';
import { defineCommand, jsonOption, type CommandContext } from '../define-command.ts';

export const doctor = defineCommand({
  name: 'doctor',
  summary: 'Check what running and deploying apps needs, and say what to do',
  details:
    'Looks at this machine, and at the account and region of the environment where there is one. What cannot be asked is skipped.',
  arguments: {},
  options: { ...jsonOption },
  examples: [
    { line: 'stormkite doctor', does: 'this machine, and the account of AWS_REGION if it is set' },
    { line: 'AWS_REGION=us-east-1 stormkite doctor', does: 'before the first deployment' },
  ],
  exitCodes: { [exitCodes.environment]: 'a check failed' },
  async run({ output, env, cwd }) {
    const checks = await examine({ cwd, env });
    output.result({ checks: [...checks] }, () =>
      checks.map((each) => toLine(each, output)).join('\n'),
    );
    return checks.some(({ status }) => status === 'fail') ? exitCodes.environment : exitCodes.done;
  },
});

function toLine(
  { name, status, found, mend }: Check,
  { colours }: CommandContext['output'],
): string {
  const { green, yellow, red, dim } = colours;
  const paint = { ok: green, warn: yellow, fail: red, skipped: dim }[status];
  const line = `${paint(status.padEnd(8))}${name.padEnd(24)}${found}`;
  return mend === undefined ? line : `${line}\n${' '.repeat(8)}${mend}`;
}
