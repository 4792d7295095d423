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
import { workTimingsSchema } from '../backends/aws/channel/work-timings.ts';
import { createClients, destroyClients } from '../backends/aws/clients.ts';
import {
  inputSortKey,
  WORK_TASK_VARIABLE,
  workTaskSchema,
  type WorkTask,
} from '../backends/aws/contract.ts';
import { readText } from '../backends/aws/dynamo/chunks.ts';
import { readWorkSecrets } from '../backends/aws/work-secrets.ts';
import { appError } from '../errors/index.ts';
import { WORK_BOOT_VARIABLE } from '../protocol/work-env.ts';
import type { WorkSpec } from '../protocol/work-spec.ts';
import { APP_BUNDLE, ARTIFACT_INFO } from './artifact-layout.ts';
import { readTaskVariable, regionOf } from './task-environment.ts';
import { writeTaskLog } from './task-log.ts';

/** JSON of the timings that differ from their defaults; for tests. */
export const WORK_TIMINGS_VARIABLE = 'STORMKITE_WORK_TIMINGS';

/** Runs the work; the working directory is the project's folder in the artifact. Returns while the work runs. */
export async function runWorkTask(env: NodeJS.ProcessEnv): Promise<void> {
  const task = readTaskVariable(env, WORK_TASK_VARIABLE, workTaskSchema);
  const region = regionOf(env);
  const { app, work, epoch, secretsPath } = task;
  writeTaskLog({ stormkite: 'work', app, work, epoch, event: 'starting' });
  const spec = await readInput(task, region);
  const root = resolve('..');
  const [secrets] = await Promise.all([
    readWorkSecrets(spec.secrets, { region, secretsPath }),
    installMore(root, spec.build.requirements),
  ]);
  delete env[WORK_TASK_VARIABLE];
  Object.assign(env, spec.env, secrets);
  const timings =
    env[WORK_TIMINGS_VARIABLE] === undefined
      ? {}
      : readTaskVariable(env, WORK_TIMINGS_VARIABLE, workTimingsSchema.partial());
  env[WORK_BOOT_VARIABLE] = formatAwsBoot({
    kind: 'aws',
    task,
    region,
    bundlePath: join(root, APP_BUNDLE),
    projectRoot: process.cwd(),
    timings,
  });
  await import('./work-main.ts');
}

/** What the flow wrote before it started this task. */
async function readInput({ tables, key, epoch }: WorkTask, region: string): Promise<WorkSpec> {
  const clients = await createClients(region, ['dynamodb']);
  try {
    const at = { table: tables.state, pk: key, sk: inputSortKey(epoch), consistent: true };
    const input = await readText(clients.dynamodb, at);
    if (input === null) {
      throw appError('HOST_TASK_ENVIRONMENT', {
        variable: WORK_TASK_VARIABLE,
        problem: `names an input that is not there: ${key} ${inputSortKey(epoch)}`,
      });
    }
    return JSON.parse(input.text) as WorkSpec;
  } finally {
    destroyClients(clients);
  }
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
    throw appError('HOST_TASK_ENVIRONMENT', {
      variable: 'BuildConfig.requirements',
      problem: `cannot be installed: npm install ${missing.join(' ')} ended with ${String(code)}`,
    });
  }
}
