/**
 * A deployed app, as the command line finds and reaches it.
 *
 * Y1 Its API is reached through a tunnel of Session Manager to the flow's container, also when the deployment has an address of its
 *    own: that one is for browsers, and may ask for a sign-in.
 */
import type { StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { createClients, destroyClients, type AwsClients } from '../backends/aws/clients.ts';
import type { StackOutput } from '../backends/aws/contract.ts';
import { reopenGroups } from '../backends/aws/operate/drain.ts';
import {
  endSession,
  flowContainer,
  flowShape,
  readToken,
  setFlowCount,
  startCommand,
  startPortForwarding,
  workContainer,
} from '../backends/aws/operate/flow-service.ts';
import {
  describeStack,
  findStack,
  groupsAmong,
  holderOf,
  resourcesOf,
  type StackFacts,
} from '../backends/aws/operate/stack.ts';
import { hasPrinted, storedLogs, type LogWish } from '../backends/aws/operate/stored-logs.ts';
import { appError } from '../errors/index.ts';
import type { PriceList } from '../hardware/prices.ts';
import type { LogLine } from '../ports/log-sink.ts';
import { placeOf } from './deployments.ts';
import { DESTROY_SERVICES, Destruction } from './destruction.ts';
import { freePort } from './free-port.ts';
import { flowPerHour } from './idle-costs.ts';
import { startPlugin, untilForwarded } from './session-plugin.ts';

const SERVICES = ['secretsManager', 'logs', ...DESTROY_SERVICES] as const;
type Clients = Pick<AwsClients, (typeof SERVICES)[number]>;

export class DeployedApp {
  readonly name: string;
  readonly region: string;
  readonly stack: string;
  readonly #facts: StackFacts;
  readonly #clients: Clients;
  readonly #env: NodeJS.ProcessEnv;

  private constructor(
    of: { readonly name: string; readonly region: string },
    facts: StackFacts,
    clients: Clients,
    env: NodeJS.ProcessEnv,
  ) {
    this.name = of.name;
    this.region = of.region;
    this.stack = facts.name;
    this.#facts = facts;
    this.#clients = clients;
    this.#env = env;
  }

  /**
   * Finds a deployed app in the region of the environment, else where it was deployed to from this machine: by the name of its stack,
   * or in any stack whose outputs tell of it.
   *
   * @returns `null` when there is none, or no region to look in
   * @throws `AWS_CALL_FAILED`, `AWS_CREDENTIALS_MISSING`, `AWS_REGION_MISSING`
   */
  static async find(
    home: string,
    name: string,
    env: NodeJS.ProcessEnv,
  ): Promise<DeployedApp | null> {
    const { region, stack } = await placeOf(home, name, env);
    if (region === '') return null;
    const clients = await createClients(region, SERVICES);
    const { cloudFormation } = clients;
    const facts =
      (await describeStack(cloudFormation, stack, name)) ?? (await findStack(cloudFormation, name));
    if (facts !== null) return new DeployedApp({ name, region }, facts, clients, env);
    destroyClients(clients);
    return null;
  }

  /**
   * Looks whether an app may be deployed as a stack: the names of two apps may lead to one.
   *
   * @throws `DEPLOY_STACK_TAKEN`, `AWS_CALL_FAILED`, `AWS_CREDENTIALS_MISSING`
   */
  static async checkStack(app: string, stack: string, region: string): Promise<void> {
    const clients = await createClients(region, ['cloudFormation']);
    try {
      const holder = await holderOf(clients.cloudFormation, stack, app);
      if (holder !== null) throw appError('DEPLOY_STACK_TAKEN', { app, stack, region, holder });
    } finally {
      destroyClients(clients);
    }
  }

  /** Address for browsers; `null` where the deployment has none. */
  get publicUrl(): string | null {
    return this.#facts.outputs.url ?? null;
  }

  /** The token of the app's API; `null` where it has none. */
  async token(): Promise<string | null> {
    const { token: secret } = this.#facts.outputs;
    return secret === undefined ? null : await readToken(this.#clients.secretsManager, secret);
  }

  /**
   * Opens the way to the app's API (Y1); it ends with this process, or when `signal` is aborted.
   *
   * @throws `DEPLOY_FLOW_NOT_RUNNING`, `DEPLOY_TUNNEL_FAILED`, `DEPLOY_NO_WAY_IN`, `AWS_PLUGIN_MISSING`
   */
  async reach(signal: AbortSignal): Promise<{ readonly url: string; readonly token?: string }> {
    const token = await this.token();
    return { url: await this.#way(signal), ...(token === null ? {} : { token }) };
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

  /**
   * What was printed, read from its log group; needs no flow.
   *
   * @throws `WORK_UNKNOWN`, `AWS_CALL_FAILED`, `AWS_CREDENTIALS_MISSING`
   */
  async logs(wish: LogWish): Promise<AsyncIterable<LogLine>> {
    const { source } = wish;
    const logGroup = this.#output('logGroup');
    const place = { app: this.name, logGroup, stateTable: this.#output('stateTable') };
    const isKnown =
      source === null || source === 'flow' || (await hasPrinted(this.#clients, place, source));
    if (!isKnown && !wish.follow) throw appError('WORK_UNKNOWN', { name: source });
    return storedLogs(this.#clients, place, wish);
  }

  /** Takes the flow's task away; what is stored stays. */
  async pause(): Promise<void> {
    await setFlowCount(this.#clients.ecs, this.#output('cluster'), this.#output('service'), 0);
  }

  /** Gives the flow its task back, also after a destruction that was not final. */
  async resume(): Promise<void> {
    const { cloudFormation, ecs } = this.#clients;
    const cluster = this.#output('cluster');
    const resources = await resourcesOf(cloudFormation, this.#facts);
    await reopenGroups(this.#clients, groupsAmong(resources));
    await setFlowCount(ecs, cluster, this.#output('service'), 1);
  }

  /** Whether the flow's container runs. */
  async hasFlow(): Promise<boolean> {
    const { ecs } = this.#clients;
    const found = await flowContainer(ecs, this.#output('cluster'), this.#output('service'));
    return found !== null;
  }

  /** What the flow itself costs, in dollars an hour; 0 while it does not run. */
  async flowPerHour(prices: PriceList): Promise<number> {
    const { ecs } = this.#clients;
    const shape = await flowShape(ecs, this.#output('cluster'), this.#output('service'));
    return shape === null ? 0 : flowPerHour(shape, shape.hasPublicIp, prices);
  }

  /** Gets its end ready; nothing is changed yet. @throws what {@link Destruction.prepare} throws */
  async prepareDestruction(of: { readonly keepState: boolean }): Promise<Destruction> {
    return await Destruction.prepare(this.name, this.#facts, this.#clients, of);
  }

  close(): void {
    destroyClients(this.#clients);
  }

  #output(name: StackOutput): string {
    const value = this.#facts.outputs[name];
    if (value !== undefined) return value;
    const { region, stack } = this;
    throw appError('DEPLOY_STACK_UNKNOWN', { app: this.name, stack, region });
  }

  async #way(signal: AbortSignal): Promise<string> {
    const { ui, url } = this.#facts.outputs;
    if (ui !== 'none') return await this.#tunnel(signal);
    if (url !== undefined) return url;
    throw appError('DEPLOY_NO_WAY_IN', { app: this.name });
  }

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
