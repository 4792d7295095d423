/** The environment of a container's process: nothing of this machine but a path, and what ECS puts there. */
import { delimiter, dirname, isAbsolute, join } from 'node:path';
import { PORT_VARIABLE } from '../../contract.ts';
import type { Parameters } from '../parameters.ts';
import { overrideOf } from './demand.ts';
import type { Container, Task } from './task.ts';

/** Folders with programs that an image has beside them, such as those of a virtual environment; separated as in `PATH`. */
export const IMAGE_PATH_VARIABLE = 'STORMKITE_EMULATOR_PATH';
/** Where a Debian image has its programs; before them the folder of this Node, which stands for the image's. */
const IMAGE_PATH = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

const METADATA_VARIABLE = 'ECS_CONTAINER_METADATA_URI_V4';

/** Folders of one container, all new and empty. */
export interface ContainerFolders {
  readonly root: string;
  readonly cwd: string;
  readonly home: string;
  readonly tmp: string;
}

/** Short names: sockets below them have paths of at most about 100 characters. */
export function foldersOf(directory: string, task: Task, container: Container): ContainerFolders {
  const index = task.containers.indexOf(container);
  const root = join(directory, `${task.id.slice(0, 10)}-${index}`);
  return { root, cwd: join(root, 'w'), home: join(root, 'h'), tmp: join(root, 't') };
}

export function searchPath(env: NodeJS.ProcessEnv = process.env): readonly string[] {
  const more = (env[IMAGE_PATH_VARIABLE] ?? '').split(delimiter).filter(isAbsolute);
  return [dirname(process.execPath), ...more, ...IMAGE_PATH];
}

export function environmentOf(
  task: Task,
  container: Container,
  wish: {
    readonly endpoint: string;
    readonly folders: ContainerFolders;
    /** Addresses of the services. */
    readonly services: Readonly<Record<string, string>>;
    readonly secrets: Readonly<Record<string, string>>;
  },
): Record<string, string> {
  const { endpoint, folders, services, secrets } = wish;
  const { definition } = container;
  const override = overrideOf(task.wish.overrides, definition.name);
  const [port] = container.ports;
  return {
    PATH: searchPath().join(':'),
    HOME: folders.home,
    TMPDIR: folders.tmp,
    LANG: 'C.UTF-8',
    ...services,
    AWS_EXECUTION_ENV: task.isFargate ? 'AWS_ECS_FARGATE' : 'AWS_ECS_EC2',
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `${endpoint}/v2/credentials/${container.runtimeId}`,
    ...(container.gpus.length === 0 ? {} : { NVIDIA_VISIBLE_DEVICES: container.gpus.join(',') }),
    ...pairs(definition.environment),
    ...pairs(override?.environment ?? []),
    ...secrets,
    // In a container the host port leads to this port; here both are the process's own.
    ...(port === undefined ? {} : { [PORT_VARIABLE]: String(port.hostPort) }),
    [METADATA_VARIABLE]: metadataUri(endpoint, container),
  };
}

/** What tells this container's processes from all others in their environment. */
export function markerOf(endpoint: string, container: Container): string {
  return `${METADATA_VARIABLE}=${metadataUri(endpoint, container)}`;
}

function metadataUri(endpoint: string, { runtimeId }: Container): string {
  return `${endpoint}/v4/${runtimeId}`;
}

/** Values of a container's secrets. @throws a service's error when one cannot be read. */
export function secretsOf(
  { definition }: Container,
  parameters: Parameters,
): Record<string, string> {
  return Object.fromEntries(
    definition.secrets.map(({ name, valueFrom }) => [name, parameters.valueFrom(valueFrom)]),
  );
}

function pairs(
  list: readonly { readonly name: string; readonly value: string }[],
): Record<string, string> {
  return Object.fromEntries(list.map(({ name, value }) => [name, value]));
}
