/** Apps on one emulated AWS: real flows and works as its tasks, with waits that are shrunk and faults that a test makes. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoStateStore } from '../../runtime/backends/aws/dynamo/dynamo-state-store.ts';
import { planDeployment, type DeploymentPlan } from '../../runtime/backends/aws/deployment-plan.ts';
import { WORK_TIMINGS_VARIABLE, type Deployment } from '../../runtime/backends/aws/contract.ts';
import type { EmulatedDeploymentSpec } from '../../runtime/backends/aws/emulator/deployment-spec.ts';
import {
  startDynamoDbLocal,
  type DynamoDbLocal,
} from '../../runtime/backends/aws/emulator/dynamodb-local.ts';
import { openEmulator, type Emulator } from '../../runtime/backends/aws/emulator/emulator.ts';
import type { TaskLine } from '../../runtime/backends/aws/emulator/ecs/life-host.ts';
import { scaleTimings, type EmulatorTimings } from '../../runtime/backends/aws/emulator/timings.ts';
import { awsTimings } from '../../runtime/backends/aws/emulator/timings.ts';
import { isAppError } from '../../runtime/errors/index.ts';
import { buildArtifact, type Artifact } from '../../runtime/host/artifact.ts';
import { EmulatedFlow } from '../../runtime/host/emulated-flow.ts';
import { environmentSecrets, toEmulatedSpec } from '../../runtime/host/emulated-spec.ts';
import { freePort } from '../../runtime/host/free-port.ts';
import { inspectApp } from '../../runtime/host/inspect.ts';
import { SystemClock } from '../../runtime/host/system-clock.ts';
import { parseTaskLog } from '../../runtime/host/task-log.ts';
import { EVENTS_VARIABLE } from '../../runtime/host/task-log.ts';
import {
  FLOW_PORT_VARIABLE,
  FLOW_TIMINGS_VARIABLE,
  type FlowTimings,
} from '../../runtime/host/task-timings.ts';
import type { AppResult } from '../../runtime/loop/loop-options.ts';
import type { LogLine } from '../../runtime/ports/log-sink.ts';
import type { AppEvent } from '../../runtime/protocol/events.ts';
import type { StoredApp } from '../../runtime/protocol/turn-record.ts';
import { temporaryFolder } from './built-cli.ts';
import { localConfig } from './dynamodb.ts';
import { until } from './until.ts';

/** How much faster time passes than at AWS, where a test waits for it. */
export const FASTER = 200;
/** A start takes real time for real processes; the rest of what ECS and EC2 hold back is shrunk. */
const emulatorTimings: EmulatorTimings = {
  ...scaleTimings(awsTimings, 1 / FASTER),
  visibleMs: 20,
  // Kept long enough for a flow that comes back late to see how a task ended.
  stoppedVisibleMs: 600_000,
  scaleInMs: 60_000,
  spotNoticeMs: 3_000,
  serviceBackoffMs: 100,
  serviceMaxBackoffMs: 1_000,
};

export const flowTimings = {
  loop: { commitGroupMs: 50, paceMs: 100, launchRetryMs: 100, launchRetryMaxMs: 1_000 },
  store: { renewMs: 300, renewTimeoutMs: 1_000, lossMs: 2_500, lapseMs: 3_500, lookMs: 200 },
  channel: { quietPollMs: 250, safetyMs: 2_000 },
  launcher: {
    pollMs: 100,
    reconcileMs: 500,
    quietMs: 3_000,
    missingMs: 3_000,
    callRetryMs: 100,
    capacityRetryMs: 200,
    capacityRetryMaxMs: 1_000,
    idleMachineMs: 300,
    explainAfterMs: 500,
    stopAgainMs: 2_000,
    hostLostMs: 500,
  },
} satisfies FlowTimings;

export const workTimings = { pollMs: 50, idlePollMs: 200, leasePollMs: 1_000, retryMaxMs: 500 };

/** How long anything may take on a machine that is busy. */
const PATIENCE_MS = 90_000;

