/**
 * A local run of an app, in this process: everything that it needs, opened in order and closed in the reverse order.
 *
 * F1 Who fails to open something closes what was opened before it.
 * F2 The state that an earlier run stored is not touched before the app file has loaded; its logs are kept as `logs.previous`.
 * F3 Works are launched before the HTTP API is built; requests wait for it.
 */
import { readdir, rename, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createLocalBackend, type LocalBackend } from '../backends/local/local-backend.ts';
import type { LocalTimings } from '../backends/local/local-timings.ts';
import { secretVariables } from '../backends/local/secrets.ts';
import type { App } from '../component/app.ts';
import { worksBelow } from '../component/tree.ts';
import { OPTIONS } from '../component/work-symbols.ts';
import { background, toWire } from '../errors/index.ts';
import type { AppControl } from '../loop/control.ts';
import { FlowLoop, type AppResult } from '../loop/flow-loop.ts';
import type { Timings } from '../loop/timings.ts';
import type { LogLine } from '../ports/log-sink.ts';
import type { AppEvent } from '../protocol/events.ts';
import { STATE_TOKEN_VARIABLE, STATE_URL_VARIABLE, toRootPath } from '../protocol/layout.ts';
import { tokenFor } from '../server/access.ts';
import { openListener } from '../server/listener.ts';
import { tellerOf } from './app-control.ts';
import { AsyncTurnScope } from './async-turn-scope.ts';
import type { Bundle } from './bundle.ts';
import { Closers } from './closers.ts';
import { watchFatalErrors, type FatalErrors } from './fatal-errors.ts';
import { hearOutput, type FlowOutputMode } from './flow-output.ts';
import { keepSpare } from './keep-spare.ts';
import { killAtFailpoint } from './kill-at-failpoint.ts';
import { LogFiles } from './log-files.ts';
import { openStore } from './open-store.ts';
import { stormkiteVersion } from './package-version.ts';
import { appNameOf, claimRun, homeOf, type AppDirectory } from './run-directory.ts';
import { SystemClock } from './system-clock.ts';
import { TurnWatch } from './turn-watch.ts';

export type { AppControl } from '../loop/control.ts';
export type { AppResult } from '../loop/flow-loop.ts';

const LOOPBACK = '127.0.0.1';

export interface RunOptions {
  readonly appFile: string;
  /** @default - the folder of an `app.*` file, else the file's name */
  readonly name?: string;
  readonly env: NodeJS.ProcessEnv;
  /** @default '127.0.0.1' */
  readonly host?: string;
  /** 0: any free one. @default - 7501, or the next free one */
  readonly port?: number;
  /** Continue what an earlier run stored. @default false */
  readonly resume?: boolean;
  readonly flowOutput: FlowOutputMode;
  readonly loopTimings?: Partial<Timings>;
  readonly localTimings?: Partial<LocalTimings>;
  /** Hears the address before any user code runs. */
  readonly onListening?: (app: ListeningApp) => void;
  /** Hears what works print, and of the flow what was not printed already. */
  readonly onLog?: (line: LogLine) => void;
  /** Hears what a flow in another process prints; one in this process prints it itself. */
  readonly onPrinted?: (line: LogLine) => void;
  /** Hears everything; costs a little in every turn. */
  readonly onEvent?: (event: AppEvent) => void;
  /** Hears warnings for people. */
  readonly warn: (message: string) => void;
  /** Gives up what is not running yet. */
  readonly signal?: AbortSignal;
}

/** Where an app answers. */
export interface ListeningApp {
  readonly name: string;
  /** Of the API, with the token where one is needed. */
  readonly url: string;
  /** Of the page for people, with the token where one is needed. */
  readonly view: string;
}

/** A run, wherever its flow and its works are. */
export interface RunHandle {
  readonly events: Pick<AppControl, 'subscribe'>;
  /** As the app itself asks for. */
  readonly logLevel: 'info' | 'debug';
  /** With the token, where one is needed. */
  readonly url: string;
  /** Address of the page for people, with the token where one is needed. */
  readonly view: string;
  /** Resolves when the app has ended and everything is committed. */
  readonly result: Promise<AppResult>;
  /** Ends the works in order and leaves their calls open for `--resume`. */
  interrupt(): Promise<void>;
  /** Kills every work at once. */
  kill(): Promise<void>;
  /** Closes everything, in the reverse order of opening. Safe to call twice. */
  close(): Promise<void>;
}

