/**
 * The container of a work: makes its environment from what the flow wrote for it, then is the process of a work as anywhere.
 *
 * W1 Secrets and variables are there before any user code is loaded; what only the hosts need is gone by then.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { formatAwsBoot } from '../backends/aws/channel/aws-boot.ts';
import { readInput } from '../backends/aws/channel/read-input.ts';
import { workTimingsSchema, type WorkTimings } from '../backends/aws/channel/work-timings.ts';
import { createLineClient } from '../backends/aws/clients.ts';
import {
  WORK_TASK_VARIABLE,
  WORK_TIMINGS_VARIABLE,
  workTaskSchema,
  type WorkTask,
} from '../backends/aws/contract.ts';
import { describeProblem } from '../backends/aws/launcher/aws-failure.ts';
import { startExitCodeOf } from '../backends/aws/start-failure.ts';
import { copyMounts } from '../backends/aws/work-mounts.ts';
import { readWorkSecrets } from '../backends/aws/work-secrets.ts';
import { appError, renderError } from '../errors/index.ts';
import { WORK_BOOT_VARIABLE } from '../protocol/work-env.ts';
import type { WorkSpec } from '../protocol/work-spec.ts';
import { APP_BUNDLE, ARTIFACT_INFO } from './artifact-layout.ts';
import { readTaskVariable, regionOf } from './task-environment.ts';
import { writeTaskLog } from './task-log.ts';

/**
 * Runs the work; the working directory is the project's folder in the artifact. Returns while the work runs; a container that
 * cannot be a work ends with the exit code that says why.
 */
export async function runWorkTask(env: NodeJS.ProcessEnv): Promise<void> {
  try {
    await prepare(env);
  } catch (error) {
    process.stderr.write(`${renderError(error)}\n`);
    process.exit(startExitCodeOf(error));
  }
  await import('./work-main.ts');
}

async function prepare(env: NodeJS.ProcessEnv): Promise<void> {
  const task = readTaskVariable(env, WORK_TASK_VARIABLE, workTaskSchema);
  const region = regionOf(env);
  const { app, work, epoch, secretsPath } = task;
  const given =
    env[WORK_TIMINGS_VARIABLE] === undefined
      ? {}
      : readTaskVariable(env, WORK_TIMINGS_VARIABLE, workTimingsSchema.partial());
  const timings = workTimingsSchema.parse(given);
  writeTaskLog({ stormkite: 'work', app, work, epoch, event: 'starting' });
  const spec = await inputOf(task, region, timings);
  const root = resolve('..');
  const failing = failingTeller('its secrets cannot be read');
  const mounts = task.mode === 'aws' ? spec.hardware.mounts : [];
  const tell = (line: string): void => void process.stderr.write(`stormkite: ${line}\n`);
  const [secrets] = await Promise.all([
    readWorkSecrets(spec.secrets, { region, secretsPath, timings, failing }),
    installMore(root, spec.build.requirements),
    copyMounts(mounts, {
      region,
      timings,
      tell,
      failing: failingTeller('its mounts cannot be read'),
    }),
  ]);
  delete env[WORK_TASK_VARIABLE];
  Object.assign(env, spec.env, secrets);
  env[WORK_BOOT_VARIABLE] = formatAwsBoot({
    kind: 'aws',
    task,
    region,
    bundlePath: join(root, APP_BUNDLE),
    projectRoot: process.cwd(),
    timings,
  });
}

/** What the flow wrote before it started this task. */
async function inputOf(task: WorkTask, region: string, timings: WorkTimings): Promise<WorkSpec> {
  const client = await createLineClient(region);
  const failing = failingTeller('its input cannot be read');
  try {
    const spec = await readInput({ client, task, timings, failing });
    if (spec === null) throw new TypeError('nobody ended the wait for the input');
    return spec;
  } finally {
    client.destroy();
  }
}

/** Tells of what is tried again, once for each problem. */
function failingTeller(what: string): (error: unknown) => void {
  const told = new Set<string>();
  return (error) => {
    const problem = describeProblem(error);
    if (!told.has(problem)) process.stderr.write(`stormkite: ${what}: ${problem}; trying again\n`);
    told.add(problem);
  };
}

/** Installs what this work needs beside what the bootstrap installed for all. */
async function installMore(root: string, requirements: readonly string[]): Promise<void> {
  const info = JSON.parse(await readFile(join(root, ARTIFACT_INFO), 'utf8')) as {
    requirements: string[];
  };
  const missing = requirements.filter((spec) => !info.requirements.includes(spec));
  if (missing.length === 0) return;
  const options = ['--no-save', '--no-audit', '--no-fund', '--no-package-lock'];
  const npm = spawn('npm', ['install', ...options, '--prefix', resolve(root, '..'), ...missing], {
    stdio: ['ignore', 2, 2],
  });
  const [code] = await once(npm, 'exit');
  if (code !== 0) {
    throw appError('HOST_TASK_NOT_SUPPLIED', {
      what: missing.join(', '),
      problem: `npm install ended with ${String(code)}`,
    });
  }
}
