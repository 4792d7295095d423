/**
 * The container of a flow: takes the app's lease, runs the app on AWS, serves its API. ECS keeps one of these running.
 *
 * C1 The port is bound from the first moment; while an older flow holds the lease, requests wait.
 * C2 An app that has ended stays ended: its container comes back, serves what is stored, and runs nothing until it is asked to.
 * C3 SIGTERM ends this flow and none of its works: the next one takes them over.
 * C4 Losing the lease ends the process at once: another flow acts.
 * C5 An app that has ended or is paused has no task and no machine: its flow gives them back, or the next one does.
 */
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endLeftovers, openAwsBackend, FLOW_SERVICES } from '../backends/aws/aws-backend.ts';
import { createClients, destroyClients } from '../backends/aws/clients.ts';
import { CloudWatchLogs } from '../backends/aws/cloudwatch-logs.ts';
import {
  BALANCER_IDLE_SECONDS,
  CONTAINER_PORT,
  DEPLOYMENT_VARIABLE,
  deploymentSchema,
  HOSTS_VARIABLE,
  PORT_VARIABLE,
  TOKEN_VARIABLE,
  type Deployment,
} from '../backends/aws/contract.ts';
import type { CostKeeper } from '../backends/aws/cost/cost-keeper.ts';
import { DynamoStateStore } from '../backends/aws/dynamo/dynamo-state-store.ts';
import type { DynamoStoreLease } from '../backends/aws/dynamo/dynamo-store-lease.ts';
import type { LeaseWait } from '../backends/aws/dynamo/lease.ts';
import { storedTasks } from '../backends/aws/launcher/stored-tasks.ts';
import { appError, background, toWire } from '../errors/index.ts';
import { FlowLoop, type AppResult } from '../loop/flow-loop.ts';
import { awsTimings } from '../loop/timings.ts';
import type { LogSink } from '../ports/log-sink.ts';
import type { StoredApp } from '../protocol/turn-record.ts';
import { toRootPath } from '../protocol/layout.ts';
import { parseHosts } from '../server/access.ts';
import { openApiServer } from '../server/api-server.ts';
import { History } from '../server/history.ts';
import { openListener, type Listener } from '../server/listener.ts';
import { APP_BUNDLE } from './artifact-layout.ts';
import { AsyncTurnScope } from './async-turn-scope.ts';
import { Closers } from './closers.ts';
import { exitNow, watchFatalErrors } from './fatal-errors.ts';
import { COST_KEY, followCosts, openCosts } from './flow-costs.ts';
import { killAtFailpoint } from './kill-at-failpoint.ts';
import { loadApp, type LoadedApp } from './load-app.ts';
import { stormkiteVersion } from './package-version.ts';
import { createRestControl, stageOf } from './rest-control.ts';
import { checkApp, followHistory, serveApp } from './serve-app.ts';
import { SystemClock } from './system-clock.ts';
import { readTaskVariable, regionOf } from './task-environment.ts';
import { endedEntry, EVENTS_VARIABLE, writeTaskLog, type TaskLogEntry } from './task-log.ts';
import { FLOW_PORT_VARIABLE, readFlowTimings, type FlowTimings } from './task-timings.ts';
import { workKeysOf } from './work-keys.ts';

/** How long a new flow waits for the old one: ECS gives that up to two minutes to end. */
const LEASE_WAIT_MS = 300_000;
/** Works on shared machines start with the app and stay; a dedicated machine waits for its first call and goes when idle. */
const SHARED_HARDWARE = 'default';
const IDLE_TIMEOUT_MS = 600_000;
/** A load balancer must be the one that ends a connection, or a request meets the end of it. */
const KEEP_ALIVE_MS = (BALANCER_IDLE_SECONDS + 5) * 1_000;
/** Stages that only a person ends. */
const RESTING: ReadonlySet<string> = new Set(['stopped', 'failed', 'paused']);
/** How long a flow that is told to end goes on ending what an app has left; ECS waits two minutes. */
const LEFTOVERS_MS = 90_000;
/** Between two notes of a wait that goes on. */
const WAIT_TOLD_MS = 5_000;
/** Exit code of a flow that another one has taken over from. */
const LEASE_LOST = 75;

interface FlowTask {
  readonly deployment: Deployment;
  readonly region: string;
  readonly token: string | null;
  readonly host: string;
  /** Names of what is in front of the flow. */
  readonly hosts: readonly string[];
  readonly port: number;
  listener: Listener;
  readonly loaded: LoadedApp;
  readonly timings: FlowTimings;
  /** Whether every event is printed. */
  readonly isVerbose: boolean;
  /** Resolves when the container is told to end. */
  readonly told: Promise<'terminated'>;
}

