/** The `RunTask` of a run. Pure. */
import { createHash } from 'node:crypto';
import type { RunTaskCommandInput, Task } from '@aws-sdk/client-ecs';
import type { WorkSpec } from '../../../protocol/work-spec.ts';
import {
  classIdOf,
  clientTokenOf,
  CONTAINER_NAME,
  CONTAINER_PORT,
  CONTRACT_VERSION,
  hardwareKeyOf,
  MAX_OVERRIDES_CHARS,
  startedByOf,
  variantIdOf,
  WORK_TASK_VARIABLE,
  workKey,
  workTaskSchema,
  type Deployment,
  type HardwareDeployment,
  type WorkTask,
} from '../contract.ts';
import type { Room } from './capacity.ts';
import { ownerOf, runSortKey, type RunRow, type TaskTry } from './rows.ts';

/** What the NVIDIA runtime, the default one of our GPU machines, gives a container without GPUs of its own. */
const ALL_GPUS = [{ name: 'NVIDIA_VISIBLE_DEVICES', value: 'all' }] as const;

/** Limits of DynamoDB, in bytes of UTF-8 (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html). */
const MAX_SORT_KEY_BYTES = 1_024;
const MAX_PARTITION_KEY_BYTES = 2_048;

/** Part of a machine that a work of a colocation group reserves, so that several fit. */
const COLOCATED_SHARE = 8;

export type Refusal = { readonly ok: false; readonly reason: string; readonly message: string };

export type Planned =
  | { readonly ok: true; readonly row: RunRow; readonly hardware: HardwareDeployment }
  | Refusal;

/** What a launch needs of the deployment, or why it cannot be. */
export function planRun(deployment: Deployment, spec: WorkSpec, now: number): Planned {
  const { work, epoch, ref } = spec;
  if (ref === undefined)
    return refusal('not_declared', `${work} has a class that no other process can find`);
  const classId = classIdOf(ref);
  const variants = deployment.taskDefinitions[classId];
  if (variants === undefined) {
    const what = `the class of ${work} (${classId}) was not deployed`;
    return refusal(
      'not_declared',
      `${what}: export it from the app file, or list it in new App(root, { works }), and deploy again`,
    );
  }
  const variantId = variantIdOf({
    ...spec.build,
    shmSize: spec.hardware.shmSize,
    mounts: spec.hardware.mounts,
    port: spec.port ?? CONTAINER_PORT,
  });
  const taskDefinition = variants[variantId];
  if (taskDefinition === undefined) {
    const what = `${work} has an image, packages, mounts or a port that no constructed ${classId} has`;
    return refusal('not_declared', `${what}: construct one like it with the app, and deploy again`);
  }
  const hardwareKey = hardwareKeyOf(spec.hardware);
  const hardware = deployment.hardware[hardwareKey];
  if (hardware === undefined) {
    return refusal(
      'not_declared',
      `${work} needs the hardware ${hardwareKey}, which was not deployed: add ${toCode(spec.hardware)} to App({ hardware }) and deploy again`,
    );
  }
  const { colocationGroupId } = spec;
  const owner = ownerOf({ work, shared: hardware.shared, colocationGroupId });
  const row: RunRow = {
    work,
    epoch,
    key: workKey(classId, work),
    hardware: hardwareKey,
    owner,
    classId,
    variantId,
    taskDefinition,
    ...reservationOf(hardware, colocationGroupId !== null),
    sharesGpus: colocationGroupId !== null && hardware.gpus > 0,
    createdAt: now,
    state: 'launching',
    instanceTry: null,
    instanceId: null,
    taskTry: null,
    taskArn: null,
    stop: null,
    end: null,
  };
  const longest = Math.max(
    Buffer.byteLength(runSortKey(row)) - MAX_SORT_KEY_BYTES,
    Buffer.byteLength(row.key) - MAX_PARTITION_KEY_BYTES,
  );
  if (longest > 0)
    return refusal(
      'too large',
      `the name of ${work} makes a key of DynamoDB that is ${longest} bytes too long: shorten the keys of its Dicts`,
    );
  const chars = overridesChars(deployment, row);
  if (chars > MAX_OVERRIDES_CHARS)
    return refusal(
      'too large',
      `the name of ${work} makes overrides of ${chars} characters; ECS takes ${MAX_OVERRIDES_CHARS}`,
    );
  return { ok: true, row, hardware };
}

