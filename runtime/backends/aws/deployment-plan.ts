/**
 * What an app needs on AWS, from what is known of it before it runs: `infra/` makes it with CloudFormation, the emulator with
 * processes.
 *
 * P1 Every named class is there, unless the app limits them; instance types and spot capacity only where a constructed work
 *    uses them or `App({ hardware })` lists them, since each kind of machine costs two alarms a month.
 */
import { hardwareClasses, isHardwareName } from '../../hardware/catalogue.ts';
import { instanceSizeOf, registeredMemoryMiB } from '../../hardware/instance-sizes.ts';
import { appError } from '../../errors/index.ts';
import {
  CONTAINER_PORT,
  hardwareKeyOf,
  variantIdOf,
  type HardwareDeployment,
  type TaskVariant,
} from './contract.ts';

interface PlannedHardware {
  readonly name: string;
  readonly diskSize: number;
  readonly shmSize: number;
  readonly mounts: readonly { readonly source: string; readonly mountPath: string }[];
  readonly interruptible: boolean;
}

interface PlannedWork {
  readonly kind: 'work';
  readonly classId: string;
  readonly hardware: PlannedHardware;
  readonly port: number | null;
  readonly cloudBuildConfig: Pick<TaskVariant, 'image' | 'dockerfile' | 'buildCommands'> & {
    readonly requirements: readonly string[];
  };
  readonly secrets: Readonly<Record<string, string>>;
  readonly ignorePatterns: readonly string[];
}

/** What of the manifest decides. */
export interface PlannedApp {
  readonly components: readonly (PlannedWork | { readonly kind: 'flow' | 'dict' | 'list' })[];
  readonly workClasses: readonly { readonly id: string; readonly class: string }[];
  readonly options: { readonly hardware: readonly PlannedHardware[] | null };
}

/** A work class: one role, one task definition for each variant. */
export interface ClassPlan {
  readonly id: string;
  /** Name of the class, for people. */
  readonly name: string;
  /** By variant id; `default` is always there, for works that are created at run time. */
  readonly variants: Readonly<Record<string, TaskVariant>>;
  /** Sources of the secrets of all constructed works of the class. */
  readonly secrets: readonly string[];
}

/** A kind of machine: one Auto Scaling group for each market. */
export interface HardwarePlan extends Omit<HardwareDeployment, 'pools'> {
  readonly key: string;
  readonly name: string;
  readonly market: 'on-demand' | 'spot';
  /** In the order in which they are tried. */
  readonly instanceTypes: readonly string[];
  /** GiB of the root volume. */
  readonly diskGiB: number;
}

export interface DeploymentPlan {
  readonly classes: readonly ClassPlan[];
  readonly hardware: readonly HardwarePlan[];
  /** npm specs of all works. */
  readonly requirements: readonly string[];
  readonly ignorePatterns: readonly string[];
}

/** GiB of a machine's disk where no work asks for more: the AMI, images, and room for what works write. */
const CPU_DISK_GIB = 30;
const GPU_DISK_GIB = 100;
const CPU_UNITS_PER_VCPU = 1_024;
/** Works on one shared machine, each with one vCPU. */
const SHARED_WORK_CPU_UNITS = 1_024;
/** So that a machine without anything on it takes the work, whatever its AMI keeps. */
const MEMORY_MARGIN_MIB = 256;
/** Families with Graviton processors: a `g` after the generation. */
const ARM_FAMILY = /^[a-z]+\d+g[a-z]*$/;

/**
 * @throws `HARDWARE_SIZE_UNKNOWN` for an instance type whose size its name does not tell; `INFRA_DOCKERFILE_ARM` for a work whose
 * image would not run on its machine
 */
export function planDeployment(app: PlannedApp): DeploymentPlan {
  const works = app.components.filter((each): each is PlannedWork => each.kind === 'work');
  const hardware = planHardware(works, app.options.hardware);
  for (const work of works) checkDockerfile(app, work, hardware);
  return {
    classes: app.workClasses.map(({ id, class: name }) =>
      planClass(
        id,
        name,
        works.filter((work) => work.classId === id),
      ),
    ),
    hardware,
    requirements: unique(works.flatMap((work) => work.cloudBuildConfig.requirements)),
    ignorePatterns: unique(works.flatMap((work) => work.ignorePatterns)),
  };
}

