/** Starts one container of a task, or says in AWS's words why it cannot be started. */
import { freePort } from '../../../../host/free-port.ts';
import { ServiceError } from '../service-error.ts';
import { toEvents } from '../logs/line-cutter.ts';
import { environmentOf, foldersOf, markerOf, secretsOf } from './container-environment.ts';
import { commandProblem, ContainerProcess } from './container-process.ts';
import type { LifeHost } from './life-host.ts';
import type { Container, Task } from './task.ts';

/** @throws `ServiceError` whose message is the reason that the task stops with. */
export async function startContainer(
  task: Task,
  container: Container,
  host: LifeHost,
): Promise<ContainerProcess> {
  const { context, logs, directory, endpoint, services } = host;
  const problem = commandProblem(container.command);
  if (problem !== null) {
    container.reason = `CannotStartContainerError: ${problem}`;
    throw notStarted(container.reason);
  }
  const secrets = readSecrets(container, host);
  const log = logOf(task, container, host);
  container.runtimeId = `${task.id}-${task.containers.indexOf(container)}`;
  container.ports = await Promise.all(
    container.definition.portMappings.map(async ({ containerPort, hostPort = 0, protocol }) => ({
      containerPort,
      hostPort: hostPort === 0 || task.isFargate ? await freePort() : hostPort,
      protocol,
    })),
  );
  const folders = foldersOf(directory, task, container);
  return await ContainerProcess.start({
    command: container.command,
    env: environmentOf(task, container, { endpoint, folders, services, secrets }),
    folders,
    marker: markerOf(endpoint, container),
    clock: context.clock,
    onLine: ({ stream, line }) => {
      const at = context.clock.now();
      if (log !== null)
        for (const event of toEvents(line)) logs.append(log.group, log.stream, event, at);
      host.line({
        stream,
        line,
        at,
        taskArn: task.arn,
        family: task.wish.definition.family,
        container: container.definition.name,
        logGroup: log?.group ?? null,
        logStream: log?.stream ?? null,
      });
    },
  });
}

function readSecrets(container: Container, { parameters }: LifeHost): Record<string, string> {
  try {
    return secretsOf(container, parameters);
  } catch (error) {
    const why = error instanceof ServiceError ? `${error.code}: ${error.message}` : String(error);
    throw notStarted(
      `ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secrets from ssm or secretsmanager: ${why}`,
    );
  }
}

function logOf(
  task: Task,
  { definition, arn }: Container,
  { logs }: LifeHost,
): { readonly group: string; readonly stream: string } | null {
  if (definition.logConfiguration?.logDriver !== 'awslogs') return null;
  const { options } = definition.logConfiguration;
  const group = options['awslogs-group'] ?? '';
  if (options['awslogs-create-group'] === 'true') logs.ensure(group);
  if (!logs.has(group))
    throw notStarted(
      `ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist.`,
    );
  const prefix = options['awslogs-stream-prefix'];
  const stream =
    prefix === undefined
      ? arn.slice(arn.lastIndexOf('/') + 1)
      : `${prefix}/${definition.name}/${task.id}`;
  logs.ensureStream(group, stream);
  return { group, stream };
}

function notStarted(reason: string): ServiceError {
  return new ServiceError('TaskFailedToStart', reason);
}
