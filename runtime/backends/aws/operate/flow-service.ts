/** The flow of a deployed app as a service of ECS, and the way in to its task. */
import {
  DescribeServicesCommand,
  DescribeTasksCommand,
  ExecuteCommandCommand,
  ListTasksCommand,
  UpdateServiceCommand,
  type ECSClient,
  type Task,
} from '@aws-sdk/client-ecs';
import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { StartSessionCommand, TerminateSessionCommand, type SSMClient } from '@aws-sdk/client-ssm';
import { CONTAINER_NAME, CONTAINER_PORT, startedByOf } from '../contract.ts';
import { workTaskOf } from '../launcher/task-request.ts';
import { attempt } from './aws-error.ts';

const PORT_FORWARDING = 'AWS-StartPortForwardingSession';
const UNITS_PER_VCPU = 1_024;
const MIB_PER_GIB = 1_024;

/** A container that Systems Manager can reach. */
export interface ContainerTarget {
  readonly taskArn: string;
  /** As Session Manager names it: `ecs:<cluster>_<task id>_<runtime id>`. */
  readonly target: string;
}

/** What the Session Manager plugin is started with. */
export interface PluginSession {
  readonly id: string;
  /** JSON of the session, and of the request that made it. */
  readonly session: string;
  readonly request: string;
}

/** The flow's running container; `null` while there is none. */
export async function flowContainer(
  client: ECSClient,
  cluster: string,
  service: string,
): Promise<ContainerTarget | null> {
  const tasks = await runningTasks(client, cluster, { serviceName: service });
  return targetOf(cluster, tasks[0]);
}

/** The container in which a work runs; `null` while there is none. */
export async function workContainer(
  client: ECSClient,
  cluster: string,
  { app, work }: { readonly app: string; readonly work: string },
): Promise<ContainerTarget | null> {
  const tasks = await runningTasks(client, cluster, { startedBy: startedByOf(app) });
  const own = tasks.filter((task) => workTaskOf(task)?.work === work);
  const newest = own.toSorted((a, b) => (workTaskOf(b)?.epoch ?? 0) - (workTaskOf(a)?.epoch ?? 0));
  return targetOf(cluster, newest[0]);
}

/** What of a flow is billed. */
export interface FlowShape {
  readonly vcpus: number;
  readonly memoryGiB: number;
  readonly hasPublicIp: boolean;
}

/** Of the flow's running task; `null` while there is none. */
export async function flowShape(
  client: ECSClient,
  cluster: string,
  service: string,
): Promise<FlowShape | null> {
  const [task] = await runningTasks(client, cluster, { serviceName: service });
  if (task === undefined) return null;
  const { services = [] } = await attempt('looking at the flow’s service', () =>
    client.send(new DescribeServicesCommand({ cluster, services: [service] })),
  );
  const network = services[0]?.networkConfiguration?.awsvpcConfiguration;
  return {
    vcpus: Number(task.cpu ?? 0) / UNITS_PER_VCPU,
    memoryGiB: Number(task.memory ?? 0) / MIB_PER_GIB,
    hasPublicIp: network?.assignPublicIp === 'ENABLED',
  };
}

export async function setFlowCount(
  client: ECSClient,
  cluster: string,
  service: string,
  desiredCount: 0 | 1,
): Promise<void> {
  await attempt(`setting the flow’s service to ${desiredCount}`, () =>
    client.send(new UpdateServiceCommand({ cluster, service, desiredCount })),
  );
}

/** The token of an app's API. */
export async function readToken(client: SecretsManagerClient, secret: string): Promise<string> {
  const answer = await attempt(`reading the secret ${secret}`, () =>
    client.send(new GetSecretValueCommand({ SecretId: secret })),
  );
  return answer.SecretString ?? '';
}

/** A session that forwards a port of this machine to the port of a container. */
export async function startPortForwarding(
  client: SSMClient,
  { target }: ContainerTarget,
  localPort: number,
): Promise<PluginSession> {
  const request = {
    Target: target,
    DocumentName: PORT_FORWARDING,
    Parameters: { portNumber: [String(CONTAINER_PORT)], localPortNumber: [String(localPort)] },
  };
  const { SessionId, StreamUrl, TokenValue } = await attempt('starting a session', () =>
    client.send(new StartSessionCommand(request)),
  );
  return {
    id: SessionId ?? '',
    session: JSON.stringify({ SessionId, StreamUrl, TokenValue }),
    request: JSON.stringify(request),
  };
}

/** A session in which a command runs in a container. */
export async function startCommand(
  client: ECSClient,
  cluster: string,
  { taskArn, target }: ContainerTarget,
  command: string,
): Promise<PluginSession> {
  const { session } = await attempt('running a command in the container', () =>
    client.send(
      new ExecuteCommandCommand({
        cluster,
        task: taskArn,
        container: CONTAINER_NAME,
        command,
        interactive: true,
      }),
    ),
  );
  const { sessionId: SessionId, streamUrl: StreamUrl, tokenValue: TokenValue } = session ?? {};
  return {
    id: SessionId ?? '',
    session: JSON.stringify({ SessionId, StreamUrl, TokenValue }),
    request: JSON.stringify({ Target: target }),
  };
}

/** Ends a session; one that has ended is fine. */
export async function endSession(client: SSMClient, id: string): Promise<void> {
  await client.send(new TerminateSessionCommand({ SessionId: id })).catch(() => undefined);
}

async function runningTasks(
  client: ECSClient,
  cluster: string,
  of: { readonly serviceName: string } | { readonly startedBy: string },
): Promise<Task[]> {
  return await attempt('looking for tasks', async () => {
    const found: Task[] = [];
    let nextToken: string | undefined;
    do {
      const page = await client.send(new ListTasksCommand({ cluster, nextToken, ...of }));
      const tasks = page.taskArns ?? [];
      if (tasks.length > 0)
        found.push(
          ...((await client.send(new DescribeTasksCommand({ cluster, tasks }))).tasks ?? []),
        );
      ({ nextToken } = page);
    } while (nextToken !== undefined);
    return found.filter(({ lastStatus }) => lastStatus === 'RUNNING');
  });
}

function targetOf(cluster: string, task: Task | undefined): ContainerTarget | null {
  const container = task?.containers?.find(({ name }) => name === CONTAINER_NAME);
  if (task?.taskArn === undefined || container === undefined) return null;
  const id = task.taskArn.slice(task.taskArn.lastIndexOf('/') + 1);
  return { taskArn: task.taskArn, target: `ecs:${cluster}_${id}_${container.runtimeId ?? ''}` };
}