/** Runs the flow until it has ended or was told to; then the process ends. */
export async function runFlowTask(env: NodeJS.ProcessEnv): Promise<void> {
  const deployment = readTaskVariable(env, DEPLOYMENT_VARIABLE, deploymentSchema);
  const isEmulated = deployment.mode === 'emulated';
  if (isEmulated) killAtFailpoint(env);
  const host = isEmulated ? '127.0.0.1' : '0.0.0.0';
  const token = env[TOKEN_VARIABLE] ?? null;
  if (token === null && !isEmulated)
    throw appError('HOST_TASK_ENVIRONMENT', { variable: TOKEN_VARIABLE, problem: 'is missing' });
  const port = Number(env[FLOW_PORT_VARIABLE] ?? env[PORT_VARIABLE] ?? CONTAINER_PORT);
  const closers = new Closers();
  const listener = await openListener({ host, port, keepAliveMs: KEEP_ALIVE_MS });
  closers.add(() => task.listener.close());
  writeTaskLog({ stormkite: 'listening', app: deployment.app, port });
  const told = new Promise<'terminated'>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const)
      process.once(signal, () => resolve('terminated'));
  });
  delete env[TOKEN_VARIABLE];
  const task: FlowTask = {
    deployment,
    region: regionOf(env),
    token,
    host,
    hosts: parseHosts(env[HOSTS_VARIABLE]),
    port,
    listener,
    loaded: await loadApp(resolve('..', APP_BUNDLE), process.cwd()),
    timings: readFlowTimings(env),
    isVerbose: env[EVENTS_VARIABLE] === '1',
    told,
  };
  const { app } = deployment;
  let last: TaskLogEntry | null = null;
  let code = 0;
  try {
    const result = await runApp(task, closers);
    if (result !== null) last = endedEntry(app, result);
  } catch (error) {
    last = { stormkite: 'failed', app, error: toWire(error) };
    code = 1;
  }
  await closers.close();
  // Whoever hears this may end everything, and finds the lease given back.
  if (last !== null) writeTaskLog(last);
  process.exit(code);
}

/** How the app ended; `null` when it was left before it ran. */
async function runApp(task: FlowTask, closers: Closers): Promise<AppResult | null> {
  const { deployment, region, loaded, timings } = task;
  const { app: name, tables } = deployment;
  const clients = await createClients(region, [...FLOW_SERVICES, 'logs']);
  closers.add(() => destroyClients(clients));
  const clock = new SystemClock();
  const keyOf = workKeysOf(loaded.app, loaded.exports);
  const store = new DynamoStateStore({
    client: clients.dynamodb,
    tables,
    clock,
    keyOf,
    leaseWaitMs: LEASE_WAIT_MS,
    onWaiting: waitingTeller(name),
    onLost: (error) => endNow(name, error),
    ...(timings.store ? { timings: timings.store } : {}),
  });
  const lease = await Promise.race([store.open(name), task.told]);
  if (lease === 'terminated') return null;
  closers.add(() => lease.close());
  const costs = await openCosts({
    app: loaded.app,
    deployment,
    clients,
    lease,
    clock,
    env: process.env,
    warn: (message) => warn(name, message),
  });
  closers.add(() => costs.close());
  const stored = await lease.load();
  const stage = stored === null ? 'running' : stageOf(stored);
  if (stored !== null && RESTING.has(stage)) {
    const sink = sinkOf(name);
    const told = (message: string): void => warn(name, message);
    const left = { deployment, clients, lease, clock, costs, logs: sink, timings, warn: told };
    const over = new AbortController();
    const given = endLeftovers(left, over.signal);
    background(given, 'ending what is left of an app that runs no more');
    const isWanted = await rest(task, stored, { logs: clients.logs, costs, lease });
    // Whoever takes the flow away may think that nothing is left (C5).
    if (!isWanted) await Promise.race([given, sleep(LEFTOVERS_MS, undefined, { ref: false })]);
    over.abort();
    if (!isWanted) return null;
    await given;
  }
  const { marks = {} } = stored ?? {};
  return await runLoop(task, { clients, clock, keyOf, lease, costs, marks }, closers);
}

type FlowClients = Awaited<
  ReturnType<typeof createClients<(typeof FLOW_SERVICES)[number] | 'logs'>>
>;

/** Serves an app that has ended, until somebody wants it to run again; false when the container is told to end before. */
async function rest(
  task: FlowTask,
  stored: StoredApp,
  {
    logs: client,
    costs,
    lease,
  }: Pick<FlowClients, 'logs'> & { readonly costs: CostKeeper; readonly lease: DynamoStoreLease },
): Promise<boolean> {
  const { deployment, listener, host, hosts, port, token, told, loaded } = task;
  const { app: name, logGroup, mode } = deployment;
  let start = (): void => undefined;
  const asked = new Promise<'start'>((resolve) => {
    start = () => resolve('start');
  });
  // Machines may have gone after the app's last version was stored.
  const appState = () => (costs.cost === null ? {} : { [COST_KEY]: costs.cost });
  const control = createRestControl(name, stored, start, appState);
  const logs = new CloudWatchLogs({
    client,
    logGroup,
    tasksOf: (work) => storedTasks((prefix) => lease.items.query(prefix), work),
    works: () => control.works().map((work) => work.name),
  });
  const { rootPath, info = {} } = loaded.app.options;
  const history = new History();
  history.begin(stored.version, control.document());
  const server = await openApiServer({
    listener,
    control,
    history,
    logs,
    host,
    hosts,
    token,
    facts: { startedAt: new Date().toISOString(), stormkite: stormkiteVersion(), mode, info },
    user: { routes: [], commands: [] },
    rootPath,
  });
  writeTaskLog({ stormkite: 'resting', app: name, stage: control.stage });
  const next = await Promise.race([asked, told]);
  await server.close();
  logs.close();
  if (next === 'terminated') return false;
  // The running app has other routes; clients connect again.
  task.listener = await openListener({ host, port, keepAliveMs: KEEP_ALIVE_MS });
  return true;
}

