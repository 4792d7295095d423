/** The ECS operations about tasks that exist. */
import { z } from 'zod';
import { MAX_DESCRIBED_TASKS } from '../../contract.ts';
import { nameOf } from '../ids.ts';
import { operationOf, pageOf, type Operations } from '../operation.ts';
import { ServiceError } from '../service-error.ts';
import type { Clusters } from './clusters.ts';
import { tagsSchema } from './run-task.ts';
import type { Tasks } from './tasks.ts';
import type { Task } from './task.ts';

const ecs = operationOf('ecs');

const MAX_PAGE = 100;
const MAX_REASON = 1_024;
const cluster = z.string().optional();

export function taskOperations(clusters: Clusters, tasks: Tasks): Operations {
  const find = (clusterName: string | undefined, idOrArn: string): Task | undefined => {
    const task = tasks.find(idOrArn);
    return task?.wish.cluster === clusters.get(clusterName) ? task : undefined;
  };
  return {
    DescribeTasks: ecs(
      z.object({
        cluster,
        tasks: z.array(z.string()).min(1).max(MAX_DESCRIBED_TASKS),
        include: z.array(z.string()).default([]),
      }),
      (input) => {
        clusters.get(input.cluster);
        const found = input.tasks.map((id) => [id, find(input.cluster, id)] as const);
        return {
          tasks: found.flatMap(([, task]) => task?.describe(input.include.includes('TAGS')) ?? []),
          failures: found
            .filter(([, task]) => task === undefined)
            .map(([id]) => ({
              arn: id.startsWith('arn:')
                ? id
                : tasks.arns.task(nameOf(clusters.get(input.cluster).arn), id),
              reason: 'MISSING',
            })),
        };
      },
    ),
    ListTasks: ecs(
      z.object({
        cluster,
        containerInstance: z.string().optional(),
        family: z.string().optional(),
        serviceName: z.string().optional(),
        startedBy: z.string().optional(),
        desiredStatus: z.enum(['RUNNING', 'PENDING', 'STOPPED']).default('RUNNING'),
        launchType: z.enum(['EC2', 'FARGATE', 'EXTERNAL']).optional(),
        maxResults: z.number().int().min(1).max(MAX_PAGE).default(MAX_PAGE),
        nextToken: z.string().optional(),
      }),
      (input) => {
        const within = clusters.get(input.cluster);
        const { startedBy, family, serviceName, containerInstance, launchType } = input;
        if (startedBy !== undefined && (family ?? serviceName ?? containerInstance) !== undefined)
          throw new ServiceError(
            'InvalidParameterException',
            'When you specify startedBy as the filter, it must be the only filter that you use.',
          );
        const place =
          containerInstance === undefined
            ? undefined
            : clusters.containerInstance(within, containerInstance);
        if (containerInstance !== undefined && place === undefined)
          throw new ServiceError(
            'InvalidParameterException',
            'The container instance was not found.',
          );
        const service = serviceName === undefined ? undefined : `service:${nameOf(serviceName)}`;
        const found = tasks.all.filter(
          (task) =>
            task.wish.cluster === within &&
            tasks.isVisible(task) &&
            task.desiredStatus === input.desiredStatus &&
            (startedBy ?? task.wish.startedBy) === task.wish.startedBy &&
            (family ?? task.wish.definition.family) === task.wish.definition.family &&
            (service ?? task.wish.group) === task.wish.group &&
            (launchType ?? task.wish.launchType) === task.wish.launchType &&
            (place ?? task.containerInstance) === task.containerInstance,
        );
        const { page, nextToken } = pageOf(found, input.nextToken, input.maxResults);
        return { taskArns: page.map(({ arn }) => arn), nextToken };
      },
    ),
    StopTask: ecs(
      z.object({ cluster, task: z.string(), reason: z.string().max(MAX_REASON).optional() }),
      (input) => {
        const task = find(input.cluster, input.task);
        if (task === undefined)
          throw new ServiceError('InvalidParameterException', 'The referenced task was not found.');
        tasks.stop(task, {
          code: 'UserInitiated',
          reason: input.reason ?? 'Task stopped by user',
        });
        return { task: task.describe(false) };
      },
    ),
    TagResource: ecs(z.object({ resourceArn: z.string(), tags: tagsSchema }), (input) => {
      const task = tasks.find(input.resourceArn);
      if (task === undefined)
        throw new ServiceError(
          'ResourceNotFoundException',
          'The specified resource was not found.',
        );
      const names = new Set(input.tags.map(({ key }) => key));
      task.change(() => {
        task.tags = [...task.tags.filter(({ key }) => !names.has(key)), ...input.tags];
      });
      return {};
    }),
    ExecuteCommand: ecs(z.object({ cluster, task: z.string(), command: z.string() }), () => {
      throw new ServiceError(
        'InvalidParameterException',
        'The execute command failed because execute command was not enabled when the task was run or the execute command agent isn’t running. Wait and try again or run a new task with execute command enabled and try again.',
      );
    }),
  };
}