export interface DeployOptions {
  readonly name?: string;
  readonly flowTimings?: FlowTimings;
  readonly workTimings?: Readonly<Record<string, number>>;
  readonly flowEnv?: Readonly<Record<string, string>>;
  readonly workEnv?: Readonly<Record<string, string>>;
  /** Values of `env:NAME` secrets. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** How many flows the service runs. @default 1 - more of them have ports of their own */
  readonly flows?: number;
  /** Whether every event is told, not only stages, statuses and errors. */
  readonly verbose?: boolean;
  /** Hears of the app before its flow starts. */
  readonly onDeployed?: (app: EmulatedApp) => void;
}

/** An app that is packed, ready to be deployed any number of times. */
export interface PackedApp {
  readonly plan: DeploymentPlan;
  readonly artifact: Artifact;
}

export class EmulatedRig {
  readonly emulator: Emulator;
  readonly dynamodb: DynamoDbLocal;
  readonly folder: string;
  readonly #removeFolder: () => Promise<void>;
  readonly #apps: EmulatedApp[] = [];

  private constructor(parts: {
    emulator: Emulator;
    dynamodb: DynamoDbLocal;
    folder: string;
    removeFolder: () => Promise<void>;
  }) {
    this.emulator = parts.emulator;
    this.dynamodb = parts.dynamodb;
    this.folder = parts.folder;
    this.#removeFolder = parts.removeFolder;
  }

  static async open(timings: Partial<EmulatorTimings> = {}): Promise<EmulatedRig> {
    const { path, remove } = await temporaryFolder();
    const dynamodb = await startDynamoDbLocal({ env: process.env, engines: ['java'] });
    const emulator = await openEmulator({
      clock: new SystemClock(),
      dynamodbEndpoint: dynamodb.endpoint,
      timings: { ...emulatorTimings, ...timings },
    });
    return new EmulatedRig({ emulator, dynamodb, folder: path, removeFolder: remove });
  }

  /** Packs an app as a deployment does. */
  async pack(appFile: string): Promise<PackedApp> {
    const manifest = await inspectApp({ appFile, cwd: process.cwd(), env: process.env });
    const plan = planDeployment(manifest);
    const { ignorePatterns, requirements } = plan;
    const outDirectory = join(this.folder, 'artifacts');
    await mkdir(outDirectory, { recursive: true });
    const artifact = await buildArtifact({ appFile, outDirectory, ignorePatterns, requirements });
    return { plan, artifact };
  }

  /** Deploys an app; its flow starts by itself. */
  async deploy(packed: PackedApp, options: DeployOptions = {}): Promise<EmulatedApp> {
    const name = options.name ?? `app-${this.#apps.length + 1}`;
    const app = new EmulatedApp(this, name, await freePort());
    this.#apps.push(app);
    await app.deploy(packed, options);
    return app;
  }

  async close(): Promise<void> {
    try {
      await this.emulator.close();
    } finally {
      await this.dynamodb.close();
      await this.#removeFolder();
    }
  }
}

export class EmulatedApp {
  readonly name: string;
  readonly url: string;
  /** What flow and works printed, without structured lines. */
  readonly lines: LogLine[] = [];
  /** When each of {@link events} was heard is in its `at`. */
  readonly events: AppEvent[] = [];
  readonly warnings: string[] = [];
  readonly notes: string[] = [];
  /** How it ended, each time that a flow told so. */
  readonly results: AppResult[] = [];
  /** When it ended, by this machine's clock; epoch milliseconds. */
  endedAt: number | null = null;
  /** Stages of the app that flows rested at. */
  readonly rested: string[] = [];
  /** Tasks by work, the oldest first. */
  readonly tasksByWork = new Map<string, string[]>();
  /** Flow processes that came up, one after the other. */
  flowsStarted = 0;
  deployment!: Deployment;
  #lastTeller = '';
  readonly #rig: EmulatedRig;
  readonly #port: number;
  #spec!: EmulatedDeploymentSpec;
  #unsubscribe: () => void = () => undefined;

  constructor(rig: EmulatedRig, name: string, port: number) {
    this.#rig = rig;
    this.name = name;
    this.#port = port;
    this.url = `http://127.0.0.1:${port}`;
  }

