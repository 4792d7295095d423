/** What was deployed from this machine: `$STORMKITE_HOME/deployments.json`. Apps of others are found by the names of their stacks. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { appError } from '../errors/index.ts';

export { stackNameOf } from '../backends/aws/contract.ts';

const recordSchema = z.object({
  region: z.string(),
  stack: z.string(),
  appFile: z.string(),
  /** ISO time. */
  deployedAt: z.string(),
});
const schema = z.record(z.string(), recordSchema);

export type DeploymentRecord = z.infer<typeof recordSchema>;

/** By name of the app. */
export async function recordedDeployments(home: string): Promise<Record<string, DeploymentRecord>> {
  try {
    return schema.parse(JSON.parse(await readFile(fileOf(home), 'utf8')));
  } catch {
    return {};
  }
}

/**
 * Remembers a deployment, or forgets it.
 *
 * @throws `CLI_WRITE_FAILED`
 */
export async function recordDeployment(
  home: string,
  app: string,
  record: DeploymentRecord | null,
): Promise<void> {
  const all = await recordedDeployments(home);
  if (record === null) delete all[app];
  else all[app] = record;
  const file = fileOf(home);
  try {
    await mkdir(home, { recursive: true });
    await writeFile(`${file}.${process.pid}`, `${JSON.stringify(all, null, 2)}\n`);
    await rename(`${file}.${process.pid}`, file);
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw appError('CLI_WRITE_FAILED', { where: file, problem }, { cause });
  }
}

function fileOf(home: string): string {
  return join(home, 'deployments.json');
}
