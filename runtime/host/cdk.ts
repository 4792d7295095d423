/** The CDK of the user's project, which makes and changes stacks; its version is checked before it may. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { CDK_CONTEXT } from '../backends/aws/contract.ts';
import { appError } from '../errors/index.ts';

/** What `stormkite init --aws` pins. npm's `latest` of aws-cdk is a stray 3.0.0 that cannot read our assemblies. */
export const CDK_PINS = {
  'aws-cdk': '2.1148.1',
  'aws-cdk-lib': '2.276.0',
  constructs: '10.8.1',
} as const;
const MIN_CLI_MINOR = 1148;

/** The installed CLI; `null` when there is none. */
export async function findCdk(
  directory: string,
): Promise<{ readonly version: string; readonly program: string } | null> {
  for (const from of [join(directory, 'package.json'), import.meta.url]) {
    try {
      const manifest = createRequire(from).resolve('aws-cdk/package.json');
      const { version } = JSON.parse(await readFile(manifest, 'utf8')) as { version: string };
      return { version, program: join(dirname(manifest), 'bin', 'cdk') };
    } catch {
      // Not there; the next place may have it.
    }
  }
  return null;
}

/** What is wrong with a version of the CLI; `null` for a good one. */
export function cdkProblem(version: string): string | null {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major === 2 && minor >= MIN_CLI_MINOR) return null;
  return major >= 3
    ? `aws-cdk ${version} is a stray release that cannot read our stacks`
    : `aws-cdk ${version} is too old`;
}

/** What keeps the CDK beside a folder from making stacks; `null` when nothing does. */
export async function cdkMissing(directory: string): Promise<string | null> {
  const found = await findCdk(directory);
  if (found === null) return 'aws-cdk is not installed';
  return cdkProblem(found.version) ?? (hasLibrary() ? null : 'aws-cdk-lib is not installed');
}

/** Our own stack program loads it, from where this package is. */
function hasLibrary(): boolean {
  try {
    createRequire(import.meta.url).resolve('aws-cdk-lib/package.json');
    return true;
  } catch {
    return false;
  }
}

/** What a stack is made of. */
export interface CdkStack {
  readonly appFile: string;
  readonly app: string;
  readonly stack: string;
  /** File of a price list for the flow. */
  readonly pricesFile: string | null;
  /** `-c name=value` of the user. */
  readonly context: Readonly<Record<string, string>>;
}

export interface CdkRun {
  readonly verb: 'synth' | 'deploy' | 'diff';
  readonly stack: string;
  /** What makes the stack, as a program or as the folder in which it was made (`--app`). */
  readonly from: string;
  /** More of what `cdk` takes. */
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  /** Standard output goes to standard error, so that ours stays JSON. */
  readonly isQuiet: boolean;
}

/**
 * Runs `cdk` in this terminal.
 *
 * @throws `DEPLOY_CDK_MISSING`, `DEPLOY_CDK_FAILED`
 */
export async function runCdk(run: CdkRun): Promise<void> {
  const { verb, stack, from, args, cwd, env, signal, isQuiet } = run;
  const found = await findCdk(cwd);
  const problem = await cdkMissing(cwd);
  if (found === null || problem !== null)
    throw appError('DEPLOY_CDK_MISSING', { problem: problem ?? '', directory: cwd });
  signal.throwIfAborted();
  const child = spawn(
    process.execPath,
    [found.program, verb, stack, '--app', from, '--no-notices', ...args],
    { cwd, env, stdio: ['inherit', isQuiet ? 2 : 'inherit', 'inherit'] },
  );
  const end = (): void => void child.kill('SIGINT');
  signal.addEventListener('abort', end, { once: true });
  const [code, how] = (await once(child, 'close')) as [number | null, string | null];
  signal.removeEventListener('abort', end);
  signal.throwIfAborted();
  if (code !== 0)
    throw appError('DEPLOY_CDK_FAILED', {
      verb,
      status: code === null ? `${how}` : `code ${code}`,
    });
}

/**
 * Makes a stack in a folder, from which it can be compared and deployed. Needs no credentials, unless the stack looks something up.
 *
 * @returns the text of its template
 * @throws `DEPLOY_CDK_MISSING`, `DEPLOY_CDK_FAILED`
 */
export async function synthesise(
  of: CdkStack,
  folder: string,
  where: Pick<CdkRun, 'cwd' | 'env' | 'signal'>,
): Promise<string> {
  const { appFile, app, stack, pricesFile, context } = of;
  const values = {
    ...(pricesFile === null ? {} : { [CDK_CONTEXT.prices]: pricesFile }),
    ...context,
    [CDK_CONTEXT.app]: appFile,
    [CDK_CONTEXT.name]: app,
    stackName: stack,
  };
  const args = Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  // `destroy` knows by the paths what is the app's.
  const made = ['--output', folder, '--quiet', '--path-metadata', ...args];
  const from = stackProgram();
  await runCdk({ verb: 'synth', stack, from, args: made, ...where, isQuiet: true });
  return await readFile(join(folder, `${stack}.template.json`), 'utf8');
}

/** The program that makes the stack, as a line of a shell. */
function stackProgram(): string {
  const isSource = import.meta.url.endsWith('.ts');
  const main = fileURLToPath(
    new URL(`../../infra/main.${isSource ? 'ts' : 'js'}`, import.meta.url),
  );
  const loader = isSource
    ? ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href]
    : [];
  const parts = [process.execPath, ...loader, main].map((part) => `"${part}"`);
  // The parser of `cdk` takes away quotes with which a value both begins and ends; the program does not look at its arguments.
  return [...parts, 'stack'].join(' ');
}