  /** @internal */
  async deploy({ plan, artifact }: PackedApp, options: DeployOptions): Promise<void> {
    const { flows = 1 } = options;
    const timings = mergedTimings(options.flowTimings ?? {});
    const spec = toEmulatedSpec(this.name, plan, {
      artifact,
      flow: {
        ...(flows === 1 ? { [FLOW_PORT_VARIABLE]: String(this.#port) } : {}),
        [FLOW_TIMINGS_VARIABLE]: JSON.stringify(timings),
        ...(options.verbose ? { [EVENTS_VARIABLE]: '1' } : {}),
        ...options.flowEnv,
      },
      works: {
        [WORK_TIMINGS_VARIABLE]: JSON.stringify({ ...workTimings, ...options.workTimings }),
        ...options.workEnv,
      },
      secrets: environmentSecrets(plan, options.secrets ?? {}),
    });
    if (spec.flow) this.#spec = { ...spec, flow: { ...spec.flow, desiredCount: flows } };
    const flow = new EmulatedFlow({
      line: (line) => this.lines.push(line),
      event: (event) => this.events.push(event),
      warn: (message) => this.warnings.push(message),
      note: (message) => this.notes.push(message),
      listening: () => {
        this.flowsStarted += 1;
      },
      resting: (stage) => {
        this.rested.push(stage);
        if (stage !== 'stopped' && stage !== 'failed') return;
        // The flow that ended it may have been killed before it told so.
        const said = this.events.findLast(
          (event) => event.type === 'stage' && event.stage === stage,
        );
        this.results.push({ stage, message: said?.type === 'stage' ? (said.message ?? '') : '' });
        this.endedAt ??= Date.now();
      },
      ended: (result) => {
        this.results.push(result);
        if (isEnd(result)) this.endedAt ??= Date.now();
      },
    });
    const { emulator } = this.#rig;
    // Containers of other apps print all the time, its own none before there is a flow.
    const withoutFlow = { ...this.#spec, flow: null };
    this.deployment = await emulator.provision(withoutFlow);
    const { logGroup } = this.deployment;
    this.#unsubscribe = emulator.onLog((line) => {
      if (line.logGroup !== logGroup) return;
      this.#note(line);
      flow.take(line);
    });
    options.onDeployed?.(this);
    await emulator.provision(this.#spec);
  }

  #note({ line, taskArn }: TaskLine): void {
    const entry = parseTaskLog(line);
    if (entry?.stormkite === 'event') this.#lastTeller = taskArn;
    if (entry?.stormkite !== 'work') return;
    const known = this.tasksByWork.get(entry.work) ?? [];
    if (!known.includes(taskArn)) this.tasksByWork.set(entry.work, [...known, taskArn]);
  }

  /** Waits until the app has ended. */
  async ended(deadlineMs = PATIENCE_MS): Promise<AppResult> {
    return await this.until('the app has ended', () => this.results.find(isEnd), deadlineMs);
  }

  /** Waits for a condition; says what was heard when it does not come. */
  async until<T>(
    what: string,
    condition: () => T | Promise<T>,
    deadlineMs = PATIENCE_MS,
  ): Promise<NonNullable<T>> {
    try {
      return await until(what, condition, deadlineMs);
    } catch (error) {
      throw new Error(`${String(error)}\n${this.told}`, { cause: error });
    }
  }

  /** Everything that was heard, to say when something is missing. */
  get told(): string {
    const { tasks, instances } = this;
    return [
      ...this.lines.slice(-40).map(({ source, line }) => `[${source}] ${line}`),
      ...this.notes.slice(-20).map((text) => `note: ${text}`),
      ...this.warnings.slice(-20).map((text) => `warning: ${text}`),
      ...this.events.slice(-20).map((event) => `event: ${JSON.stringify(event).slice(0, 300)}`),
      ...this.results.map((result) => `ended: ${JSON.stringify(result)} ${String(result.error)}`),
      `tasks: ${JSON.stringify(tasks)}`,
      `instances: ${JSON.stringify(instances)}`,
    ].join('\n');
  }

  /** Makes the flow's service run as many. */
  async scaleFlow(desiredCount: number): Promise<void> {
    const { flow } = this.#spec;
    if (!flow) throw new Error('there is no flow');
    await this.#rig.emulator.provision({ ...this.#spec, flow: { ...flow, desiredCount } });
  }

  /** Tasks of this app that have not ended. */
  get tasks() {
    return this.#rig.emulator
      .state()
      .tasks.filter(
        ({ cluster, lastStatus }) =>
          cluster === this.deployment.cluster &&
          lastStatus !== 'STOPPED' &&
          lastStatus !== 'DELETED',
      );
  }

  get flowTasks() {
    return this.tasks.filter(({ definition }) => definition.includes('-flow:'));
  }

  get workTasks() {
    return this.tasks.filter(({ definition }) => !definition.includes('-flow:'));
  }

  /** Instances that this app ever had. */
  get #instances() {
    const groups = new Set(
      Object.values(this.deployment.hardware).flatMap(({ pools }) =>
        pools.map(({ autoScalingGroup }) => autoScalingGroup),
      ),
    );
    return this.#rig.emulator.state().instances.filter(({ group }) => groups.has(group));
  }

  /** Instances of this app that are billed. */
  get instances() {
    return this.#instances.filter(
      ({ state }) => state !== 'shutting-down' && state !== 'terminated',
    );
  }