async function runLoop(
  task: FlowTask,
  parts: {
    readonly clients: FlowClients;
    readonly clock: SystemClock;
    readonly keyOf: (work: string) => string | undefined;
    readonly lease: DynamoStoreLease;
    readonly costs: CostKeeper;
    /** The last delta of each work that is stored as applied. */
    readonly marks: StoredApp['marks'];
  },
  closers: Closers,
): Promise<AppResult> {
  const { deployment, listener, host, hosts, token, loaded, timings, isVerbose, told } = task;
  const { clients, clock, keyOf, lease, costs, marks } = parts;
  const { app: name, mode, logGroup } = deployment;
  const { app, exports } = loaded;
  const projectRoot = process.cwd();
  const fatal = watchFatalErrors();
  closers.add(() => fatal.release());
  const checked = await checkApp(app, projectRoot);
  const sink = sinkOf(name);
  // An end may be looked into before there is a loop.
  let receivedOf = (work: string): number => marks[work] ?? 0;
  const backend = await openAwsBackend({
    deployment,
    clients,
    lease,
    clock,
    keyOf,
    receivedOf: (work) => receivedOf(work),
    logs: sink,
    costs,
    warn: (message) => warn(name, message),
    timings,
  });
  const loop = new FlowLoop(
    app,
    {
      lease,
      channel: backend.channel,
      launcher: backend.launcher,
      clock,
      scope: new AsyncTurnScope(),
    },
    {
      name,
      exports,
      timings: { ...awsTimings, ...timings.loop },
      startWithFlow: (hardware) => hardware === SHARED_HARDWARE,
      defaultIdleTimeoutMs: (hardware) => (hardware === SHARED_HARDWARE ? null : IDLE_TIMEOUT_MS),
      remoteWorks: true,
      refuseUndeclaredHardware: true,
      warn: (message) => warn(name, message),
    },
  );
  receivedOf = (work) => loop.receivedOf(work);
  closers.add(
    loop.subscribe((event) => {
      if (isVerbose || event.type === 'stage' || event.type === 'status' || event.type === 'error')
        writeTaskLog({ stormkite: 'event', app: name, event });
    }),
  );
  const history = followHistory(loop, closers);
  await loop.open();
  closers.add(followCosts(app, loop, costs));
  const logs = new CloudWatchLogs({
    client: clients.logs,
    logGroup,
    tasksOf: (work) => storedTasks((prefix) => lease.items.query(prefix), work),
    works: () => loop.works().map((work) => work.name),
  });
  closers.add(() => logs.close());
  await serveApp(
    {
      app,
      loop,
      clock,
      checked,
      history,
      listener,
      host,
      hosts,
      token,
      logs,
      sink,
      mode,
      projectRoot,
      environment: process.env,
      withheld: [],
      directory: resolve('..'),
      stateUrl: `http://127.0.0.1:${new URL(listener.url).port}${toRootPath(app.options.rootPath)}`,
      warn: (message) => warn(name, message),
    },
    closers,
  );
  background(
    fatal.first.then((error) => loop.fail(error)),
    'ending the app after an uncaught error',
  );
  background(
    told.then(() => loop.leave()),
    'leaving the app to the next flow',
  );
  const result = await loop.ended;
  // An end that could not be stored is none: the next flow goes on with what still runs.
  if (RESTING.has(loop.stage)) await backend.end();
  else await backend.leave();
  return result;
}

/** Notes of the backend. */
function sinkOf(app: string): LogSink {
  return { write: ({ line }) => writeTaskLog({ stormkite: 'note', app, message: line }) };
}

function warn(app: string, message: string): void {
  writeTaskLog({ stormkite: 'warning', app, message });
}

/** Another flow acts, or will: nothing more may be done here, not even in order. ECS starts a flow again, which waits. */
function endNow(app: string, error: unknown): void {
  warn(app, error instanceof Error ? error.message : String(error));
  background(
    new Promise<void>((resolve) => setImmediate(resolve)).then(() => exitNow(LEASE_LOST)),
    'ending after the lease was lost',
  );
}

/** Tells of a wait when it begins, when its reason changes, and seldom in between. */
function waitingTeller(app: string): (wait: LeaseWait) => void {
  let told = '';
  let nextMs = 0;
  return ({ waitedMs, holderLives }) => {
    const why = holderLives ? 'another flow to end' : "an earlier flow's lease to lapse";
    if (why === told && waitedMs < nextMs) return;
    told = why;
    nextMs = waitedMs + WAIT_TOLD_MS;
    const message = `waiting for ${why} (${Math.round(waitedMs / 1_000)} s)`;
    writeTaskLog({ stormkite: 'note', app, message });
  };
}