/** A run whose flow is in this process. */
export interface RunningApp extends RunHandle {
  readonly control: AppControl;
}

/**
 * Runs an app. This process' working directory becomes the app's project root, as in its works.
 *
 * @throws what cannot be loaded (`HOST_…`, `APP_…`, `STATE_…`, `COMPONENT_…`), `STORE_…`, `PORT_TAKEN`, `SERVER_ADDRESS_UNUSABLE`, `CLI_…`
 */
export async function runApp(options: RunOptions): Promise<RunningApp> {
  const closers = new Closers();
  try {
    return await openApp(options, closers);
  } catch (error) {
    // What was wrong first is what the user must hear.
    await closers.close().catch(() => undefined);
    throw error;
  }
}

async function openApp(options: RunOptions, closers: Closers): Promise<RunningApp> {
  const { appFile, env, warn, signal } = options;
  killAtFailpoint(env);
  const name = appNameOf(appFile, options.name);
  const host = options.host ?? LOOPBACK;
  const version = stormkiteVersion();
  const claim = await claimRun(homeOf(env), { name, appFile, version });
  const { directory } = claim;
  const removeRunFile = (): void => claim.release();
  process.once('exit', removeRunFile);
  closers.add(() => {
    claim.release();
    process.off('exit', removeRunFile);
  });
  const listener = await openListener(
    options.port === undefined ? { host } : { host, port: options.port },
  );
  closers.add(() => listener.close());
  const bundle = await bundleInto(directory.bundle, appFile);
  signal?.throwIfAborted();
  const token = tokenFor(host);
  const query = token === null ? '' : `?token=${token}`;
  const url = token === null ? listener.url : `${listener.url}/${query}`;
  const published = token === null ? {} : { token };
  await claim.publish({ url: listener.localUrl, ...published });
  options.onListening?.({ name, url, view: `${listener.url}/view${query}` });

  if (options.resume !== true) await keepLogsAside(directory.logs);
  const logs = new LogFiles(directory.logs, {
    onFailure: (error) => warn(`logs cannot be written: ${String(error)}`),
  });
  closers.add(() => logs.close());
  const tell = tellerOf(logs, options);
  closers.add(hearOutput(options.flowOutput, tell.printed));
  const fatal = watchFatalErrors();
  closers.add(() => fatal.release());

  const watch = new TurnWatch();
  closers.add(() => watch.close());

  process.chdir(bundle.projectRoot);
  const { loadApp } = await import('./load-app.ts');
  // An app file may wait for ever while it loads.
  watch.begin();
  const loaded = loadApp(bundle.bundlePath, bundle.projectRoot, appFile);
  const { app, exports } = await unlessAborted(
    loaded.finally(() => watch.end()),
    signal,
  );
  const { rootPath } = app.options;
  const root = toRootPath(rootPath);
  // Only the app file tells it.
  const clientUrl = `${listener.localUrl}${root}`;
  if (root !== '') await claim.publish({ url: clientUrl, ...published });
  const { checkApp, followHistory, serveApp } = await import('./serve-app.ts');
  const checked = await checkApp(app, bundle.projectRoot);
  const lease = await openStore(directory.store, {
    app: name,
    resume: options.resume ?? false,
    warn,
  });
  closers.add(() => lease.close());
  const backend = await openBackend(options, {
    app,
    name,
    directory,
    bundle,
    lease,
    logs: { write: tell.worked },
    client: { url: clientUrl, token },
  });
  closers.add(() => backend.close());
  const { channel, launcher } = backend;
  const clock = new SystemClock();
  const loop = new FlowLoop(
    app,
    { lease, channel, launcher, clock, scope: new AsyncTurnScope() },
    {
      name,
      exports,
      watch,
      warn,
      ...(options.loopTimings === undefined ? {} : { timings: options.loopTimings }),
    },
  );
  if (options.onEvent) closers.add(loop.subscribe(options.onEvent));
  const history = followHistory(loop, closers);
  await loop.open();
  closers.add(keepSpare(app, backend, clock));
  const sink = { write: tell.worked };
  const served = await serveApp(
    {
      app,
      loop,
      clock,
      checked,
      history,
      listener,
      host,
      token,
      logs,
      sink,
      mode: 'local',
      warn,
      projectRoot: bundle.projectRoot,
      environment: env,
      withheld: secretSourcesOf(app),
      directory: directory.root,
      stateUrl: clientUrl,
    },
    closers,
  );
  const { control } = served;
  return {
    control,
    events: control,
    logLevel: app.options.logLevel,
    url,
    view: `${listener.url}${root}/view${query}`,
    result: resultOf(loop, fatal, options),
    interrupt: () => loop.interrupt(),
    kill: async () => {
      const works = (await launcher.observe()).map((ref) => launcher.stop(ref, 0));
      await Promise.all([...works, served.kill()]);
    },
    close: () => closers.close(),
  };
}