  /** What this app's instances were billed. */
  get bills() {
    const ids = new Set(this.#instances.map(({ id }) => id));
    return this.#rig.emulator.billing().lines.filter(({ id }) => ids.has(id));
  }

  /** Ends the flow's processes as an accident would. */
  killFlow(): number {
    return signalAll(
      this.flowTasks.flatMap(({ pids }) => pids),
      'SIGKILL',
    );
  }

  /** Ends a work's processes as an accident would. */
  killWork(work: string): number {
    const arns = new Set(this.tasksByWork.get(work));
    return signalAll(
      this.workTasks.filter(({ arn }) => arns.has(arn)).flatMap(({ pids }) => pids),
      'SIGKILL',
    );
  }

  /** The flow that told something last. */
  actingFlow() {
    const found = this.flowTasks.find(({ arn }) => arn === this.#lastTeller);
    if (!found) throw new Error(`no flow acts:\n${this.told}`);
    return found;
  }

  /** Why a work was told to wait, as `reason: message`. */
  pendingOf(work: string): string[] {
    return this.events.flatMap((event) =>
      event.type === 'status' && event.work === work && event.status.stage === 'pending'
        ? [`${event.status.reason ?? ''}: ${event.status.message ?? ''}`]
        : [],
    );
  }

  /** Waits until nothing of the app is paid for but its flow. */
  async released(): Promise<void> {
    await this.until(
      'no task of a work and no instance is left',
      () => this.workTasks.length === 0 && this.instances.length === 0,
    );
  }

  /** The stored application, once no flow holds it: ends the flow's service. */
  async stored(): Promise<StoredApp> {
    await this.scaleFlow(0);
    await this.until('the flow is gone', () => this.flowTasks.length === 0);
    const client = new DynamoDBClient(localConfig(this.#rig.dynamodb.endpoint));
    try {
      const store = new DynamoStateStore({
        client,
        tables: this.deployment.tables,
        clock: new SystemClock(),
        keyOf: () => undefined,
        timings: flowTimings.store,
        leaseWaitMs: 30_000,
      });
      const lease = await store.open(this.name);
      const stored = await lease.load();
      await lease.close();
      if (stored === null) throw new Error('nothing is stored');
      return stored;
    } finally {
      client.destroy();
    }
  }

  /** Ends everything of the app; others go on. */
  async end(): Promise<void> {
    await this.scaleFlow(0);
    this.#unsubscribe();
  }

  /** Lines that works and the flow printed, as the CLI shows them. */
  get printed(): string[] {
    return this.lines.map(({ source, line }) => (source === 'flow' ? line : `[${source}] ${line}`));
  }
}

/** Whether that is the app's end, and not one of a flow that was told to leave, or is started again. */
function isEnd({ stage, error }: AppResult): boolean {
  return stage !== 'interrupted' && (!isAppError(error) || !error.retryable);
}

function mergedTimings(more: FlowTimings): FlowTimings {
  const parts = ['loop', 'store', 'channel', 'launcher'] as const;
  return Object.fromEntries(parts.map((part) => [part, { ...flowTimings[part], ...more[part] }]));
}

/** Gives processes a signal; how many were there to get it. */
export function signalAll(pids: readonly number[], signal: NodeJS.Signals): number {
  let reached = 0;
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
      reached += 1;
    } catch {
      // It ended meanwhile.
    }
  }
  return reached;
}
