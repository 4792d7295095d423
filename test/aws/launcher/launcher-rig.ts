/** The launcher against the emulator and DynamoDB Local, with real tasks: small programs that wait for their SIGTERM. */
import { DescribeTasksCommand, ListTasksCommand } from '@aws-sdk/client-ecs';
import { createClients, destroyClients } from '../../../runtime/backends/aws/clients.ts';
import type { Deployment } from '../../../runtime/backends/aws/contract.ts';
import { FencedItems } from '../../../runtime/backends/aws/dynamo/fenced-items.ts';
import { acquireLease, type Lease } from '../../../runtime/backends/aws/dynamo/lease.ts';
import { defaultStoreTimings } from '../../../runtime/backends/aws/dynamo/store-timings.ts';
import { openEmulator, type Emulator } from '../../../runtime/backends/aws/emulator/emulator.ts';
import type { DynamoDbLocal } from '../../../runtime/backends/aws/emulator/dynamodb-local.ts';
import type { EmulatorTimings } from '../../../runtime/backends/aws/emulator/timings.ts';
import type { LauncherClients } from '../../../runtime/backends/aws/launcher/aws-calls.ts';
import {
  EcsLauncher,
  type EcsLauncherOptions,
} from '../../../runtime/backends/aws/launcher/ecs-launcher.ts';
import { parseMachineRow, type MachineRow } from '../../../runtime/backends/aws/launcher/rows.ts';
import { workTaskOf } from '../../../runtime/backends/aws/launcher/task-request.ts';
import {
  defaultLauncherTimings,
  type LauncherTimings,
} from '../../../runtime/backends/aws/launcher/timings.ts';
import { SystemClock } from '../../../runtime/host/system-clock.ts';
import type { WorkFact } from '../../../runtime/ports/launcher.ts';
import type { WorkSpec } from '../../../runtime/protocol/work-spec.ts';
import { until } from '../../support/until.ts';

/** Waits; ends at SIGTERM. */
const PATIENT = `process.on('SIGTERM', () => process.exit(0)); setInterval(() => undefined, 1000)`;
/** Hears no SIGTERM. */
const DEAF = `process.on('SIGTERM', () => undefined); console.log('deaf'); setInterval(() => undefined, 1000)`;

/** A minute of AWS is some tens of milliseconds here. */
const emulatorTimings: Partial<EmulatorTimings> = {
  bootMs: 60,
  gpuBootMs: 100,
  shutDownMs: 30,
  hostLossMs: 60,
  spotNoticeMs: 2_000,
  provisionMs: 10,
  pullMs: 10,
  deprovisionMs: 10,
  visibleMs: 20,
  groupRetryMs: 50,
  metricMs: 60_000,
};

const launcherTimings: LauncherTimings = {
  ...defaultLauncherTimings,
  pollMs: 15,
  reconcileMs: 60,
  quietMs: 1_000,
  missingMs: 2_000,
  capacityRetryMs: 30,
  capacityRetryMaxMs: 200,
  callRetryMs: 20,
  idleMachineMs: 150,
  stopAgainMs: 1_000,
  hostLostMs: 100,
  releaseWaitMs: 10_000,
};

let apps = 0;

export interface OpenFlowOptions extends Partial<EcsLauncherOptions> {
  readonly quick?: Partial<LauncherTimings>;
  /** Stands between the launcher and its clients. */
  readonly wrap?: (clients: LauncherClients) => LauncherClients;
}

/** One flow's launcher and what it told. */
export interface LauncherFlow {
  readonly launcher: EcsLauncher;
  readonly facts: WorkFact[];
  told(work: string, state: WorkFact['state'], epoch?: number): Promise<WorkFact>;
  /** What was told of why it waits. */
  pending(work: string): string[];
  /** Ends the flow as a kill would: its tasks and machines stay. */
  leave(): Promise<void>;
}

export class LauncherRig {
  readonly emulator: Emulator;
  readonly deployment: Deployment;
  readonly clients: LauncherClients;
  readonly #environment: Record<string, string | undefined>;
  readonly #leases: Lease[] = [];

  private constructor(
    emulator: Emulator,
    deployment: Deployment,
    clients: LauncherClients,
    environment: Record<string, string | undefined>,
  ) {
    this.emulator = emulator;
    this.deployment = deployment;
    this.clients = clients;
    this.#environment = environment;
  }

  static async open(
    dynamodb: DynamoDbLocal,
    timings: Partial<EmulatorTimings> = {},
  ): Promise<LauncherRig> {
    apps += 1;
    const emulator = await openEmulator({
      clock: new SystemClock(),
      dynamodbEndpoint: dynamodb.endpoint,
      timings: { ...emulatorTimings, ...timings },
    });
    const before = Object.fromEntries(
      Object.keys(emulator.environment).map((name) => [name, process.env[name]]),
    );
    Object.assign(process.env, emulator.environment);
    const container = (script: string) => ({
      command: [process.execPath, '-e', script],
      stopTimeoutSeconds: 1,
    });
    const deployment = await emulator.provision({
      app: `launcher-${process.pid}-${apps}`,
      hardware: {
        default: { instanceTypes: ['t3.large'], shared: true, maxInstances: 10 },
        gpu: { instanceTypes: ['g4dn.xlarge'], maxInstances: 10 },
        'gpu-spot': { instanceTypes: ['g4dn.xlarge'], market: 'spot', maxInstances: 10 },
      },
      works: {
        Patient: { default: container(PATIENT) },
        Deaf: { default: container(DEAF) },
      },
    });
    const services = ['ecs', 'ec2', 'autoScaling', 'dynamodb'] as const;
    const clients = await createClients(deployment.region, services);
    return new LauncherRig(emulator, deployment, clients, before);
  }