/** Keeps the logs of one earlier run; one that printed nothing leaves those before it. */
async function keepLogsAside(logs: string): Promise<void> {
  const isThere = await rmdir(logs).then(
    () => false,
    (error: unknown) => !isMissing(error),
  );
  if (!isThere) return;
  const previous = `${logs}.previous`;
  await rm(previous, { recursive: true, force: true });
  await rename(logs, previous);
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/** What a promise gives, or the reason of the signal when that is aborted before. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await promise;
  signal.throwIfAborted();
  let give = (): void => undefined;
  const aborted = new Promise<void>((resolve) => {
    give = resolve;
  });
  signal.addEventListener('abort', give, { once: true });
  try {
    await Promise.race([promise, aborted]);
    signal.throwIfAborted();
    return await promise;
  } finally {
    signal.removeEventListener('abort', give);
  }
}

/** Bundles while the server's modules load: esbuild works in a process of its own. */
async function bundleInto(outDirectory: string, appFile: string): Promise<Bundle> {
  const { bundleApp } = await import('./bundle.ts');
  const bundling = bundleApp({ appFile, outDirectory });
  const [bundled] = await Promise.allSettled([bundling, import('./serve-app.ts')]);
  if (bundled.status === 'rejected') throw bundled.reason;
  const old = (await readdir(outDirectory)).filter(
    (file) => file.endsWith('.mjs') && join(outDirectory, file) !== bundled.value.bundlePath,
  );
  await Promise.all(old.map((file) => rm(join(outDirectory, file), { force: true })));
  return bundled.value;
}

function openBackend(
  { env, localTimings }: RunOptions,
  parts: {
    readonly app: App;
    readonly name: string;
    readonly directory: AppDirectory;
    readonly bundle: { readonly bundlePath: string; readonly projectRoot: string };
    readonly lease: Parameters<typeof createLocalBackend>[0]['lease'];
    readonly logs: Parameters<typeof createLocalBackend>[0]['logs'];
    /** Where the works' own programs find the app. */
    readonly client: { readonly url: string; readonly token: string | null };
  },
): Promise<LocalBackend> {
  const { app, name, directory, bundle, lease, logs, client } = parts;
  return createLocalBackend({
    app: name,
    bundlePath: bundle.bundlePath,
    projectRoot: bundle.projectRoot,
    lease,
    logs,
    directory: directory.root,
    environment: {
      ...env,
      [STATE_URL_VARIABLE]: client.url,
      ...(client.token === null ? {} : { [STATE_TOKEN_VARIABLE]: client.token }),
    },
    withheld: secretSourcesOf(app),
    ...(localTimings === undefined ? {} : { timings: localTimings }),
  });
}

/** Variables that the works which the constructors built take as secrets: no other process inherits them. */
function secretSourcesOf(app: App): string[] {
  return worksBelow(app.flow).flatMap((work) => secretVariables(work[OPTIONS].secrets));
}

/** How the app ended. An error that nothing caught ends it as failed; calls stay open for `--resume`. */
function resultOf(loop: FlowLoop, fatal: FatalErrors, { onEvent }: RunOptions): Promise<AppResult> {
  let failure: AppResult | null = null;
  const end = async (): Promise<void> => {
    const error = await fatal.first;
    failure = { stage: 'failed', message: '', error };
    onEvent?.({ type: 'error', at: Date.now(), error: toWire(error) });
    await loop.interrupt();
  };
  background(end(), 'ending the app after an uncaught error');
  return loop.ended.then((result) => failure ?? result);
}
