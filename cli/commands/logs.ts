import { access } from 'node:fs/promises';
import { appError } from '../../runtime/errors/index.ts';
import type { DeployedApp } from '../../runtime/host/deployed-app.ts';
import { recordedDeployments } from '../../runtime/host/deployments.ts';
import { exitCodes } from '../../runtime/host/exit-codes.ts';
import { appDirectoryOf, homeOf, runningApps } from '../../runtime/host/run-directory.ts';
import type { LogLine } from '../../runtime/ports/log-sink.ts';
import { appOption, defineCommand, jsonOption, type CommandContext } from '../define-command.ts';
import { findApp, findDeployed, fullNameOf } from '../find-app.ts';
import { workTag } from '../work-tag.ts';

const DEFAULT_TAIL = 1_000;
const MAX_TAIL = 100_000;

export const logs = defineCommand({
  name: 'logs',
  summary: 'Show what the flow and the works printed',
  details:
    'With --app it also shows the latest run of an app that has ended. A deployed app is read from its log group, also while it is paused\n' +
    'or does not come up.',
  arguments: {
    work: {
      summary: 'A work (root.train, or train), or flow; all of them when left out',
      optional: true,
    },
  },
  options: {
    follow: { summary: 'Go on with every new line until the app ends', short: 'f' },
    tail: { summary: `Lines to begin with (default: ${DEFAULT_TAIL})`, value: 'lines' },
    ...appOption,
    ...jsonOption,
  },
  examples: [
    { line: 'stormkite logs', does: 'everything that was printed' },
    { line: 'stormkite logs train -f', does: 'follow one work' },
    { line: 'stormkite logs flow --tail 20', does: 'what the flow itself printed' },
  ],
  async run(context, { work, follow, tail, app }) {
    const source = work === undefined || work === 'flow' ? (work ?? null) : fullNameOf(work);
    const lines = parseTail(tail);
    for await (const line of await linesOf(context, { source, follow, lines, app }))
      print(context, line, source === null);
    return exitCodes.done;
  },
});

interface LinesRequest {
  readonly source: string | null;
  readonly follow: boolean;
  readonly lines: number;
  readonly app: string | undefined;
}

/** What runs here, then what was deployed, then what ran here. */
async function linesOf(
  context: CommandContext,
  { source, follow, lines, app }: LinesRequest,
): Promise<AsyncIterable<LogLine> | readonly LogLine[]> {
  const ended = app === undefined ? null : await endedApp(context, app);
  const deployed = await deployedApp(context, app, ended !== null);
  if (deployed !== null)
    return await deployed.logs({ source, lines, follow, signal: context.signal });
  if (ended === null || app === undefined)
    return (await findApp(context, app)).client.logs(source, { follow, tail: lines });
  const { tailLogs } = await import('../../runtime/host/log-files.ts');
  const found = await tailLogs(ended, source, lines);
  // Whether there was such a work only its store knows, which nobody opens to look.
  if (found.length === 0 && lines > 0) {
    const by = source === null ? '' : ` by ${source}`;
    context.output.note(`nothing was printed${by} in the latest run of ${app}`);
  }
  return found;
}

/** AWS may not answer about an app that only ever ran here. */
async function deployedApp(
  context: CommandContext,
  app: string | undefined,
  hasEnded: boolean,
): Promise<DeployedApp | null> {
  try {
    return await findDeployed(context, app);
  } catch (error) {
    const recorded = await recordedDeployments(homeOf(context.env));
    if (!hasEnded || app === undefined || Object.hasOwn(recorded, app)) throw error;
    const problem = error instanceof Error ? error.message : String(error);
    context.output.warn(`whether it is deployed is not known: ${problem}`);
    return null;
  }
}

/** The logs of an app that does not run any more; `null` for one that does, or never did. */
async function endedApp({ env }: CommandContext, app: string): Promise<string | null> {
  const home = homeOf(env);
  if ((await runningApps(home)).some(({ name }) => name === app)) return null;
  const { logs: directory } = appDirectoryOf(home, app);
  return await access(directory).then(
    () => directory,
    () => null,
  );
}

function print({ output }: CommandContext, line: LogLine, isMixed: boolean): void {
  const text = isMixed ? `${workTag(line.source, output.colours)} ${line.line}` : line.line;
  output.result(line, () => text);
}

function parseTail(text: string | undefined): number {
  if (text === undefined) return DEFAULT_TAIL;
  const lines = Number(text);
  if (/^\d+$/.test(text) && lines <= MAX_TAIL) return lines;
  throw appError('CLI_OPTION_INVALID', {
    option: '--tail',
    value: text,
    allowed: `a whole number from 0 to ${MAX_TAIL}`,
  });
}
