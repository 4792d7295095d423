/**
 * A deployed app, as the command line finds and reaches it.
 *
 * Y1 Nothing of the app is open to the network: its API is reached through a tunnel of Session Manager to the flow's container,
 *    unless the deployment has an address of its own.
 */
import type { StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { createClients, destroyClients, type AwsClients } from '../backends/aws/clients.ts';
import { stackNameOf } from '../backends/aws/contract.ts';
import { DRAIN_SERVICES, drainApp } from '../backends/aws/operate/drain.ts';
import {
  endSession,
  flowContainer,
  readToken,
  setFlowCount,
  startCommand,
  startPortForwarding,
  workContainer,
} from '../backends/aws/operate/flow-service.ts';
import {
  checkDeleted,
  deleteStack,
  describeStack,
  resourcesOf,
  type StackFacts,
} from '../backends/aws/operate/stack.ts';
import { protectTables } from '../backends/aws/operate/keep-tables.ts';
import { appError } from '../errors/index.ts';
import { recordedDeployments } from './deployments.ts';
import { startPlugin, untilForwarded } from './session-plugin.ts';

const SERVICES = [
  'cloudFormation',
  'secretsManager',
  'ssm',
  'dynamodb',
  ...DRAIN_SERVICES,
] as const;

export interface DestroyOptions {
  readonly keepState: boolean;
  readonly pollMs: number;
  readonly deadlineMs: number;
  readonly progress: (line: string) => void;
  readonly signal: AbortSignal;
}

export class DeployedApp {
  readonly name: string;
  readonly region: string;
  readonly stack: string;
  readonly #facts: StackFacts;
  readonly #clients: Pick<AwsClients, (typeof SERVICES)[number]>;
  readonly #env: NodeJS.ProcessEnv;

  private constructor(
    of: { readonly name: string; readonly region: string; readonly stack: string },
    facts: StackFacts,
    clients: Pick<AwsClients, (typeof SERVICES)[number]>,
    env: NodeJS.ProcessEnv,
  ) {
    this.name = of.name;
    this.region = of.region;
    this.stack = of.stack;
    this.#facts = facts;
    this.#clients = clients;
    this.#env = env;
  }

  /**
   * Finds a deployed app: as it was deployed from this machine, else by the name of its stack in the region of the environment.
   *
   * @returns `null` when there is none, or no region to look in
   * @throws `AWS_CALL_FAILED`, `AWS_CREDENTIALS_MISSING`
   */
  static async find(
    home: string,
    name: string,
    env: NodeJS.ProcessEnv,
  ): Promise<DeployedApp | null> {
    const record = (await recordedDeployments(home))[name];
    const region = record?.region ?? env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'] ?? '';
    if (region === '') return null;
    const stack = record?.stack ?? stackNameOf(name);
    const clients = await createClients(region, SERVICES);
    const facts = await describeStack(clients.cloudFormation, stack, name);
    if (facts === null) {
      destroyClients(clients);
      return null;
    }
    return new DeployedApp({ name, region, stack }, facts, clients, env);
  }

  /**
   * Opens the way to the app's API; it ends with this process.
   *
   * @throws `DEPLOY_FLOW_NOT_RUNNING`, `DEPLOY_TUNNEL_FAILED`, `AWS_PLUGIN_MISSING`
   */
  async reach(signal: AbortSignal): Promise<{ readonly url: string; readonly token?: string }> {
    const { secretsManager } = this.#clients;
    const { token: secret, url } = this.#facts.outputs;
    const token = secret === undefined ? {} : { token: await readToken(secretsManager, secret) };
    return { url: url ?? (await this.#tunnel(signal)), ...token };
  }

  /** Runs a command beside a work, in this terminal; gives its exit code. */
  async exec(work: string, command: readonly string[], stdio: StdioOptions): Promise<number> {
    const { ecs } = this.#clients;
    const cluster = this.#output('cluster');
    const target = await workContainer(ecs, cluster, { app: this.name, work });
    if (target === null)
      throw appError('CLI_EXEC_NOT_HERE', { work, problem: 'it has no running task' });
    const session = await startCommand(ecs, cluster, target, command.map(quoted).join(' '));
    const { region } = this;
    const child = await startPlugin(session, { region, env: this.#env, stdio });
    const [code] = (await once(child, 'close')) as [number | null];
    return code ?? 1;
  }

  /** Takes the flow's task away, or gives it back; what is stored stays. */
  async setFlow(isUp: boolean): Promise<void> {
    const { ecs } = this.#clients;
    await setFlowCount(ecs, this.#output('cluster'), this.#output('service'), isUp ? 1 : 0);
  }

  /** Whether the flow's container runs. */
  async hasFlow(): Promise<boolean> {
    const { ecs } = this.#clients;
    const found = await flowContainer(ecs, this.#output('cluster'), this.#output('service'));
    return found !== null;
  }

  /**
   * Ends everything that costs money, and only then deletes the stack.
   *
   * @throws `DESTROY_LEFT`, `DESTROY_STACK_FAILED`
   */
  async destroy(options: DestroyOptions): Promise<{ readonly kept: readonly string[] }> {
    const { cloudFormation, dynamodb } = this.#clients;
    const { keepState, progress } = options;
    const { groups, tables } = await resourcesOf(cloudFormation, this.stack);
    const { cluster, service } = this.#facts.outputs;
    if (cluster !== undefined && service !== undefined) {
      await drainApp(this.#clients, { app: this.name, cluster, service, groups }, options);
    }
    if (keepState)
      await protectTables(
        dynamodb,
        tables.map(({ name }) => name),
      );
    progress(`deleting the stack ${this.stack}`);
    let failed = await deleteStack(cloudFormation, this.#facts, options);
    const ids = new Set(tables.map(({ id }) => id));
    const retain = [...failed.keys()].filter((id) => ids.has(id));
    // A protected table cannot be deleted; now CloudFormation may be told to leave it.
    if (keepState && retain.length > 0)
      failed = await deleteStack(cloudFormation, this.#facts, { ...options, retain });
    checkDeleted(this.stack, failed);
    return { kept: keepState ? tables.map(({ name }) => name) : [] };
  }

  close(): void {
    destroyClients(this.#clients);
  }

  #output(name: 'cluster' | 'service'): string {
    const value = this.#facts.outputs[name];
    if (value !== undefined) return value;
    const { region, stack } = this;
    throw appError('DEPLOY_STACK_UNKNOWN', { app: this.name, stack, region });
  }

  /** Y1 */
  async #tunnel(signal: AbortSignal): Promise<string> {
    const { ecs, ssm } = this.#clients;
    const { name: app, region } = this;
    const target = await flowContainer(ecs, this.#output('cluster'), this.#output('service'));
    if (target === null) throw appError('DEPLOY_FLOW_NOT_RUNNING', { app, region });
    const port = await freePort();
    const session = await startPortForwarding(ssm, target, port);
    try {
      const stdio = ['ignore', 'pipe', 'pipe'] as const;
      const child = await startPlugin(session, { region, env: this.#env, stdio: [...stdio] });
      signal.addEventListener('abort', () => child.kill(), { once: true });
      await untilForwarded(child, port, app, signal);
    } catch (error) {
      await endSession(ssm, session.id);
      throw error;
    }
    return `http://127.0.0.1:${port}`;
  }
}

/** One argument as a shell reads it. */
function quoted(text: string): string {
  return /^[A-Za-z0-9_\-./:=@%+,]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
