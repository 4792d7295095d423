import { appError } from '../errors/index.ts';
import { BuildConfig } from '../hardware/build-config.ts';
import { CloudCompute } from '../hardware/cloud-compute.ts';
import { parseBudget, type Budget } from './budget.ts';
import { parseDuration, type Duration } from './duration.ts';

/** What every work's `super(...)` accepts beside its own props. */
export interface WorkOptions {
  /** False: `run` suspends the flow's turn until the call has ended. @default false */
  readonly parallel?: boolean;
  /** Whether a succeeded call with the same arguments is skipped. @default true */
  readonly cacheCalls?: boolean;
  /** Whether a failure of this work fails the app. @default true */
  readonly raiseException?: boolean;
  /** Address that the work's own server binds. @default - 127.0.0.1 locally, 0.0.0.0 in a container */
  readonly host?: string;
  /** Port of the work's own server. @default null - a free one, chosen when `port` is first read */
  readonly port?: number | null;
  /** @default - none */
  readonly localBuildConfig?: BuildConfig;
  /** @default - none */
  readonly cloudBuildConfig?: BuildConfig;
  /** Hardware. @default - the shared `default` class */
  readonly cloudCompute?: CloudCompute;
  /** @deprecated use `cacheCalls` */
  readonly runOnce?: boolean;
  /** Whether the process of a work created in a constructor starts with the app. @default - true locally */
  readonly startWithFlow?: boolean;
  /** How long one call may take; then it fails with reason `timeout`. @default null - a call is never timed out */
  readonly timeout?: Duration | null;
  /** Environment variables of the work's process. @default - none */
  readonly env?: Readonly<Record<string, string>>;
  /** Environment variables from elsewhere: `env:NAME`, `ssm:/path`, `secretsmanager:id`. Never state. @default - none */
  readonly secrets?: Readonly<Record<string, string>>;
  /** What this work's machine may cost on AWS; it is not started again once that is spent. @default - no limit */
  readonly budget?: Budget;
}

/** {@link WorkOptions} after defaults. */
export interface ResolvedWorkOptions {
  readonly parallel: boolean;
  readonly cacheCalls: boolean;
  readonly raiseException: boolean;
  /** `null`: the backend's default. */
  readonly host: string | null;
  readonly port: number | null;
  readonly localBuildConfig: BuildConfig;
  readonly cloudBuildConfig: BuildConfig;
  readonly cloudCompute: CloudCompute;
  /** `null`: the backend's default. */
  readonly startWithFlow: boolean | null;
  readonly timeoutMs: number | null;
  readonly env: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, string>>;
  readonly budget: Budget | null;
}

const SECRET_SOURCE = /^(env|ssm|secretsmanager):.+/;
const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const MAX_PORT = 65_535;

/** Works whose `runOnce` was already warned about, by class name. */
const warned = new Set<string>();

/**
 * Checks and completes the options of one work.
 *
 * @throws `APP_OPTION_INVALID`
 */
export function resolveWorkOptions(options: WorkOptions, subject: string): ResolvedWorkOptions {
  const port = options.port ?? null;
  if (port !== null && !(Number.isInteger(port) && port >= 0 && port <= MAX_PORT)) {
    throw invalid(`${subject}.port`, port, `a whole number from 0 to ${MAX_PORT}, or null`);
  }
  if (options.runOnce !== undefined) warnRunOnce(subject);
  checkEnvironment(options, subject);
  return {
    parallel: flag(options.parallel, false, `${subject}.parallel`),
    cacheCalls: flag(options.runOnce ?? options.cacheCalls, true, `${subject}.cacheCalls`),
    raiseException: flag(options.raiseException, true, `${subject}.raiseException`),
    host: options.host === undefined ? null : text(options.host, `${subject}.host`),
    port: port === 0 ? null : port,
    localBuildConfig: instance(
      options.localBuildConfig,
      BuildConfig,
      `${subject}.localBuildConfig`,
    ),
    cloudBuildConfig: instance(
      options.cloudBuildConfig,
      BuildConfig,
      `${subject}.cloudBuildConfig`,
    ),
    cloudCompute: instance(options.cloudCompute, CloudCompute, `${subject}.cloudCompute`),
    startWithFlow:
      options.startWithFlow === undefined
        ? null
        : flag(options.startWithFlow, true, `${subject}.startWithFlow`),
    timeoutMs:
      options.timeout === undefined || options.timeout === null
        ? null
        : parseDuration(options.timeout, `${subject}.timeout`),
    env: { ...options.env },
    secrets: { ...options.secrets },
    budget: parseBudget(options.budget, `${subject}.budget`),
  };
}

function flag(value: unknown, fallback: boolean, option: string): boolean {
  if (value === undefined) return fallback;
  if (typeof value !== 'boolean') throw invalid(option, value, 'true or false');
  return value;
}

function text(value: unknown, option: string): string {
  if (typeof value !== 'string' || value === '')
    throw invalid(option, value, 'an address such as "0.0.0.0"');
  return value;
}

function instance<T extends object>(value: T | undefined, kind: new () => T, option: string): T {
  if (value === undefined) return new kind();
  if (value instanceof kind) return value;
  throw invalid(option, typeof value, `a ${kind.name}`);
}

function checkEnvironment(options: WorkOptions, subject: string): void {
  for (const [name, value] of Object.entries(options.env ?? {})) {
    if (!ENV_NAME.test(name)) throw invalid(`${subject}.env`, name, 'names such as MODEL_SIZE');
    if (typeof value !== 'string') throw invalid(`${subject}.env.${name}`, value, 'text');
  }
  for (const [name, source] of Object.entries(options.secrets ?? {})) {
    if (!ENV_NAME.test(name)) throw invalid(`${subject}.secrets`, name, 'names such as API_KEY');
    // The value is not shown: someone may have put the secret itself here.
    if (typeof source !== 'string' || !SECRET_SOURCE.test(source)) {
      throw invalid(
        `${subject}.secrets.${name}`,
        'not a source',
        '"env:NAME", "ssm:/path" or "secretsmanager:id"',
      );
    }
  }
}

function warnRunOnce(subject: string): void {
  if (warned.has(subject)) return;
  warned.add(subject);
  console.warn(`${subject}: runOnce is deprecated; use cacheCalls (same meaning)`);
}

function invalid(option: string, value: unknown, allowed: string): Error {
  return appError('APP_OPTION_INVALID', { option, value: String(value), allowed });
}
