/** What was deployed from this machine: `$STORMKITE_HOME/deployments.json`. Apps of others are found by the names of their stacks. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { stackNameOf } from '../backends/aws/contract.ts';
import { appError } from '../errors/index.ts';

const recordSchema = z.object({
  region: z.string(),
  stack: z.string(),
  appFile: z.string(),
  /** ISO time. */
  deployedAt: z.string(),
});
const schema = z.record(
  z.string(),
  z.union([
    // Files once had one record of each app.
    recordSchema.transform((record) => ({ [record.region]: record })),
    z.record(z.string(), recordSchema),
  ]),
);

export type DeploymentRecord = z.infer<typeof recordSchema>;
/** By name of the app, then by region. */
type Deployments = z.infer<typeof schema>;

/** What is recorded; nothing where that cannot be read. */
export async function recordedDeployments(home: string): Promise<Deployments> {
  try {
    return schema.parse(JSON.parse(await readFile(fileOf(home), 'utf8')));
  } catch {
    return {};
  }
}

/** Where an app is looked for. */
export interface Place {
  /** Empty where nothing names one. */
  readonly region: string;
  /** What it was deployed as from here, or would be. */
  readonly stack: string;
  /** Other regions that it was deployed to from here. */
  readonly elsewhere: readonly string[];
}

/**
 * Where an app is: in the region of the environment, else in the one that it was deployed to from here.
 *
 * @throws `AWS_REGION_MISSING` when it was deployed to several
 */
export async function placeOf(home: string, app: string, env: NodeJS.ProcessEnv): Promise<Place> {
  const records = (await recordedDeployments(home))[app] ?? {};
  const regions = Object.keys(records);
  const named = namedRegion(env);
  if (named === '' && regions.length > 1)
    throw appError('AWS_REGION_MISSING', { what: `${app}, deployed in ${regions.join(' and ')},` });
  const region = named === '' ? (regions[0] ?? '') : named;
  return {
    region,
    stack: records[region]?.stack ?? stackNameOf(app),
    elsewhere: regions.filter((each) => each !== region),
  };
}

/** The region of the environment; empty where it names none. */
export function namedRegion(env: NodeJS.ProcessEnv): string {
  return env['AWS_REGION'] || env['AWS_DEFAULT_REGION'] || '';
}

/** Remembers a deployment. @throws `CLI_WRITE_FAILED` */
export async function recordDeployment(
  home: string,
  app: string,
  record: DeploymentRecord,
): Promise<void> {
  const all = await recordedDeployments(home);
  await write(home, { ...all, [app]: { ...all[app], [record.region]: record } });
}

/** Forgets a deployment; those to other regions stay. @throws `CLI_WRITE_FAILED` */
export async function forgetDeployment(home: string, app: string, region: string): Promise<void> {
  const { [app]: records = {}, ...others } = await recordedDeployments(home);
  const { [region]: gone, ...rest } = records;
  if (gone === undefined) return;
  await write(home, Object.keys(rest).length === 0 ? others : { ...others, [app]: rest });
}

async function write(home: string, all: Deployments): Promise<void> {
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
