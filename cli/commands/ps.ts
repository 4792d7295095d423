import type { AppStatus } from '../../runtime/client/index.ts';
import { within } from '../../runtime/client/within.ts';
import { exitCodes } from '../../runtime/host/exit-codes.ts';
import { homeOf, runningApps, type RunInfo } from '../../runtime/host/run-directory.ts';
import type { WorkSummary } from '../../runtime/protocol/events.ts';
import { defineCommand, jsonOption, type CommandContext } from '../define-command.ts';
import { ANSWER_MS, clientOf, findDeployed, findRun, infoOf } from '../find-app.ts';
import { toTable } from '../table.ts';

interface Row {
  readonly info: RunInfo;
  /** `null` when it does not answer. */
  readonly status: AppStatus | null;
  readonly works: readonly WorkSummary[];
}

export const ps = defineCommand({
  name: 'ps',
  summary: 'List the apps that run, and their works',
  arguments: {},
  options: {
    app: { summary: 'Only this app; may be a deployed one', value: 'name' },
    ...jsonOption,
  },
  examples: [
    { line: 'stormkite ps', does: 'every app that runs on this machine' },
    { line: 'stormkite ps --app shop --json', does: 'one app, also a deployed one, for a program' },
  ],
  async run(context, { app }) {
    const deployed = app === undefined ? null : await findDeployed(context, app);
    const infos =
      deployed !== null
        ? [{ ...infoOf(deployed), ...(await deployed.reach(context.signal)) }]
        : app === undefined
          ? await runningApps(homeOf(context.env))
          : [await findRun(context, app)];
    const rows = await Promise.all(infos.map((info) => ask(info, context.signal)));
    context.output.result({ apps: rows.map(toJson) }, () => toText(rows, context));
    return exitCodes.done;
  },
});

async function ask(info: RunInfo, signal: AbortSignal): Promise<Row> {
  try {
    return await within(ANSWER_MS, signal, async (limit) => {
      const client = clientOf(info, limit);
      const [status, works] = await Promise.all([client.status(), client.works()]);
      return { info, status, works };
    });
  } catch {
    signal.throwIfAborted();
    return { info, status: null, works: [] };
  }
}

function toJson({ info, status, works }: Row): object {
  const { name, url, appFile } = info;
  // What a deployed app knows of itself only it can tell.
  const isHere = info.startedAt !== '';
  return {
    name,
    stage: status?.stage ?? 'unreachable',
    url,
    pid: isHere ? info.pid : (status?.pid ?? 0),
    startedAt: isHere ? info.startedAt : (status?.startedAt ?? new Date(0).toISOString()),
    appFile,
    version: status?.version ?? null,
    stormkite: isHere ? info.version : (status?.stormkite ?? ''),
    works,
  };
}

function toText(rows: readonly Row[], { output }: CommandContext): string {
  if (rows.length === 0) return 'no app is running; start one with `stormkite run app.ts`';
  const { bold, dim } = output.colours;
  const texts = rows.map(({ info, status, works }) => {
    const head = `${bold(info.name)}  ${status?.stage ?? 'does not answer'}  ${info.url}  ${dim(info.startedAt === '' ? `deployed, since ${status?.startedAt ?? '?'}` : `pid ${info.pid}, since ${info.startedAt}`)}`;
    const lines = works.map(
      ({ name, class: className, status: { stage, reason }, hardware, pid, url }) => [
        name,
        reason === undefined ? stage : `${stage} (${reason})`,
        className,
        hardware,
        pid === null ? '-' : String(pid),
        url === '' ? '-' : url,
      ],
    );
    return lines.length === 0
      ? head
      : `${head}\n${toTable(['WORK', 'STATUS', 'CLASS', 'HARDWARE', 'PID', 'URL'], lines)}`;
  });
  return texts.join('\n\n');
}
