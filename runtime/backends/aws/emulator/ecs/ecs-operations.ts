import type { EmulatorContext } from '../context.ts';
import type { Operations } from '../operation.ts';
import { clusterOperations } from './cluster-operations.ts';
import type { Clusters } from './clusters.ts';
import type { RunTask } from './run-task.ts';
import { serviceOperations } from './service-operations.ts';
import type { Services } from './services.ts';
import type { TaskDefinitions } from './task-definitions.ts';
import { taskOperations } from './task-operations.ts';
import type { Tasks } from './tasks.ts';

/** The ECS API. */
export function ecsOperations(
  context: EmulatorContext,
  parts: {
    readonly clusters: Clusters;
    readonly definitions: TaskDefinitions;
    readonly tasks: Tasks;
    readonly services: Services;
    readonly runTask: RunTask;
  },
): Operations {
  const { clusters, definitions, tasks, services, runTask } = parts;
  return {
    ...clusterOperations(context, clusters, tasks),
    ...definitions.operations,
    ...serviceOperations(context, clusters, definitions, services),
    ...taskOperations(clusters, tasks),
    RunTask: runTask.operation,
  };
}