  async flow(options: OpenFlowOptions = {}): Promise<LauncherFlow> {
    const { quick, wrap = (clients) => clients, ...more } = options;
    const clock = new SystemClock();
    const { app, tables } = this.deployment;
    const place = { client: this.clients.dynamodb, table: tables.state, app };
    const lease = await acquireLease({
      ...place,
      clock,
      timings: defaultStoreTimings,
      waitMs: 0,
      onWaiting: () => undefined,
      onLost: () => undefined,
    });
    this.#leases.push(lease);
    const clients = wrap(this.clients);
    const launcher = await EcsLauncher.open({
      deployment: this.deployment,
      clients,
      records: new FencedItems({ ...place, client: clients.dynamodb, lease }),
      fence: lease.fence,
      clock,
      timings: { ...launcherTimings, ...quick },
      logs: { write: () => undefined },
      ...more,
    });
    const facts: WorkFact[] = [];
    launcher.subscribe((fact) => facts.push(fact));
    const of = (work: string) => facts.filter((fact) => fact.work === work);
    return {
      launcher,
      facts,
      told: (work, state, epoch) =>
        until(`${work} is told to be ${state}`, () =>
          of(work).find(
            (fact) => fact.state === state && (epoch === undefined || fact.epoch === epoch),
          ),
        ),
      pending: (work) =>
        of(work).flatMap((fact) =>
          fact.state === 'starting' && fact.pending
            ? [`${fact.pending.reason}: ${fact.pending.message}`]
            : [],
        ),
      leave: async () => {
        launcher.leave();
        await lease.release();
      },
    };
  }

  spec(work: string, changes: Partial<WorkSpec> & { on?: string } = {}): WorkSpec {
    const { on = 'gpu', ...rest } = changes;
    return {
      app: this.deployment.app,
      work,
      epoch: 1,
      seq: 0,
      vars: {},
      definitions: [],
      tree: [],
      env: {},
      secrets: {},
      hardware: {
        name: on.replace('-spot', ''),
        gpus: on.startsWith('gpu') ? 1 : 0,
        interruptible: on.endsWith('-spot'),
        diskSize: 0,
        shmSize: 0,
        mounts: [],
      },
      ref: { by: 'export', name: 'Patient' },
      build: { requirements: [], image: null, dockerfile: null, buildCommands: [] },
      port: null,
      colocationGroupId: null,
      ...rest,
    };
  }

  /** Instances that are billed. */
  get live() {
    return this.emulator
      .state()
      .instances.filter(({ state }) => state !== 'shutting-down' && state !== 'terminated');
  }

  /** Tasks that have not ended. */
  get tasks() {
    return this.emulator
      .state()
      .tasks.filter(({ lastStatus }) => lastStatus !== 'STOPPED' && lastStatus !== 'DELETED');
  }

  /** Epochs for which tasks of a work were ever made, one per task. */
  async epochsOf(work: string): Promise<number[]> {
    const { ecs } = this.clients;
    const { cluster } = this.deployment;
    const arns: string[] = [];
    for (const desiredStatus of ['RUNNING', 'STOPPED'] as const)
      arns.push(
        ...((await ecs.send(new ListTasksCommand({ cluster, desiredStatus }))).taskArns ?? []),
      );
    if (arns.length === 0) return [];
    const { tasks = [] } = await ecs.send(new DescribeTasksCommand({ cluster, tasks: arns }));
    return tasks.flatMap((task) => {
      const whose = workTaskOf(task);
      return whose?.work === work ? [whose.epoch] : [];
    });
  }

  /** Ends a work's process as an accident would. */
  async kill(work: string): Promise<void> {
    const { cluster } = this.deployment;
    const tasks = this.emulator.state().tasks.filter(({ pids }) => pids.length > 0);
    const described = await this.clients.ecs.send(
      new DescribeTasksCommand({ cluster, tasks: tasks.map(({ arn }) => arn) }),
    );
    for (const task of described.tasks ?? []) {
      if (workTaskOf(task)?.work !== work) continue;
      const pids = tasks.find(({ arn }) => arn === task.taskArn)?.pids ?? [];
      for (const pid of pids) process.kill(pid, 'SIGKILL');
    }
  }

  /** Machines as the current lease's records have them. */
  async machineRows(): Promise<MachineRow[]> {
    const lease = this.#leases.at(-1);
    if (!lease) return [];
    const { app, tables } = this.deployment;
    const place = { client: this.clients.dynamodb, table: tables.state, app, lease };
    const items = await new FencedItems(place).query('HW#');
    return items.map((item) => parseMachineRow(item['v']?.S ?? ''));
  }

  async close(): Promise<void> {
    for (const lease of this.#leases) await lease.release();
    await this.emulator.close();
    destroyClients(this.clients);
    for (const [name, value] of Object.entries(this.#environment)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}
