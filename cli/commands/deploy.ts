import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { appError } from '../../runtime/errors/index.ts';
import { pricesFor } from '../../runtime/hardware/prices.ts';
import { runCdk } from '../../runtime/host/cdk.ts';
import { summarise, type DeploySummary } from '../../runtime/host/deploy-summary.ts';
import { recordDeployment } from '../../runtime/host/deployments.ts';
import { exitCodes } from '../../runtime/host/exit-codes.ts';
import { inspectApp } from '../../runtime/host/inspect.ts';
import { priceFileOf, readPriceFile } from '../../runtime/host/price-file.ts';
import { appNameOf, homeOf } from '../../runtime/host/run-directory.ts';
import { confirm } from '../confirm.ts';
import { defineCommand, jsonOption, type CommandContext } from '../define-command.ts';
import { dollars } from '../dollars.ts';
import { toTable } from '../table.ts';

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
    'First prints what will be there, what it costs and what it may do, and asks. Then it runs the `cdk deploy` of the project.\n' +
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
  async run(context, { file, name, dryRun, yes, context: values }) {
    const { env, output, cwd, signal } = context;
    const plan = await planOf(context, file, name);
    const { app, stack } = plan;
    output.result(plan, () => toText(plan));
    if (dryRun) return exitCodes.done;
    await confirm(context, { verb: 'deploy', question: `deploy ${app}?`, yes });
    const home = homeOf(env);
    const folder = await mkdtemp(join(tmpdir(), 'stormkite-deploy-'));
    try {
      const outputsFile = join(folder, 'outputs.json');
      const args = ['--require-approval', 'never', '--outputs-file', outputsFile];
      const appFile = resolve(cwd, file);
      const pricesFile = (await readPriceFile(home)) === null ? null : priceFileOf(home);
      const run = { app, stack, appFile, pricesFile, args, context: values, cwd, env, signal };
      await runCdk({ verb: 'deploy', ...run, isQuiet: output.isJson });
      const outputs = await outputsOf(outputsFile, stack);
      const region = regionOf(outputs, env);
      const deployedAt = new Date().toISOString();
      await recordDeployment(home, app, { region, stack, appFile, deployedAt });
      output.result({ app, region, stack, outputs }, () =>
        [
          `${app} is deployed in ${region}`,
          ...Object.entries(outputs).map(([key, value]) => `  ${key}: ${value}`),
          `see \`stormkite ps --app ${app}\`, \`stormkite open --app ${app}\`, \`stormkite cost --app ${app}\``,
        ].join('\n'),
      );
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    return exitCodes.done;
  },
});

export const diff = defineCommand({
  name: 'diff',
  summary: 'Show what a deployment would change, as `cdk diff` does',
  arguments: { file: { summary: 'The file whose default export is the App' } },
  options: { ...common, ...jsonOption, verbose: { summary: 'Show stacks of all errors' } },
  examples: [
    { line: 'stormkite diff app.ts', does: 'resources and permissions that would change' },
  ],
  async run(context, { file, name, context: values }) {
    const { env, output, cwd, signal } = context;
    const { app, stack } = await planOf(context, file, name);
    const appFile = resolve(cwd, file);
    const pricesFile =
      (await readPriceFile(homeOf(env))) === null ? null : priceFileOf(homeOf(env));
    const run = { app, stack, appFile, pricesFile, context: values, cwd, env, signal };
    await runCdk({ verb: 'diff', ...run, args: [], isQuiet: output.isJson });
    output.result({ app, stack }, () => `that is what would change of ${stack}`);
    return exitCodes.done;
  },
});

async function planOf(
  { env, cwd, signal, output }: CommandContext,
  file: string,
  name: string | undefined,
): Promise<DeploySummary> {
  const appFile = resolve(cwd, file);
  const app = appNameOf(appFile, name);
  const onOutput = (text: string): void => output.note(text.trimEnd());
  const manifest = await inspectApp({ appFile, cwd, env, signal, onOutput });
  const region = env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'] ?? '';
  const known = await readPriceFile(homeOf(env));
  return summarise(app, manifest, { region, prices: pricesFor(region, known) });
}

function toText(plan: DeploySummary): string {
  const { app, stack, region, resources, idlePerMonth, works, permissions, prices } = plan;
  const where = region === '' ? 'the region of your credentials' : region;
  const rows = works.map((work) => [
    work.name,
    work.class,
    `${work.hardware}${work.market === 'spot' ? ' (spot)' : ''}`,
    work.instanceType,
    work.perHour === null ? 'no price' : dollars(work.perHour),
    work.budgetPerDay === null ? '-' : `${dollars(work.budgetPerDay)} a day`,
  ]);
  const lines = [
    `${app} as the stack ${stack} in ${where}`,
    '',
    'it will have',
    ...resources.map(({ what, count }) => `  ${count}  ${what}`),
    '',
    `idle it costs about ${dollars(idlePerMonth.total)} a month`,
    ...idlePerMonth.parts.map((part) => `  ${dollars(part.dollars)}  ${part.what}`),
    '',
    'a work that runs costs, an hour',
    toTable(['WORK', 'CLASS', 'HARDWARE', 'TYPE', 'AN HOUR', 'BUDGET'], rows),
    ...(plan.budgetPerDay === null
      ? []
      : [`  all of it at most ${dollars(plan.budgetPerDay)} a day`]),
    '',
    'its roles may',
    ...permissions.map(({ role, may }) => `  ${role}: ${may.join('; ')}`),
    '',
    `prices of ${prices.region}, ${prices.date}${region === '' || region === prices.region ? '' : `; those of ${region} are read by \`stormkite prices --refresh\``}`,
  ];
  return lines.join('\n');
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
  const region = said ?? env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'] ?? '';
  if (region === '') throw appError('AWS_REGION_MISSING', { what: 'remembering the deployment' });
  return region;
}
