import { createInterface } from 'node:readline/promises';
import { appError } from '../runtime/errors/index.ts';
import type { CommandContext } from './define-command.ts';

/**
 * Asks before an account is changed. Where nobody can answer, only `--yes` will do.
 *
 * @throws `DEPLOY_NOT_CONFIRMED`
 */
export async function confirm(
  { output, signal }: CommandContext,
  {
    verb,
    question,
    yes,
  }: { readonly verb: string; readonly question: string; readonly yes: boolean },
): Promise<void> {
  if (yes) return;
  if (output.isJson || !process.stdin.isTTY) throw appError('DEPLOY_NOT_CONFIRMED', { verb });
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await reader.question(`${question} [y/N] `, { signal });
    if (!/^y(es)?$/i.test(answer.trim())) throw appError('DEPLOY_NOT_CONFIRMED', { verb });
  } finally {
    reader.close();
  }
}