/** Whether machines of a kind have ARM processors. */
export function isArm({ instanceTypes }: Pick<HardwarePlan, 'instanceTypes'>): boolean {
  return instanceTypes.some((type) => ARM_FAMILY.test(type.split('.')[0] ?? ''));
}

/** Images of Dockerfiles are built for x86. */
function checkDockerfile(
  { workClasses }: PlannedApp,
  { classId, cloudBuildConfig: { dockerfile }, hardware }: PlannedWork,
  plans: readonly HardwarePlan[],
): void {
  const plan = plans.find(({ key }) => key === hardwareKeyOf(hardware));
  if (dockerfile === null || plan === undefined || !isArm(plan)) return;
  const name = workClasses.find(({ id }) => id === classId)?.class ?? classId;
  throw appError('INFRA_DOCKERFILE_ARM', { class: name, dockerfile, hardware: plan.name });
}

const PLAIN: TaskVariant = {
  image: null,
  dockerfile: null,
  buildCommands: [],
  shmSize: 0,
  mounts: [],
  port: CONTAINER_PORT,
};

function planClass(id: string, name: string, works: readonly PlannedWork[]): ClassPlan {
  const variants: Record<string, TaskVariant> = { [variantIdOf(PLAIN)]: PLAIN };
  for (const work of works) {
    const variant = variantOf(work);
    variants[variantIdOf(variant)] = variant;
  }
  return {
    id,
    name,
    variants,
    secrets: unique(works.flatMap((work) => Object.values(work.secrets))),
  };
}

function variantOf({ cloudBuildConfig, hardware, port }: PlannedWork): TaskVariant {
  const { image, dockerfile, buildCommands } = cloudBuildConfig;
  const { shmSize, mounts } = hardware;
  return { image, dockerfile, buildCommands, shmSize, mounts, port: port ?? CONTAINER_PORT };
}

function planHardware(
  works: readonly PlannedWork[],
  listed: readonly PlannedHardware[] | null,
): HardwarePlan[] {
  const named = listed === null ? Object.keys(hardwareClasses).map(onDemand) : [];
  const all = [...named, ...works.map((work) => work.hardware), ...(listed ?? [])];
  const byKey = new Map<string, PlannedHardware[]>();
  for (const each of all) {
    const key = hardwareKeyOf(each);
    byKey.set(key, [...(byKey.get(key) ?? []), each]);
  }
  return [...byKey].map(([key, uses]) => planKind(key, uses));
}

function onDemand(name: string): PlannedHardware {
  return { name, diskSize: 0, shmSize: 0, mounts: [], interruptible: false };
}

function planKind(key: string, uses: readonly PlannedHardware[]): HardwarePlan {
  const { name = '', interruptible = false } = uses[0] ?? {};
  const known = isHardwareName(name) ? hardwareClasses[name] : null;
  const instanceTypes = known?.instanceTypes ?? [name];
  const sizes = instanceTypes.map(sizeOf);
  const memoryMiB = Math.min(...sizes.map((size) => size.memoryMiB));
  const vcpus = Math.min(...sizes.map((size) => size.vcpus));
  const gpus = known?.gpus ?? Math.min(...sizes.map((size) => size.gpus));
  const usableMiB = Math.min(...sizes.map(registeredMemoryMiB)) - MEMORY_MARGIN_MIB;
  const shared = known?.shared ?? false;
  const perMachine = shared ? (vcpus * CPU_UNITS_PER_VCPU) / SHARED_WORK_CPU_UNITS : 1;
  return {
    key,
    name,
    market: interruptible ? 'spot' : 'on-demand',
    instanceTypes,
    vcpus,
    memoryMiB,
    gpus,
    shared,
    workCpuUnits: (vcpus * CPU_UNITS_PER_VCPU) / perMachine,
    workMemoryMiB: Math.floor(usableMiB / perMachine),
    diskGiB: Math.max(gpus > 0 ? GPU_DISK_GIB : CPU_DISK_GIB, ...uses.map((use) => use.diskSize)),
  };
}

function sizeOf(instanceType: string) {
  const size = instanceSizeOf(instanceType);
  if (size === null) throw appError('HARDWARE_SIZE_UNKNOWN', { instanceType });
  return size;
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)].toSorted();
}
