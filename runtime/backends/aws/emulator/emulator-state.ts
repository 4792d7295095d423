import type { Groups } from './ec2/groups.ts';
import type { Instances } from './ec2/instances.ts';
import type { Clusters } from './ecs/clusters.ts';
import type { Services } from './ecs/services.ts';
import type { Tasks } from './ecs/tasks.ts';

/** What there is now, for people and tests. */
export interface EmulatorState {
  readonly instances: readonly {
    readonly id: string;
    readonly type: string;
    readonly market: string;
    readonly group: string;
    readonly subnet: string;
    readonly state: string;
    /** Epoch milliseconds. */
    readonly launchedAt: number;
    /** Of its container instance; `null` before it registered and after its end. */
    readonly agent: {
      readonly arn: string;
      readonly status: string;
      readonly connected: boolean;
    } | null;
    readonly tasks: readonly string[];
  }[];
  readonly tasks: readonly {
    readonly arn: string;
    readonly definition: string;
    readonly cluster: string;
    readonly startedBy: string | null;
    readonly lastStatus: string;
    readonly desiredStatus: string;
    readonly instance: string | null;
    readonly stoppedReason: string | null;
    readonly pids: readonly number[];
    readonly hostPorts: readonly number[];
  }[];
  readonly groups: readonly {
    readonly name: string;
    readonly desired: number;
    readonly max: number;
    readonly instances: readonly string[];
  }[];
  readonly services: readonly {
    readonly name: string;
    readonly cluster: string;
    readonly status: string;
    readonly desired: number;
    readonly failedTasks: number;
  }[];
}

export function stateOf(parts: {
  readonly instances: Instances;
  readonly groups: Groups;
  readonly clusters: Clusters;
  readonly tasks: Tasks;
  readonly services: Services;
}): EmulatorState {
  const { instances, groups, clusters, tasks, services } = parts;
  return {
    instances: instances.all.map((instance) => {
      const registered = clusters.ofInstance(instance);
      return {
        id: instance.id,
        type: instance.type.name,
        market: instance.market,
        group: instance.group,
        subnet: instance.subnet.id,
        state: instance.state,
        launchedAt: instance.launchedAt,
        agent:
          registered === undefined
            ? null
            : {
                arn: registered.arn,
                status: registered.status,
                connected: registered.agentConnected,
              },
        tasks: registered?.tasks.map(({ arn }) => arn) ?? [],
      };
    }),
    tasks: tasks.all.map((task) => ({
      arn: task.arn,
      definition: task.wish.definition.taskDefinitionArn,
      cluster: task.wish.cluster.name,
      startedBy: task.wish.startedBy ?? null,
      lastStatus: task.lastStatus,
      desiredStatus: task.desiredStatus,
      instance: task.containerInstance?.instance.id ?? null,
      stoppedReason: task.stoppedReason ?? null,
      pids: tasks.pidsOf(task),
      hostPorts: task.containers.flatMap(({ ports }) => ports.map(({ hostPort }) => hostPort)),
    })),
    groups: groups.all.map((group) => ({
      name: group.name,
      desired: group.desired,
      max: group.maxSize,
      instances: groups.members(group).map(({ id }) => id),
    })),
    services: services.all.map(({ name, cluster, status, desiredCount, failedTasks }) => ({
      name,
      cluster: cluster.name,
      status,
      desired: desiredCount,
      failedTasks,
    })),
  };
}
