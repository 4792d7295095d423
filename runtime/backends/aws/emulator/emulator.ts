/**
 * AWS in one process, as far as Stormkite uses it: ECS, EC2, Auto Scaling, S3, CloudWatch Logs, SSM and Secrets Manager over their
 * own wire protocols, with tasks as processes. DynamoDB is Amazon's own (`dynamodb-local.ts`).
 *
 * E1 SDK clients need nothing but `AWS_ENDPOINT_URL_*` ({@link Emulator.environment}).
 * E2 Whatever it started ends with it, also when it is killed.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../../ports/clock.ts';
import type { Deployment } from '../contract.ts';
import { adminError, ADMIN_PATH, answerAdmin, parseFault } from './admin-api.ts';
import {
  parseDeploymentSpec,
  type EmulatedDeploymentSpec,
  type ResolvedDeploymentSpec,
} from './deployment-spec.ts';
import type { BillingReport } from './ec2/billing.ts';
import type { TaskLine } from './ecs/life-host.ts';
import { buildParts, type EmulatorParts } from './emulator-parts.ts';
import { stateOf, type EmulatorState } from './emulator-state.ts';
import { emulatedEnvironment } from './environment.ts';
import { isImmediate, type Fault, type StandingFault } from './fault-schema.ts';
import { Faults } from './faults.ts';
import { HttpServer } from './http-server.ts';
import { strike } from './immediate-faults.ts';
import { answerMetadata, isMetadata } from './metadata-api.ts';
import { readStored } from './persistence.ts';
import { provision } from './provision.ts';
import { StateKeeper } from './state-keeper.ts';
import { ServiceError } from './service-error.ts';
import { ServiceRouter, type RawRequest, type Routed } from './service-router.ts';
import { openTaskFolder, type TaskFolder } from './task-folders.ts';
import { defaultTimings, type EmulatorTimings } from './timings.ts';

/** Between listening and being built. */
const NOT_YET: Routed = {
  service: null,
  operation: '',
  run: () =>
    Promise.reject(
      new ServiceError('ServiceUnavailable', 'The emulator is starting', { status: 503 }),
    ),
  refuse: adminError,
};

export interface EmulatorOptions {
  readonly clock: Clock;
  /** @default 0 - any free one */
  readonly port?: number;
  /** @default us-east-1 */
  readonly region?: string;
  /** Where objects, task definitions, secrets and bills are kept. @default - nothing is kept */
  readonly directory?: string | null;
  /** Address of DynamoDB. @default - clients are not told of one, and `provision` makes no tables */
  readonly dynamodbEndpoint?: string | null;
  /** @default - {@link defaultTimings} */
  readonly timings?: Partial<EmulatorTimings>;
  /** Dollars per hour by instance type, beside and instead of the emulator's own. @default - none */
  readonly prices?: Readonly<Record<string, number>>;
  /** Of faults with a probability. @default 1 */
  readonly seed?: number;
  /** Hears every line that a container prints. */
  readonly onLog?: (line: TaskLine) => void;
}

export class Emulator {
  readonly endpoint: string;
  readonly region: string;
  /** What SDK clients need in their environment. */
  readonly environment: Readonly<Record<string, string>>;
  readonly #parts: EmulatorParts;
  readonly #faults: Faults;
  readonly #server: HttpServer;
  readonly #keeper: StateKeeper | null;
  readonly #dynamodbEndpoint: string | null;
  readonly #taskFolder: TaskFolder;
  readonly #listeners: Set<(line: TaskLine) => void>;
  #closing: Promise<void> | null = null;

  /** @internal use {@link openEmulator} */
  constructor(wish: {
    readonly parts: EmulatorParts;
    readonly faults: Faults;
    readonly server: HttpServer;
    readonly endpoint: string;
    readonly directory: string | null;
    readonly dynamodbEndpoint: string | null;
    readonly listeners: Set<(line: TaskLine) => void>;
    readonly taskFolder: TaskFolder;
  }) {
    this.#parts = wish.parts;
    this.#faults = wish.faults;
    this.#server = wish.server;
    this.endpoint = wish.endpoint;
    this.region = wish.parts.context.region;
    this.#keeper = wish.directory === null ? null : new StateKeeper(wish.directory, wish.parts);
    this.#keeper?.open();
    this.#dynamodbEndpoint = wish.dynamodbEndpoint;
    this.#listeners = wish.listeners;
    this.#taskFolder = wish.taskFolder;
    const { endpoint, region } = this;
    this.environment = emulatedEnvironment({
      endpoint,
      region,
      dynamodbEndpoint: wish.dynamodbEndpoint,
    });
    this.#parts.scaling.open();
  }

  /** Makes all that an app's stack would make; again for the same app it changes what differs. */
  async provision(spec: EmulatedDeploymentSpec): Promise<Deployment> {
    return await this.#provision(parseDeploymentSpec(spec));
  }