/** The task definition that a new try of a run is made with; `undefined` when the deployment has none for it any more. */
export function definitionOf(
  { taskDefinitions }: Deployment,
  { classId, variantId, taskDefinition }: RunRow,
): string | undefined {
  if (classId === undefined || variantId === undefined) return taskDefinition;
  return taskDefinitions[classId]?.[variantId];
}

/** The hardware as the user would write it. */
function toCode({ name, interruptible }: WorkSpec['hardware']): string {
  const isType = name.includes('.');
  const options = [
    isType ? `instanceType: '${name}'` : '',
    interruptible ? 'interruptible: true' : '',
  ]
    .filter((option) => option !== '')
    .join(', ');
  const given = [isType ? '' : `'${name}'`, options === '' ? '' : `{ ${options} }`];
  return `new CloudCompute(${given.filter((each) => each !== '').join(', ')})`;
}

function reservationOf(hardware: HardwareDeployment, colocated: boolean): Room {
  const share = colocated && !hardware.shared ? COLOCATED_SHARE : 1;
  return {
    cpuUnits: Math.max(1, Math.floor(hardware.workCpuUnits / share)),
    memoryMiB: Math.max(1, Math.floor(hardware.workMemoryMiB / share)),
    // ECS gives a GPU to one container only; works of a group see all GPUs of their machine instead.
    gpus: hardware.shared || colocated ? 0 : hardware.gpus,
  };
}

function overridesOf(deployment: Deployment, row: RunRow) {
  const { work, epoch, key, cpuUnits, memoryMiB, gpus, sharesGpus } = row;
  const { app, tables, secretsPath, mode } = deployment;
  const task: WorkTask = {
    contract: CONTRACT_VERSION,
    app,
    work,
    key,
    epoch,
    tables,
    secretsPath,
    mode,
  };
  return {
    containerOverrides: [
      {
        name: CONTAINER_NAME,
        environment: [
          { name: WORK_TASK_VARIABLE, value: JSON.stringify(task) },
          ...(sharesGpus ? ALL_GPUS : []),
        ],
        cpu: cpuUnits,
        memoryReservation: memoryMiB,
        ...(gpus === 0
          ? {}
          : { resourceRequirements: [{ type: 'GPU' as const, value: String(gpus) }] }),
      },
    ],
  };
}

/** Characters that the overrides of a run have. */
export function overridesChars(deployment: Deployment, row: RunRow): number {
  return JSON.stringify(overridesOf(deployment, row)).length;
}

/** The same try gives the same request, so that repeating it gives the same task (R5). */
export function toRunTask(
  deployment: Deployment,
  row: RunRow,
  { token, instanceId, capacityProvider, allowExec }: TaskTry,
): RunTaskCommandInput {
  return {
    cluster: deployment.cluster,
    taskDefinition: row.taskDefinition,
    count: 1,
    clientToken: token,
    startedBy: startedByOf(deployment.app),
    capacityProviderStrategy: [{ capacityProvider, weight: 1 }],
    placementConstraints: [{ type: 'memberOf', expression: `ec2InstanceId == ${instanceId}` }],
    overrides: overridesOf(deployment, row),
    enableECSManagedTags: true,
    propagateTags: 'TASK_DEFINITION',
    ...(allowExec === true ? { enableExecuteCommand: true } : {}),
  };
}

/** Token of a try: the first one is the run's own. */
export function taskToken(app: string, { work, epoch }: RunRow, number: number): string {
  return number === 0
    ? clientTokenOf(app, work, epoch)
    : digest([app, work, epoch, 'task', number]);
}

/** Token of a try to start an instance. */
export function instanceToken(
  app: string,
  { work, epoch }: RunRow,
  place: { readonly autoScalingGroup: string; readonly subnet: string; readonly round: number },
): string {
  return digest([app, work, epoch, place.autoScalingGroup, place.subnet, place.round]);
}

function digest(identity: readonly (string | number)[]): string {
  return createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 32);
}

/** Whose task it is, as its overrides tell; `null` when they do not. */
export function workTaskOf({ overrides }: Task): WorkTask | null {
  for (const { environment = [] } of overrides?.containerOverrides ?? []) {
    const text = environment.find(({ name }) => name === WORK_TASK_VARIABLE)?.value;
    if (text === undefined) continue;
    try {
      const parsed = workTaskSchema.safeParse(JSON.parse(text));
      return parsed.success ? parsed.data : null;
    } catch {
      return null;
    }
  }
  return null;
}

function refusal(reason: string, message: string): Refusal {
  return { ok: false, reason, message };
}
