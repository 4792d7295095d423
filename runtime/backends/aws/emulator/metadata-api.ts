/** What a container can ask about itself: the task metadata endpoint, version 4, and its credentials. */
import { ACCOUNT_ID } from './ids.ts';
import type { Task, Container } from './ecs/task.ts';
import type { Tasks } from './ecs/tasks.ts';
import { ServiceError } from './service-error.ts';
import type { Answer } from './wire/answers.ts';

/** Credentials are good for so long; SDKs ask again shortly before. */
const CREDENTIALS_MS = 6 * 3_600_000;

const METADATA = /^\/v4\/([0-9a-f]{32})-(\d+)(\/task|\/stats)?\/?$/;
const CREDENTIALS = /^\/v2\/credentials\/([0-9a-f]{32})-(\d+)$/;

/** Whether a path is one of these. */
export function isMetadata(path: string): boolean {
  return path.startsWith('/v4/') || path.startsWith('/v2/credentials/');
}

/** Answers a container; knows it by the id in its path. */
export function answerMetadata(path: string, tasks: Tasks, now: number): Answer {
  const [, credentialsOf] = CREDENTIALS.exec(path) ?? [];
  if (credentialsOf !== undefined) return json(credentials(taskOf(tasks, credentialsOf), now));
  const [, id, index = '0', more] = METADATA.exec(path) ?? [];
  if (id === undefined) throw notFound();
  const task = taskOf(tasks, id);
  if (more === '/task') return json(describeTask(task));
  const container = task.containers[Number(index)];
  if (container === undefined || more === '/stats') throw notFound();
  return json(describeContainer(task, container));
}

function taskOf(tasks: Tasks, id: string): Task {
  const task = tasks.all.find((each) => each.id === id);
  if (task === undefined) throw notFound();
  return task;
}

function notFound(): ServiceError {
  return new ServiceError('NotFound', 'unable to get metadata for this container', { status: 404 });
}

function describeTask(task: Task): object {
  const { wish, times, demand } = task;
  return {
    Cluster: wish.cluster.arn,
    TaskARN: task.arn,
    Family: wish.definition.family,
    Revision: String(wish.definition.revision),
    DesiredStatus: task.desiredStatus,
    KnownStatus: task.lastStatus,
    ...(task.isFargate
      ? { Limits: { CPU: demand.cpuUnits / 1_024, Memory: demand.memoryMiB } }
      : {}),
    PullStartedAt: toIso(times.pullStartedAt),
    PullStoppedAt: toIso(times.pullStoppedAt),
    AvailabilityZone: task.containerInstance?.instance.subnet.zone ?? task.zone,
    LaunchType: wish.launchType,
    Containers: task.containers.map((container) => describeContainer(task, container)),
  };
}

function describeContainer(
  task: Task,
  { arn, definition, runtimeId, lastStatus, ports }: Container,
): object {
  return {
    DockerId: runtimeId,
    Name: definition.name,
    DockerName: `ecs-${task.wish.definition.family}-${task.wish.definition.revision}-${definition.name}`,
    Image: definition.image,
    ImageID: '',
    Labels: {
      'com.amazonaws.ecs.cluster': task.wish.cluster.name,
      'com.amazonaws.ecs.container-name': definition.name,
      'com.amazonaws.ecs.task-arn': task.arn,
      'com.amazonaws.ecs.task-definition-family': task.wish.definition.family,
      'com.amazonaws.ecs.task-definition-version': String(task.wish.definition.revision),
    },
    DesiredStatus: task.desiredStatus,
    KnownStatus: lastStatus,
    Limits: { CPU: definition.cpu, Memory: definition.memory ?? definition.memoryReservation ?? 0 },
    CreatedAt: toIso(task.times.createdAt),
    StartedAt: toIso(task.times.startedAt),
    Type: 'NORMAL',
    ContainerARN: arn,
    Ports: ports.map(({ containerPort, hostPort, protocol }) => ({
      ContainerPort: containerPort,
      HostPort: hostPort,
      Protocol: protocol,
      HostIp: '0.0.0.0',
    })),
    Networks: [{ NetworkMode: task.wish.definition.networkMode, IPv4Addresses: ['127.0.0.1'] }],
  };
}

/** Nobody checks them; each task has its own, so that a log of requests tells who made them. */
function credentials(task: Task, now: number): object {
  const role: unknown = task.wish.definition['taskRoleArn'];
  return {
    RoleArn: typeof role === 'string' ? role : `arn:aws:iam::${ACCOUNT_ID}:role/emulated`,
    AccessKeyId: `ASIA${task.id.slice(0, 16).toUpperCase()}`,
    SecretAccessKey: 'emulated',
    Token: task.id,
    Expiration: new Date(now + CREDENTIALS_MS).toISOString(),
  };
}

function toIso(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}

function json(value: object): Answer {
  return {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(value),
  };
}