  /** Makes something go wrong; gives the id by which it can be cleared, `null` for what happened at once. */
  addFault(fault: Fault): string | null {
    const parsed = parseFault(fault);
    if (!isImmediate(parsed)) return this.#faults.add(parsed);
    strike(parsed, this.#parts);
    return null;
  }

  /** Takes one fault away, or all that stand. */
  clearFaults(id?: string): void {
    this.#faults.clear(id);
  }

  get standingFaults(): readonly { readonly id: string; readonly fault: StandingFault }[] {
    return this.#faults.standing;
  }

  state(): EmulatorState {
    return stateOf(this.#parts);
  }

  billing(): BillingReport {
    const { billing, clock } = this.#parts.context;
    return billing.report(clock.now());
  }

  /** Calls for every line that a container prints; gives a function that ends it. */
  onLog(listener: (line: TaskLine) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** @internal a request that is not one of the services' */
  route(request: RawRequest): Routed | null {
    const { pathname } = request.url;
    if (pathname.startsWith(`${ADMIN_PATH}/`)) {
      const target = {
        state: () => this.state(),
        billing: () => this.billing(),
        provision: (spec: ResolvedDeploymentSpec) => this.#provision(spec),
        addFault: (fault: Fault) => this.addFault(fault),
        clearFaults: (id?: string) => this.clearFaults(id),
        standingFaults: this.standingFaults,
      };
      return {
        service: null,
        operation: pathname,
        run: () => answerAdmin(request, target),
        refuse: adminError,
      };
    }
    if (!isMetadata(pathname)) return null;
    const { tasks, context } = this.#parts;
    return {
      service: 'metadata',
      operation: pathname.startsWith('/v4/') ? 'task' : 'credentials',
      run: async () => answerMetadata(pathname, tasks, context.clock.now()),
      refuse: adminError,
    };
  }

  /** Ends all tasks and instances; resolves when nothing is left of them. Rejects with the first failure after everything was closed. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    const { scaling, services, groups, tasks, instances } = this.#parts;
    const parts = [scaling, services, groups, tasks, instances, this.#server, this.#keeper];
    const failures: unknown[] = [];
    for (const part of [...parts, this.#taskFolder]) {
      try {
        await part?.close();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  async #provision(spec: ResolvedDeploymentSpec): Promise<Deployment> {
    const { operations, logs, parameters, subnets, groups, clusters, services } = this.#parts;
    return await provision(spec, {
      region: this.region,
      instanceTypes: this.#parts.context.instanceTypes,
      ecs: operations.ecs,
      autoScaling: operations.autoscaling,
      logs,
      parameters,
      subnets,
      dynamodbEndpoint: this.#dynamodbEndpoint,
      hasGroup: (name) => groups.find(name) !== undefined,
      hasProvider: (name) => clusters.provider(name) !== undefined,
      hasService: (cluster, name) =>
        services.find(clusters.get(cluster), name)?.status === 'ACTIVE',
    });
  }
}

/**
 * Opens an emulator; it listens on the loopback when this resolves.
 *
 * @throws `EMULATOR_PORT_TAKEN`, `EMULATOR_STATE_UNREADABLE`
 */
export async function openEmulator(options: EmulatorOptions): Promise<Emulator> {
  const { clock, directory = null, region = 'us-east-1', dynamodbEndpoint = null } = options;
  const faults = new Faults(options.seed ?? 1);
  const stored = await readStored(directory);
  const listeners = new Set(options.onLog === undefined ? [] : [options.onLog]);
  const opened: { emulator: Emulator; router: ServiceRouter }[] = [];
  const server = new HttpServer(clock, faults, (request) => {
    const [current] = opened;
    return current?.emulator.route(request) ?? current?.router.route(request) ?? NOT_YET;
  });
  const port = await server.listen(options.port ?? 0);
  const endpoint = `http://127.0.0.1:${port}`;
  const taskFolder = await openTaskFolder();
  // Tasks never have anything of an earlier run; objects have it when a directory is given.
  const objectsDirectory = join(directory ?? taskFolder.path, 's3');
  await mkdir(objectsDirectory, { recursive: true });
  const parts = buildParts({
    addresses: { endpoint, dynamodbEndpoint, region },
    clock,
    timings: { ...defaultTimings, ...options.timings },
    faults,
    stored,
    prices: options.prices ?? {},
    tasksDirectory: taskFolder.path,
    objectsDirectory,
    onLine: (line) => {
      for (const listener of listeners) listener(line);
    },
  });
  const emulator = new Emulator({
    ...{ parts, faults, server, endpoint, directory, dynamodbEndpoint, listeners, taskFolder },
  });
  opened.push({ emulator, router: new ServiceRouter(parts.operations, parts.s3) });
  return emulator;
}
