/** How commands find an app and talk to it: one that runs on this machine, else one that is deployed. */
import { connect, type AppClient } from '../runtime/client/index.ts';
import { within } from '../runtime/client/within.ts';
import { appError, isAppError, type AppError } from '../runtime/errors/index.ts';
import type { DeployedApp } from '../runtime/host/deployed-app.ts';
import { placeOf, recordedDeployments } from '../runtime/host/deployments.ts';
import { homeOf, runningApps, type RunInfo } from '../runtime/host/run-directory.ts';
import type { CommandContext } from './define-command.ts';

/** How long an app may take to answer at first, in milliseconds. */
export const ANSWER_MS = 5_000;

export interface FoundApp {
  /** Of a deployed app: its name and where it is reached. */
  readonly info: RunInfo;
  readonly client: AppClient;
  /** `null` for an app of this machine. */
  readonly deployed: DeployedApp | null;
}

/**
 * The app of a name, or the only one that runs, when it answers.
 *
 * @throws `CLI_APP_SILENT`, what {@link findRun} throws, and for deployed apps `AWS_…`, `DEPLOY_…`
 */
export async function findApp(
  context: CommandContext,
  name: string | undefined,
): Promise<FoundApp> {
  const deployed = await findDeployed(context, name);
  if (deployed !== null) {
    const info = { ...infoOf(deployed), ...(await deployed.reach(context.signal)) };
    return { info, deployed, client: clientOf(info, context.signal) };
  }
  const info = await findRun(context, name);
  await checkAnswers(info, context.signal);
  return { info, deployed, client: clientOf(info, context.signal) };
}

/** The deployed app that is meant: named, or the only one there is, while no app of this machine is. */
export async function findDeployed(
  { env }: CommandContext,
  name: string | undefined,
): Promise<DeployedApp | null> {
  const home = homeOf(env);
  const here = await runningApps(home);
  const isHere = name === undefined ? here.length > 0 : here.some((app) => app.name === name);
  if (isHere) return null;
  const wanted = name ?? (await onlyDeployed(home));
  if (wanted === undefined) return null;
  const { DeployedApp: Deployed } = await import('../runtime/host/deployed-app.ts');
  return await Deployed.find(home, wanted, env);
}

/** The only app that was deployed from here. */
async function onlyDeployed(home: string): Promise<string | undefined> {
  const recorded = Object.keys(await recordedDeployments(home));
  return recorded.length === 1 ? recorded[0] : undefined;
}

/** What to say of an app that is not in the region that was looked in, but was deployed elsewhere from here; else `null`. */
export async function deployedElsewhere(
  { env }: CommandContext,
  name: string | undefined,
): Promise<AppError | null> {
  const home = homeOf(env);
  const app = name ?? (await onlyDeployed(home));
  if (app === undefined) return null;
  const { region, elsewhere } = await placeOf(home, app, env);
  if (elsewhere.length === 0) return null;
  return appError('DEPLOY_STACK_UNKNOWN', { app, stack: 'of its own', region, elsewhere });
}

/** What `ps` shows of a deployed app, before it was reached. */
export function infoOf({ name }: Pick<DeployedApp, 'name'>): RunInfo {
  const unknown = { pid: 0, processStart: '', startedAt: '', appFile: '', version: '' };
  return { name, url: '', ...unknown };
}

/**
 * What is known of a running app without asking it; without a name, of the only app that runs.
 *
 * @throws `CLI_APP_UNKNOWN`, `CLI_APP_AMBIGUOUS`, `CLI_NO_APP_RUNNING`, `DEPLOY_STACK_UNKNOWN`
 */
export async function findRun(context: CommandContext, name: string | undefined): Promise<RunInfo> {
  const home = homeOf(context.env);
  const apps = await runningApps(home);
  const running = apps.map((app) => app.name).join(', ');
  const info = name === undefined ? apps[0] : apps.find((app) => app.name === name);
  if (info === undefined) {
    const elsewhere = await deployedElsewhere(context, name);
    if (elsewhere !== null) throw elsewhere;
    throw name === undefined
      ? appError('CLI_NO_APP_RUNNING', { home })
      : appError('CLI_APP_UNKNOWN', { app: name, running });
  }
  if (name === undefined && apps.length > 1) throw appError('CLI_APP_AMBIGUOUS', { running });
  return info;
}

/** An app whose flow never yields does not answer; commands say so instead of waiting for ever. */
async function checkAnswers(info: RunInfo, signal: AbortSignal): Promise<void> {
  try {
    await within(ANSWER_MS, signal, (limit) => clientOf(info, limit).status());
  } catch (cause) {
    if (signal.aborted || !isAppError(cause, 'CLIENT_CLOSED')) throw cause;
    throw appError('CLI_APP_SILENT', { app: info.name, pid: info.pid }, { cause });
  }
}

/** A client of a running app, ended with the command. */
export function clientOf({ url, token }: RunInfo, signal: AbortSignal): AppClient {
  return connect({ url, signal, name: 'cli', ...(token === undefined ? {} : { token }) });
}

/** `root.train` for `train`; a full name stays. */
export function fullNameOf(work: string): string {
  return work.startsWith('root.') ? work : `root.${work}`;
}
