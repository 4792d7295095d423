/**
 * An app on the emulated AWS, all of it on this machine: the very containers of a deployment, as processes.
 *
 * E1 The flow is a task like any other; this process only starts, shows and ends.
 * E2 What is stored is kept in the app's folder; `--resume` goes on with it.
 */
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { planDeployment } from '../backends/aws/deployment-plan.ts';
import { startDynamoDbLocal } from '../backends/aws/emulator/dynamodb-local.ts';
import { openEmulator, type Emulator } from '../backends/aws/emulator/emulator.ts';
import { appError, background } from '../errors/index.ts';
import type { AppResult } from '../loop/flow-loop.ts';
import type { AppEvent } from '../protocol/events.ts';
import { toRootPath } from '../protocol/layout.ts';
import { openListener } from '../server/listener.ts';
import { buildArtifact } from './artifact.ts';
import { Closers } from './closers.ts';
import { EmulatedFlow } from './emulated-flow.ts';
import { environmentSecrets, toEmulatedSpec } from './emulated-spec.ts';
import type { RunHandle, RunOptions } from './flow-main.ts';
import { inspectApp } from './inspect.ts';
import type { Manifest } from './manifest.ts';
import { stormkiteVersion } from './package-version.ts';
import { appNameOf, claimRun, homeOf } from './run-directory.ts';
import { SystemClock } from './system-clock.ts';
import { EVENTS_VARIABLE } from './task-log.ts';
import { FLOW_PORT_VARIABLE, FLOW_TIMINGS_VARIABLE, type FlowTimings } from './task-timings.ts';

const LOOPBACK = '127.0.0.1';
/** Waits that a person notices, shorter than where they cost money; the others are those of AWS. */
const TIMINGS: FlowTimings = {
  loop: { commitGroupMs: 200, paceMs: 250 },
  channel: { pollMs: 50 },
  launcher: {
    pollMs: 250,
    reconcileMs: 5_000,
    callRetryMs: 500,
    capacityRetryMs: 2_000,
    idleMachineMs: 20_000,
  },
};
/** How long the flow is given to pause the app before it is ended with everything else. */
const PAUSE_MS = 60_000;

export interface EmulatedRunOptions extends RunOptions {
  /** Hears what is being done before the flow runs. */
  readonly progress: (message: string) => void;
  /** Waits of the flow that differ; for tests. */
  readonly flowTimings?: FlowTimings;
  /** Whether turns and statuses are to be told, whatever the app says. */
  readonly debug?: boolean;
  /** Hears of the emulator, for faults and bills. */
  readonly onEmulator?: (emulator: Emulator) => void;
}

/**
 * Runs an app on the emulated AWS.
 *
 * @throws what cannot be loaded or packed (`HOST_…`, `APP_…`), `AWS_DYNAMODB_LOCAL_…`, `STORE_LOCKED`, `PORT_TAKEN`
 */
export async function runEmulated(options: EmulatedRunOptions): Promise<RunHandle> {
  const closers = new Closers();
  try {
    return await open(options, closers);
  } catch (error) {
    // What was wrong first is what the user must hear.
    await closers.close().catch(() => undefined);
    throw error;
  }
}

