/** How commands find a running app and talk to it. */
import { connect, type AppClient } from '../runtime/client/index.ts';
import { appError } from '../runtime/errors/index.ts';
import { homeOf, runningApps, type RunInfo } from '../runtime/host/run-directory.ts';
import type { CommandContext } from './define-command.ts';

/** How long an app may take to answer at first, in milliseconds. */
export const ANSWER_MS = 5_000;

export interface FoundApp {
  readonly info: RunInfo;
  readonly client: AppClient;
}

/**
 * The running app of a name, or the only one that runs, when it answers.
 *
 * @throws `CLI_APP_SILENT`, and what {@link findRun} throws
 */
export async function findApp(
  context: CommandContext,
  name: string | undefined,
): Promise<FoundApp> {
  const info = await findRun(context, name);
  await checkAnswers(info, context.signal);
  return { info, client: clientOf(info, context.signal) };
}

/**
 * What is known of a running app without asking it; without a name, of the only app that runs.
 *
 * @throws `CLI_APP_UNKNOWN`, `CLI_APP_AMBIGUOUS`, `CLI_NO_APP_RUNNING`
 */
export async function findRun(context: CommandContext, name: string | undefined): Promise<RunInfo> {
  const home = homeOf(context.env);
  const apps = await runningApps(home);
  const running = apps.map((app) => app.name).join(', ');
  const info = name === undefined ? apps[0] : apps.find((app) => app.name === name);
  if (info === undefined) {
    throw name === undefined
      ? appError('CLI_NO_APP_RUNNING', { home })
      : appError('CLI_APP_UNKNOWN', { app: name, running });
  }
  if (name === undefined && apps.length > 1) throw appError('CLI_APP_AMBIGUOUS', { running });
  return info;
}

/** An app whose flow never yields does not answer; commands say so instead of waiting for ever. */
async function checkAnswers(info: RunInfo, signal: AbortSignal): Promise<void> {
  const deadline = AbortSignal.timeout(ANSWER_MS);
  try {
    await clientOf(info, AbortSignal.any([signal, deadline])).status();
  } catch (cause) {
    if (!deadline.aborted) throw cause;
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
