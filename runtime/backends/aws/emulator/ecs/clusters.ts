/** Clusters, capacity providers, and the instances that registered. */
import type { EmulatorContext } from '../context.ts';
import type { Instance, InstanceListener } from '../ec2/instances.ts';
import { longId, nameOf } from '../ids.ts';
import { ServiceError } from '../service-error.ts';
import type { CapacityProvider, Cluster } from './cluster.ts';
import { isFargateProvider } from './cluster.ts';
import { ContainerInstance } from './container-instance.ts';
import type { Tasks } from './tasks.ts';

const DEFAULT_CLUSTER = 'default';

export class Clusters implements InstanceListener {
  readonly #context: EmulatorContext;
  readonly #tasks: Tasks;
  readonly #clusters = new Map<string, Cluster>();
  readonly #providers = new Map<string, CapacityProvider>();
  readonly #byInstance = new Map<string, ContainerInstance>();

  constructor(context: EmulatorContext, tasks: Tasks) {
    this.#context = context;
    this.#tasks = tasks;
  }

  get all(): readonly Cluster[] {
    return [...this.#clusters.values()];
  }

  get providers(): readonly CapacityProvider[] {
    return [...this.#providers.values()];
  }

  find(nameOrArn: string = DEFAULT_CLUSTER): Cluster | undefined {
    return this.#clusters.get(nameOf(nameOrArn));
  }

  get(nameOrArn?: string): Cluster {
    const cluster = this.find(nameOrArn);
    if (cluster === undefined || cluster.status === 'INACTIVE')
      throw new ServiceError('ClusterNotFoundException', 'Cluster not found.');
    return cluster;
  }

  /** Makes it, or gives the one that exists. */
  create(name = DEFAULT_CLUSTER): Cluster {
    const found = this.find(name);
    if (found?.status === 'ACTIVE') return found;
    const arn = this.#context.arns.cluster(name);
    const cluster: Cluster = {
      arn,
      name,
      status: 'ACTIVE',
      capacityProviders: [],
      defaultStrategy: [],
      instances: [],
    };
    this.#clusters.set(name, cluster);
    return cluster;
  }

  provider(name: string): CapacityProvider | undefined {
    return this.#providers.get(nameOf(name));
  }

  addProvider(provider: CapacityProvider): void {
    if (/^(aws|ecs|fargate)/i.test(provider.name))
      throw new ServiceError(
        'InvalidParameterException',
        'The specified capacity provider name is invalid. The name must not be prefixed with "aws", "ecs", or "fargate".',
      );
    if (this.#providers.has(provider.name))
      throw new ServiceError(
        'InvalidParameterException',
        `A capacity provider with the name "${provider.name}" already exists. Specify a different name and try again.`,
      );
    this.#providers.set(provider.name, provider);
  }

  removeProvider(provider: CapacityProvider): void {
    if (
      this.all.some(
        ({ status, capacityProviders }) =>
          status === 'ACTIVE' && capacityProviders.includes(provider.name),
      )
    )
      throw new ServiceError(
        'ResourceInUseException',
        'The specified capacity provider is in use and cannot be removed.',
      );
    this.#providers.delete(provider.name);
  }

  checkProviders(names: readonly string[]): void {
    for (const name of names)
      if (!isFargateProvider(name) && !this.#providers.has(name))
        throw new ServiceError(
          'InvalidParameterException',
          `The specified capacity provider "${name}" was not found. Specify a valid name or ARN and try again.`,
        );
  }

  /** By ARN or id. */
  containerInstance(cluster: Cluster, idOrArn: string): ContainerInstance | undefined {
    return cluster.instances.find(({ arn }) => nameOf(arn) === nameOf(idOrArn));
  }

  ofInstance(instance: Instance): ContainerInstance | undefined {
    return this.#byInstance.get(instance.id);
  }

  /** Registers it with the cluster whose capacity provider has its group. */
  booted(instance: Instance): void {
    const provider = this.providers.find(({ group }) => group === instance.group);
    const cluster = this.all.find(
      ({ status, capacityProviders }) =>
        status === 'ACTIVE' && provider !== undefined && capacityProviders.includes(provider.name),
    );
    if (provider === undefined || cluster === undefined) return;
    const arn = this.#context.arns.containerInstance(cluster.name, longId());
    const now = this.#context.clock.now();
    const registered = new ContainerInstance(arn, instance, provider.name, now);
    cluster.instances.push(registered);
    this.#byInstance.set(instance.id, registered);
    this.#tasks.placeWaiting();
  }

  shuttingDown(instance: Instance): void {
    const registered = this.ofInstance(instance);
    if (registered === undefined) return;
    registered.status = 'DRAINING';
    this.#tasks.hostEnds(registered, false);
  }

  terminated(instance: Instance): void {
    const registered = this.ofInstance(instance);
    if (registered === undefined) return;
    this.#tasks.hostEnds(registered, true);
    this.#byInstance.delete(instance.id);
    for (const { instances } of this.all) {
      const at = instances.indexOf(registered);
      if (at !== -1) instances.splice(at, 1);
    }
  }

  died(instance: Instance): void {
    const registered = this.ofInstance(instance);
    if (registered === undefined) return;
    registered.agentConnected = false;
    this.#tasks.killOn(registered);
  }

  /** The agent drains a spot instance that is going to be taken back. */
  warned(instance: Instance): void {
    const registered = this.ofInstance(instance);
    if (registered !== undefined) registered.status = 'DRAINING';
  }

  setAgent(instance: Instance, isConnected: boolean): void {
    const registered = this.ofInstance(instance);
    if (registered === undefined) return;
    registered.agentConnected = isConnected;
    if (!isConnected) return;
    this.#tasks.agentReturned(registered);
    this.#tasks.placeWaiting();
  }
}
