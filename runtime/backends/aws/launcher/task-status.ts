/** What a task, as ECS describes it, means for a work. Pure. */
import type { Task } from '@aws-sdk/client-ecs';
import type { ExitReason } from '../../../ports/launcher.ts';
import { CONTAINER_NAME, WORK_EXIT_CODES } from '../contract.ts';
import type { StopCause } from './rows.ts';

export type TaskSight =
  | { readonly state: 'starting'; readonly pending: Pending }
  | { readonly state: 'running'; readonly ports: Readonly<Record<number, number>> }
  /** On its way to STOPPED, whether it ever ran or not. */
  | { readonly state: 'ending' }
  | {
      readonly state: 'stopped';
      readonly reason: ExitReason;
      readonly message: string;
      /** SIGKILL ended it. */
      readonly killed: boolean;
      /** ECS found no place for it; it never ran, and another task may be tried. */
      readonly unplaced: boolean;
    };

/** Why a work does not run yet. */
export interface Pending {
  readonly reason: string;
  readonly message: string;
}

/** Exit code of a process that SIGKILL ended. */
const KILLED = 137;
/** Exit code of one that SIGTERM ended. */
const TERMINATED = 143;

/**
 * Ends that Stormkite brought about itself. What the work cannot help, before it was one, counts as `interrupted`: it is started
 * again, as often as after the loss of a machine.
 */
const OWN_ENDS: Readonly<Record<number, readonly [reason: ExitReason, why: string]>> = {
  [WORK_EXIT_CODES.misdeployed]: [
    'exited',
    'it was started without what its task definition must tell it; deploy the app again',
  ],
  [WORK_EXIT_CODES.noArtifact]: [
    'interrupted',
    'its artifact could not be fetched and unpacked, or packages not be installed',
  ],
  [WORK_EXIT_CODES.fenced]: ['exited', 'it was replaced by a newer launch'],
  [WORK_EXIT_CODES.flowLost]: ['interrupted', 'it gave its flow up'],
  [WORK_EXIT_CODES.noInput]: ['interrupted', 'it found nothing that tells it what to do'],
  [WORK_EXIT_CODES.noSecret]: ['exited', 'a secret does not exist, or its role may not read it'],
  [WORK_EXIT_CODES.notSupplied]: ['interrupted', 'its secrets or packages could not be had'],
  [WORK_EXIT_CODES.noMount]: [
    'exited',
    'an S3 folder of its mounts does not exist, its role may not read it, or it has no room',
  ],
};

const HOST_GONE = /Host EC2 \(instance [^)]*\)|TerminationNotice|SpotInterruption/i;
const OUT_OF_MEMORY = /OutOfMemory/i;
const NO_PLACE =
  /RESOURCE:|\bAGENT\b|MemberOf placement|NO ACTIVE INSTANCES|EMPTY CAPACITY PROVIDER|unable to place|\bATTRIBUTE\b|\bLOCATION\b/;
const IMAGE = /CannotPull|CannotInspect|ImageNotFound|InvalidImage|pull access|manifest/i;
const IAM =
  /AccessDenied|not authorized|unable to assume|AssumeRole|UnauthorizedOperation|credentials/i;

const STARTING: Readonly<Record<string, Pending>> = {
  PROVISIONING: { reason: 'capacity', message: 'ECS looks for a machine for the task' },
  PENDING: { reason: 'image', message: 'the image is fetched and the container is made' },
  ACTIVATING: { reason: 'boot', message: 'the task is being activated' },
};

const ENDING: ReadonlySet<string> = new Set(['DEACTIVATING', 'STOPPING', 'DEPROVISIONING']);

/** @param cause - why the flow stopped it; `null` when it did not */
export function toTaskSight(task: Task, cause: StopCause | null): TaskSight {
  const status = task.lastStatus ?? '';
  const container = containerOf(task);
  if (status === 'STOPPED' || status === 'DELETED') return toStopped(task, cause);
  const starting = STARTING[status];
  if (starting) return { state: 'starting', pending: starting };
  if (ENDING.has(status)) return { state: 'ending' };
  const ports: Record<number, number> = {};
  for (const { containerPort, hostPort } of container?.networkBindings ?? [])
    if (containerPort !== undefined && hostPort !== undefined) ports[containerPort] = hostPort;
  return { state: 'running', ports };
}

/** The container that runs the app; agents that AWS adds beside it do not matter. */
function containerOf({ containers = [] }: Task) {
  return containers.find(({ name }) => name === CONTAINER_NAME) ?? containers[0];
}

function toStopped(task: Task, cause: StopCause | null): Extract<TaskSight, { state: 'stopped' }> {
  const container = containerOf(task);
  const exitCode = container?.exitCode ?? null;
  const why = reasonText(task);
  const killed = exitCode === KILLED;
  const ended = (reason: ExitReason, message: string, unplaced = false) =>
    ({ state: 'stopped', reason, message, killed, unplaced }) as const;

  if (cause === 'asked')
    return ended('stopped', killed ? 'killed by SIGKILL after its grace' : 'ended as asked');
  if (cause === 'spot') return ended('interrupted', `its spot instance is being taken back${why}`);
  if (cause === 'host') return ended('interrupted', `its machine is gone${why}`);
  if (cause === 'start') return ended('exited', `it did not start in time${why}`);
  if (isHostGone(task)) return ended('interrupted', `its machine is gone${why}`);
  if (OUT_OF_MEMORY.test(container?.reason ?? ''))
    return ended('oom', `it used more memory than its container may${why}`);
  const { stopCode } = task;
  if (stopCode === 'TaskFailedToStart') return failedToStart(why, ended);
  if (stopCode === 'UserInitiated') return ended('stopped', `it was stopped from outside${why}`);
  const own = exitCode === null ? undefined : OWN_ENDS[exitCode];
  if (own) {
    const [reason, what] = own;
    return ended(reason, `${what} (${exitText(exitCode)}; its log says more)`);
  }
  // Of codes that are new to us ECS's own words tell most.
  const words = stopCode === 'EssentialContainerExited' ? '' : why;
  return ended('exited', `${exitText(exitCode)}${words}`);
}

function isHostGone({ stopCode, stoppedReason }: Task): boolean {
  return (
    stopCode === 'SpotInterruption' ||
    stopCode === 'TerminationNotice' ||
    stopCode === 'InfrastructureHealth' ||
    HOST_GONE.test(stoppedReason ?? '')
  );
}

function failedToStart(
  why: string,
  ended: (
    reason: ExitReason,
    message: string,
    unplaced?: boolean,
  ) => Extract<TaskSight, { state: 'stopped' }>,
): Extract<TaskSight, { state: 'stopped' }> {
  if (IMAGE.test(why)) return ended('exited', `image: it cannot be used${why}`);
  if (IAM.test(why)) return ended('exited', `iam: the task's roles lack a permission${why}`);
  if (NO_PLACE.test(why)) return ended('exited', `capacity: no place was found for it${why}`, true);
  return ended('exited', `it could not be started${why}`);
}

function exitText(exitCode: number | null): string {
  if (exitCode === KILLED) return 'killed by SIGKILL';
  if (exitCode === TERMINATED) return 'killed by SIGTERM';
  return exitCode === null ? 'ended without an exit code' : `exited with code ${exitCode}`;
}

/** What ECS says, word for word. */
function reasonText(task: Task): string {
  const texts = [task.stoppedReason, containerOf(task)?.reason].filter(
    (text) => text !== undefined && text !== '',
  );
  return texts.length === 0 ? '' : `: ${texts.join('; ')}`;
}
