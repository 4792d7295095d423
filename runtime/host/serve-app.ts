/** What of an open loop people and programs see, wherever its works run: layout, history, HTTP API. */
import type { App } from '../component/app.ts';
import type { AppControl } from '../loop/control.ts';
import type { FlowLoop } from '../loop/flow-loop.ts';
import { evaluateLayout } from '../loop/layout.ts';
import type { LogSink } from '../ports/log-sink.ts';
import { openApiServer } from '../server/api-server.ts';
import type { AppFacts } from '../server/app-routes.ts';
import { History } from '../server/history.ts';
import type { Listener } from '../server/listener.ts';
import type { LogSource } from '../server/log-source.ts';
import { readUserApi, type UserApi } from '../server/user-api.ts';
import { withLogs } from './app-control.ts';
import type { Closers } from './closers.ts';
import { checkStaticFrontends } from './frontends.ts';
import { openLayout, type OpenLayoutOptions } from './open-layout.ts';
import { stormkiteVersion } from './package-version.ts';

/** What the app says of itself, checked before anything of it runs. */
export interface CheckedApp {
  readonly user: UserApi;
}

/**
 * Checks what the app offers to people and programs.
 *
 * @throws `FRONTEND_…`, `SERVER_…` codes that name the component and the line to change
 */
export async function checkApp(app: App, projectRoot: string): Promise<CheckedApp> {
  await checkStaticFrontends(evaluateLayout(app.flow), projectRoot);
  return { user: readUserApi(app.flow) };
}

export interface ServeAppOptions extends Omit<OpenLayoutOptions, 'logs'> {
  readonly checked: CheckedApp;
  /** Must have followed the loop since before it was opened. */
  readonly history: History;
  readonly listener: Listener;
  /** Address that the listener is bound to. */
  readonly host: string;
  /** Names of what is in front of it. @default - nothing is */
  readonly hosts?: readonly string[];
  readonly logs: LogSource;
  /** Takes what frontends print. */
  readonly sink: LogSink;
  readonly mode: AppFacts['mode'];
}

export interface ServedApp {
  readonly control: AppControl;
  /** Kills the frontends' servers at once. */
  kill(): Promise<void>;
}

/** Follows a loop that is not open yet, for {@link ServeAppOptions.history}. */
export function followHistory(loop: FlowLoop, closers: Closers): History {
  const history = new History();
  closers.add(history.follow(loop));
  return history;
}

/** Serves an open loop; what it opens is closed by `closers`. */
export async function serveApp(options: ServeAppOptions, closers: Closers): Promise<ServedApp> {
  const {
    app,
    loop,
    listener,
    host,
    hosts = [],
    token,
    logs,
    sink,
    mode,
    checked,
    history,
  } = options;
  const { rootPath, info = {} } = app.options;
  const shown = await openLayout({ ...options, logs: sink });
  closers.add(() => shown.close());
  const layout = shown.board;
  const control = withLogs(loop, logs, layout);
  const startedAt = new Date().toISOString();
  const server = await openApiServer({
    listener,
    control,
    history,
    logs,
    host,
    hosts,
    token,
    facts: { startedAt, stormkite: stormkiteVersion(), mode, info },
    user: checked.user,
    rootPath,
    layout,
  });
  closers.add(() => server.close());
  return { control, kill: () => shown.kill() };
}
