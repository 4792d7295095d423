/** A command in the folder and with the environment of a process of this machine; Linux tells both. */
import { spawn, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { readFile, readlink } from 'node:fs/promises';
import { appError } from '../errors/index.ts';

/**
 * Runs a command in this terminal; gives its exit code, 128 and more when a signal ended it.
 *
 * @throws `CLI_EXEC_NOT_HERE`
 */
export async function runBeside(
  work: string,
  pid: number,
  { command, stdio }: { readonly command: readonly string[]; readonly stdio: StdioOptions },
): Promise<number> {
  const [program = '', ...args] = command;
  const { env, cwd } = await surroundingsOf(work, pid);
  const child = spawn(program, args, { env, cwd, stdio });
  try {
    await once(child, 'spawn');
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw appError('CLI_EXEC_NOT_HERE', { work, problem }, { cause });
  }
  const [code] = (await once(child, 'close')) as [number | null];
  return code ?? 128;
}

async function surroundingsOf(
  work: string,
  pid: number,
): Promise<{ readonly env: Record<string, string>; readonly cwd: string }> {
  try {
    const [text, cwd] = await Promise.all([
      readFile(`/proc/${pid}/environ`, 'utf8'),
      readlink(`/proc/${pid}/cwd`),
    ]);
    const pairs = text.split('\0').filter((line) => line.includes('='));
    const env = pairs.map((line) => [
      line.slice(0, line.indexOf('=')),
      line.slice(line.indexOf('=') + 1),
    ]);
    return { env: Object.fromEntries(env) as Record<string, string>, cwd };
  } catch (cause) {
    const problem = `this system does not tell the environment of process ${pid}`;
    throw appError('CLI_EXEC_NOT_HERE', { work, problem }, { cause });
  }
}