async function open(options: EmulatedRunOptions, closers: Closers): Promise<RunHandle> {
  const { appFile, env, warn, signal, progress } = options;
  const name = appNameOf(appFile, options.name);
  const claim = await claimRun(homeOf(env), { name, appFile, version: stormkiteVersion() });
  const release = (): void => claim.release();
  process.once('exit', release);
  closers.add(() => {
    claim.release();
    process.off('exit', release);
  });
  const port = await freePort(options);
  progress('packing the app…');
  const cwd = process.cwd();
  const manifest = await inspectApp({ appFile, cwd, env, ...(signal ? { signal } : {}) });
  const plan = planDeployment(manifest);
  const folder = join(claim.directory.root, 'emulated');
  if (options.resume !== true) await keepAside(folder);
  const artifact = await buildArtifact({
    appFile,
    outDirectory: join(folder, 'artifact'),
    ignorePatterns: plan.ignorePatterns,
    requirements: plan.requirements,
  });
  signal?.throwIfAborted();
  progress('starting DynamoDB Local and the emulator…');
  const dynamodb = await startDynamoDbLocal({
    env,
    directory: join(folder, 'dynamodb'),
    projectRoot: manifest.projectRoot,
    ...(signal ? { signal } : {}),
  });
  closers.add(() => dynamodb.close());
  const emulator = await openEmulator({
    clock: new SystemClock(),
    directory: join(folder, 'aws'),
    dynamodbEndpoint: dynamodb.endpoint,
  });
  closers.add(() => emulator.close());
  options.onEmulator?.(emulator);

  const url = `http://${LOOPBACK}:${port}${toRootPath(manifest.options.rootPath)}`;
  const events = new Set<(event: AppEvent) => void>();
  if (options.onEvent) events.add(options.onEvent);
  let finish: (result: AppResult) => void = () => undefined;
  const result = new Promise<AppResult>((resolve) => {
    finish = resolve;
  });
  let isStarted = options.resume !== true;
  let isAnnounced = false;
  // From then on requests that come early wait, as for an app of this machine.
  const announce = async (): Promise<void> => {
    await claim.publish({ url });
    options.onListening?.({ name, url, view: `${url}/view` });
  };
  const flow = new EmulatedFlow({
    line: (line) => {
      if (line.source !== 'flow' || options.flowOutput === 'capture') options.onLog?.(line);
      else options.onPrinted?.(line);
      options.onEvent?.({ type: 'log', ...line });
    },
    event: (event) => {
      for (const hear of events) hear(event);
    },
    warn,
    note: progress,
    listening: () => {
      if (isAnnounced) return;
      isAnnounced = true;
      background(announce(), 'announcing the app');
    },
    resting: (stage) => {
      // An interrupted run goes on; one that comes back after its own end has nothing to do, and may not have told that end.
      if (isStarted) {
        if (stage === 'stopped' || stage === 'failed') finish({ stage, message: '' });
        return;
      }
      isStarted = true;
      progress(`going on with an app that was ${stage}…`);
      background(post(url, 'start'), 'starting the app again');
    },
    ended: (how) => finish(how),
  });
  closers.add(emulator.onLog((line) => flow.take(line)));
  await emulator.provision(
    toEmulatedSpec(name, plan, {
      artifact,
      flow: {
        [FLOW_PORT_VARIABLE]: String(port),
        [FLOW_TIMINGS_VARIABLE]: JSON.stringify(merged(TIMINGS, options.flowTimings ?? {})),
        ...(options.onEvent === undefined && !isDebug(options, manifest)
          ? {}
          : { [EVENTS_VARIABLE]: '1' }),
      },
      secrets: environmentSecrets(plan, env),
    }),
  );
  return {
    events: {
      subscribe: (handler) => {
        events.add(handler);
        return () => void events.delete(handler);
      },
    },
    logLevel: manifest.options.logLevel,
    url,
    view: `${url}/view`,
    result,
    interrupt: async () => {
      const paused = post(url, 'pause').then(() => result);
      const isOver = await Promise.race([paused.then(() => true), afterPause()]).catch(() => false);
      if (!isOver) finish({ stage: 'interrupted', message: '' });
    },
    kill: async () => {
      finish({ stage: 'interrupted', message: '' });
    },
    close: () => closers.close(),
  };
}

/** Tells where the flow will listen; a port that was asked for must be free. */
async function freePort({ port }: RunOptions): Promise<number> {
  const listener = await openListener(
    port === undefined ? { host: LOOPBACK } : { host: LOOPBACK, port },
  );
  await listener.close();
  return Number(new URL(listener.url).port);
}

async function keepAside(folder: string): Promise<void> {
  const previous = `${folder}.previous`;
  await rm(previous, { recursive: true, force: true });
  await rename(folder, previous).catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  });
}

function isDebug({ debug }: EmulatedRunOptions, { options }: Manifest): boolean {
  return debug ?? options.logLevel === 'debug';
}

function merged(base: FlowTimings, more: FlowTimings): FlowTimings {
  const parts = ['loop', 'store', 'channel', 'launcher'] as const;
  return Object.fromEntries(parts.map((part) => [part, { ...base[part], ...more[part] }]));
}

async function post(url: string, verb: 'start' | 'pause'): Promise<void> {
  const answer = await fetch(`${url}/api/v1/${verb}`, { method: 'POST' });
  if (!answer.ok) throw appError('HOST_EMULATION_FAILED', { problem: `${verb}: ${answer.status}` });
}

function afterPause(): Promise<false> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(false), PAUSE_MS).unref();
  });
}
