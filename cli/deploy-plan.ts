/** What `deploy` and `diff` begin with: the app inspected, its stack made in a folder, and both put into words. */
import { join, resolve } from 'node:path';
import { appError } from '../runtime/errors/index.ts';
import { pricesFor } from '../runtime/hardware/prices.ts';
import { cdkMissing, synthesise } from '../runtime/host/cdk.ts';
import { envSecretsOf } from '../runtime/host/deploy-secrets.ts';
import { summarise, type DeploySummary } from '../runtime/host/deploy-summary.ts';
import { namedRegion, placeOf } from '../runtime/host/deployments.ts';
import { inspectApp } from '../runtime/host/inspect.ts';
import { priceFileOf, readPriceFile } from '../runtime/host/price-file.ts';
import { appNameOf, homeOf } from '../runtime/host/run-directory.ts';
import { parseTemplate } from '../runtime/host/stack-template.ts';
import type { CommandContext } from './define-command.ts';
import { dollars } from './dollars.ts';
import { toTable } from './table.ts';

export interface PlanWish {
  readonly file: string;
  readonly name: string | undefined;
  /** `-c name=value` of the user. */
  readonly values: readonly string[];
  /** For the stack; lasts as long as the command. */
  readonly folder: string;
  /** Whether the plan will do where the CDK is not installed. */
  readonly isDryRun: boolean;
}

export interface DeployPlan {
  readonly appFile: string;
  readonly summary: DeploySummary;
  /** Folder of the stack that was made; `null` where the CDK is not installed. */
  readonly assembly: string | null;
  /** Variables whose values works need, with those works. */
  readonly secrets: ReadonlyMap<string, readonly string[]>;
}

/** @throws `DEPLOY_CDK_MISSING`, `DEPLOY_CDK_FAILED`, `CLI_OPTION_INVALID`, and what keeps the app from being loaded */
export async function planDeploy(
  { env, cwd, signal, output }: CommandContext,
  { file, name, values, folder, isDryRun }: PlanWish,
): Promise<DeployPlan> {
  const appFile = resolve(cwd, file);
  const context = contextOf(values);
  const app = appNameOf(appFile, context['name'] ?? name);
  const home = homeOf(env);
  const stack = context['stackName'] ?? (await placeOf(home, app, env)).stack;
  const onOutput = (text: string): void => output.note(text.trimEnd());
  const manifest = await inspectApp({ appFile, cwd, env, signal, onOutput });
  const region = namedRegion(env);
  const known = await readPriceFile(home);
  const problem = await cdkMissing(cwd);
  if (problem !== null && !isDryRun)
    throw appError('DEPLOY_CDK_MISSING', { problem, directory: cwd });
  const assembly = problem === null ? join(folder, 'cdk.out') : null;
  const pricesFile = known === null ? null : priceFileOf(home);
  const of = { appFile, app, stack, pricesFile, context };
  const template =
    assembly === null ? null : parseTemplate(await synthesise(of, assembly, { cwd, env, signal }));
  if (problem !== null) output.warn(`the stack is not made, and may differ: ${problem}`);
  const prices = pricesFor(region, known);
  const summary = summarise(manifest, { app, stack, region, prices, context, template });
  return { appFile, summary, assembly, secrets: envSecretsOf(manifest) };
}

/** @throws `CLI_OPTION_INVALID` */
function contextOf(values: readonly string[]): Record<string, string> {
  const pairs = values.map((value) => {
    const at = value.indexOf('=');
    if (at > 0) return [value.slice(0, at), value.slice(at + 1)] as const;
    throw appError('CLI_OPTION_INVALID', {
      option: '--context',
      value,
      allowed: 'a name and a value, such as ui=alb',
    });
  });
  return Object.fromEntries(pairs);
}

export function planText(plan: DeploySummary): string {
  const { app, stack, region, resources, idlePerMonth, works, prices, secrets } = plan;
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
    ...(secrets.length === 0
      ? []
      : [
          'stored as SSM parameters, from the environment',
          ...secrets.map((each) => `  ${each}`),
          '',
        ]),
    'its roles may',
    ...permissionLines(plan),
    '',
    `prices of ${prices.region}, ${prices.date}${region === '' || region === prices.region ? '' : `; those of ${region} are read by \`stormkite prices --refresh\``}`,
  ];
  return lines.join('\n');
}

/** In words, and by the statements of the template where there is one. */
function permissionLines({ permissions, iam }: DeploySummary): string[] {
  const words = permissions.map(({ role, may }) => `  ${role}: ${may.join('; ')}`);
  const statements = (iam ?? []).flatMap(({ role, statements: all, managedPolicies }) => [
    `  ${role}`,
    ...all.map(({ effect, actions, resources, conditions }) => {
      const when = conditions === null ? '' : ` if ${conditions}`;
      return `    ${effect} ${actions.join(', ')} on ${resources.join(', ')}${when}`;
    }),
    ...managedPolicies.map((arn) => `    the policy ${arn}`),
  ]);
  return statements.length === 0 ? words : [...words, '', 'statement by statement', ...statements];
}
