import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { appError, isAppError } from '../../runtime/errors/index.ts';
import { callerArn } from '../../runtime/host/caller.ts';
import { runCdk } from '../../runtime/host/cdk.ts';
import { envSecretValues, storeEnvSecrets } from '../../runtime/host/deploy-secrets.ts';
import { namedRegion, recordDeployment } from '../../runtime/host/deployments.ts';
import { exitCodes } from '../../runtime/host/exit-codes.ts';
import { homeOf } from '../../runtime/host/run-directory.ts';
import { confirm } from '../confirm.ts';
import { defineCommand, jsonOption, type CommandContext } from '../define-command.ts';
import { planDeploy, planText, type DeployPlan } from '../deploy-plan.ts';

const common = {
  name: {
    summary: "Name of the app (default: the folder of an app.* file, else the file's name)",
    value: 'name',
  },
  context: {
    summary: 'A value for the stack, such as ui=alb; see the guide to deploying',
    value: 'name=value',
    many: true,
    short: 'c',
  },
} as const;

export const deploy = defineCommand({
  name: 'deploy',
  summary: 'Deploy an app into your AWS account, or bring a deployed one up to date',
  details:
    'First makes the stack here and prints what will be there, what it costs and what it may do; with credentials also which permissions\n' +
    'change. Then it asks, stores the values of env:NAME secrets, and runs the `cdk deploy` of the project.\n' +
    'Works that run keep the code that they were started with; new ones get the new code. A deployment that fails is rolled back.',
  arguments: { file: { summary: 'The file whose default export is the App' } },
  options: {
    ...common,
    dryRun: { summary: 'Only print the plan; needs no account and no network' },
    yes: { summary: 'Do not ask', short: 'y' },
    ...jsonOption,
    verbose: { summary: 'Show stacks of all errors' },
  },
  examples: [
    { line: 'stormkite deploy app.ts --dry-run', does: 'the plan with its costs' },
    { line: 'stormkite deploy app.ts', does: 'the plan, a question, the deployment' },
    { line: 'stormkite deploy app.ts -y -c ui=none', does: 'for a pipeline' },
  ],
  run: async (context, { file, name, dryRun, yes, context: values }) =>
    await inFolder(async (folder) => {
      const { output } = context;
      const wish = { file, name, values, folder, isDryRun: dryRun };
      const plan = await planDeploy(context, wish);
      output.result(plan.summary, () => planText(plan.summary));
      if (dryRun) return exitCodes.done;
      const secrets = secretsOf(context, plan);
      await checkStack(context, plan);
      if (!yes) await showPermissions(context, plan);
      const question = `deploy ${plan.summary.app}?`;
      await confirm(context, { verb: 'deploy', question, yes });
      await secrets.store();
      await make(context, plan, folder);
      return exitCodes.done;
    }),
});

export const diff = defineCommand({
  name: 'diff',
  summary: 'Show what a deployment would change, as `cdk diff` does',
  arguments: { file: { summary: 'The file whose default export is the App' } },
  options: { ...common, ...jsonOption, verbose: { summary: 'Show stacks of all errors' } },
  examples: [
    { line: 'stormkite diff app.ts', does: 'resources and permissions that would change' },
  ],
  run: async (context, { file, name, context: values }) =>
    await inFolder(async (folder) => {
      const wish = { file, name, values, folder, isDryRun: false };
      const plan = await planDeploy(context, wish);
      const { app, stack } = plan.summary;
      await cdk(context, plan, 'diff', []);
      context.output.result({ app, stack }, () => `that is what would change of ${stack}`);
      return exitCodes.done;
    }),
});

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'stormkite-deploy-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function cdk(
  { env, cwd, signal, output }: CommandContext,
  { summary: { stack }, assembly }: DeployPlan,
  verb: 'deploy' | 'diff',
  args: readonly string[],
): Promise<void> {
  const run = { verb, stack, from: assembly ?? '', args, cwd, env, signal };
  await runCdk({ ...run, isQuiet: output.isJson });
}

/** Values are looked for before anything is asked or changed. @throws `DEPLOY_SECRET_MISSING`, `AWS_REGION_MISSING` */
function secretsOf(
  { env, output }: CommandContext,
  { secrets, summary: { app, region } }: DeployPlan,
): { store(): Promise<void> } {
  const values = envSecretValues(secrets, env);
  if (secrets.size === 0) return { store: async () => undefined };
  if (region === '') throw appError('AWS_REGION_MISSING', { what: 'storing secrets' });
  return {
    store: async () => {
      const written = await storeEnvSecrets(app, region, values);
      output.note(
        written.length === 0 ? 'secrets are unchanged' : `stored secrets: ${written.join(', ')}`,
      );
    },
  };
}

/** Where nobody is signed in, or may not look at stacks, that is said. @throws `DEPLOY_STACK_TAKEN` */
async function checkStack(
  { output, signal }: CommandContext,
  { summary: { app, stack, region } }: DeployPlan,
): Promise<void> {
  const { DeployedApp } = await import('../../runtime/host/deployed-app.ts');
  try {
    if (region === '') throw appError('AWS_REGION_MISSING', { what: 'looking for it' });
    await DeployedApp.checkStack(app, stack, region);
  } catch (error) {
    signal.throwIfAborted();
    if (!isAppError(error) || error.code === 'DEPLOY_STACK_TAKEN') throw error;
    output.warn(`whether ${stack} is there, as another app's, is not known: ${error.message}`);
  }
}

/** Which permissions change; where nobody is signed in, or may not read the stack, that is said. */
async function showPermissions(context: CommandContext, plan: DeployPlan): Promise<void> {
  const { output, signal } = context;
  try {
    await callerArn(plan.summary.region);
    output.note('changes of permissions');
    await cdk(context, plan, 'diff', ['--security-only', '--method', 'template']);
  } catch (error) {
    signal.throwIfAborted();
    if (!isAppError(error)) throw error;
    output.warn(`changes of permissions are not known: ${error.message}`);
  }
}

async function make(context: CommandContext, plan: DeployPlan, folder: string): Promise<void> {
  const { env, output } = context;
  const { app, stack } = plan.summary;
  const outputsFile = join(folder, 'outputs.json');
  const args = ['--require-approval', 'never', '--outputs-file', outputsFile];
  await cdk(context, plan, 'deploy', args);
  const outputs = await outputsOf(outputsFile, stack);
  const region = regionOf(outputs, env);
  const deployedAt = new Date().toISOString();
  await recordDeployment(homeOf(env), app, { region, stack, appFile: plan.appFile, deployedAt });
  output.result({ app, region, stack, outputs }, () =>
    [
      `${app} is deployed in ${region}`,
      ...Object.entries(outputs).map(([key, value]) => `  ${key}: ${value}`),
      `see \`stormkite ps --app ${app}\`, \`stormkite open --app ${app}\`, \`stormkite cost --app ${app}\``,
    ].join('\n'),
  );
}

async function outputsOf(file: string, stack: string): Promise<Record<string, string>> {
  try {
    const all = JSON.parse(await readFile(file, 'utf8')) as Record<string, Record<string, string>>;
    return all[stack] ?? {};
  } catch {
    return {};
  }
}

function regionOf(outputs: Readonly<Record<string, string>>, env: NodeJS.ProcessEnv): string {
  const said = Object.entries(outputs).find(([key]) => key.endsWith('AppRegion'))?.[1];
  const region = said ?? namedRegion(env);
  if (region === '') throw appError('AWS_REGION_MISSING', { what: 'remembering the deployment' });
  return region;
}
