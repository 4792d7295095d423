import { parseDuration, type Duration } from '../component/duration.ts';
import { appError } from '../errors/index.ts';
import type { JsonObject } from '../state/json.ts';
import { gpusOfInstanceType, hardwareClasses, isHardwareName } from './catalogue.ts';

/** What a `CloudCompute` can be given beside its name. */
export interface CloudComputeOptions {
  /** GiB of disk. @default 0 - the image's size */
  readonly diskSize?: number;
  /** How long a work without calls keeps its machine; `null` never releases. @default - 10 minutes on AWS, never locally */
  readonly idleTimeout?: Duration | null;
  /** MiB of shared memory. @default 0 - the platform's default */
  readonly shmSize?: number;
  /** S3 folders to mount. @default - none */
  readonly mounts?: readonly { readonly source: string; readonly mountPath: string }[];
  /** Works with the same id share one machine. @default - none */
  readonly colocationGroupId?: string;
  /** Run on spot capacity. @default false */
  readonly interruptible?: boolean;
}

/** A `CloudCompute` by instance type. */
export interface InstanceTypeOptions extends CloudComputeOptions {
  /** An EC2 instance type such as `g6e.xlarge`. */
  readonly instanceType: string;
}

const MARKER = '__cloud_compute__';
const INSTANCE_TYPE = /^[a-z][a-z0-9-]*\.[a-z0-9-]+$/;

/**
 * The hardware of a work: a named class, or an EC2 instance type.
 *
 * @example
 * ```ts
 * import { CloudCompute } from 'stormkite';
 * const small = new CloudCompute('cpu-small');
 * const big = new CloudCompute({ instanceType: 'g6e.xlarge', interruptible: true });
 * ```
 */
export class CloudCompute {
  /** The named class, or the instance type. */
  readonly name: string;
  readonly instanceType: string | null;
  readonly diskSize: number;
  /** Milliseconds; `null` never, `undefined` the backend's default. */
  readonly idleTimeoutMs: number | null | undefined;
  readonly shmSize: number;
  readonly mounts: readonly { readonly source: string; readonly mountPath: string }[];
  readonly colocationGroupId: string | null;
  readonly interruptible: boolean;

  constructor(options: InstanceTypeOptions);
  constructor(name?: string, options?: CloudComputeOptions);
  constructor(
    nameOrOptions: string | InstanceTypeOptions = 'default',
    more: CloudComputeOptions = {},
  ) {
    const byName = typeof nameOrOptions === 'string';
    const options = byName ? more : nameOrOptions;
    this.name = byName ? nameOrOptions : nameOrOptions.instanceType;
    this.instanceType = byName ? null : this.name;
    if (byName && !isHardwareName(this.name)) {
      throw appError('HARDWARE_UNKNOWN', {
        name: this.name,
        known: Object.keys(hardwareClasses).join(', '),
      });
    }
    if (this.instanceType !== null && !INSTANCE_TYPE.test(this.instanceType)) {
      throw invalid('instanceType', this.instanceType, 'an EC2 instance type such as "g6e.xlarge"');
    }
    checkOptions(options);
    this.diskSize = options.diskSize ?? 0;
    this.idleTimeoutMs =
      options.idleTimeout === undefined || options.idleTimeout === null
        ? options.idleTimeout
        : parseDuration(options.idleTimeout, 'idleTimeout');
    this.shmSize = options.shmSize ?? 0;
    this.mounts = options.mounts ?? [];
    this.colocationGroupId = options.colocationGroupId ?? null;
    this.interruptible = options.interruptible ?? false;
  }

  /** GPUs of this hardware. */
  get gpus(): number {
    if (isHardwareName(this.name)) return hardwareClasses[this.name].gpus;
    return gpusOfInstanceType(this.name);
  }

  /** The form in which it stands in props and in state. */
  toJSON(): JsonObject {
    return {
      type: MARKER,
      name: this.name,
      instanceType: this.instanceType,
      diskSize: this.diskSize,
      idleTimeout: this.idleTimeoutMs ?? null,
      ...(this.idleTimeoutMs === undefined ? { idleTimeoutDefault: true } : {}),
      shmSize: this.shmSize,
      mounts: this.mounts.map((mount) => ({ ...mount })),
      colocationGroupId: this.colocationGroupId,
      interruptible: this.interruptible,
    };
  }

  /** Rebuilds what {@link toJSON} wrote; `undefined` for anything else. */
  static fromJSON(value: unknown): CloudCompute | undefined {
    if (typeof value !== 'object' || value === null) return undefined;
    const json = value as Record<string, unknown>;
    if (json['type'] !== MARKER) return undefined;
    const options: CloudComputeOptions = {
      diskSize: Number(json['diskSize']),
      ...(json['idleTimeoutDefault'] === true
        ? {}
        : { idleTimeout: json['idleTimeout'] as number | null }),
      shmSize: Number(json['shmSize']),
      mounts: json['mounts'] as CloudCompute['mounts'],
      ...(typeof json['colocationGroupId'] === 'string'
        ? { colocationGroupId: json['colocationGroupId'] }
        : {}),
      interruptible: json['interruptible'] === true,
    };
    return typeof json['instanceType'] === 'string'
      ? new CloudCompute({ ...options, instanceType: json['instanceType'] })
      : new CloudCompute(String(json['name']), options);
  }
}

function checkOptions(options: CloudComputeOptions): void {
  for (const name of ['diskSize', 'shmSize'] as const) {
    const size: unknown = options[name] ?? 0;
    if (typeof size !== 'number' || !Number.isFinite(size) || size < 0)
      throw invalid(name, size, 'a number, 0 or more');
  }
  const { mounts = [], colocationGroupId = '', interruptible = false } = options;
  const areMounts =
    Array.isArray(mounts) &&
    mounts.every((mount) => isText(mount?.source) && isText(mount?.mountPath));
  if (!areMounts)
    throw invalid('mounts', mounts, "a list of { source: 's3://…', mountPath: '/…' }");
  if (typeof colocationGroupId !== 'string')
    throw invalid('colocationGroupId', colocationGroupId, 'text');
  if (typeof interruptible !== 'boolean')
    throw invalid('interruptible', interruptible, 'true or false');
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

function invalid(option: string, value: unknown, allowed: string): Error {
  return appError('APP_OPTION_INVALID', {
    option: `CloudCompute.${option}`,
    value: JSON.stringify(value),
    allowed,
  });
}
